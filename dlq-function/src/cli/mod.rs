//! The command line for operators: list, show, replay, discard.
//!
//! It works on SQL and the broker directly, with the settings of the service, so that it serves where the service is down.
//! Results go to standard output, questions and progress to standard error.

use std::{
    collections::BTreeMap,
    io::{IsTerminal, Write},
    process::ExitCode,
    time::Duration,
};

use anyhow::bail;
use chrono::{DateTime, Utc};
use clap::{Args, Subcommand};
use serde_json::json;
use shared::{
    role::Parts,
    settings::Settings,
    store::dead_letters::{DeadLetterFilter, DeadLetterState},
    wire::{Reason, rfc3339},
};
use uuid::Uuid;

use crate::{
    actions::{ActionError, Actions, By, Prediction},
    view::DeadLetterView,
};

mod parking;

pub use parking::ParkingCommand;

/// What is done to dead letters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List dead letters, newest first.
    List(ListArguments),
    /// Show one dead letter: why it failed, what it was (personal data masked), what a replay would come to.
    Show {
        /// The dead letter's id.
        id: Uuid,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Send the commands of dead letters again, under their own command ids: once or ten times is the same.
    Replay(ActionArguments),
    /// Give dead letters up: their commands end as rejected, with the reason `discarded`.
    Discard(ActionArguments),
    /// Look at the parking queue, where what even the collector could not store waits, and put it back.
    #[command(subcommand)]
    Parking(ParkingCommand),
}

/// Which dead letters.
#[derive(Debug, Args)]
pub struct FilterArguments {
    /// Only those dead for this reason, such as `store-refused`.
    #[arg(long, value_parser = reason)]
    reason: Option<Reason>,
    /// Only those stored at or after this time: RFC 3339 (2026-11-22T08:00:00Z) or how long ago (2h, 3days).
    #[arg(long, value_parser = moment)]
    since: Option<Moment>,
}

/// Arguments of `list`.
#[derive(Debug, Args)]
pub struct ListArguments {
    #[command(flatten)]
    filter: FilterArguments,
    /// Only those that stand so: open, replayed, resolved, discarded; all of them without it.
    #[arg(long, value_parser = state)]
    state: Option<DeadLetterState>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    /// Print JSON, one array.
    #[arg(long)]
    json: bool,
}

/// Arguments of `replay` and `discard`.
#[derive(Debug, Args)]
pub struct ActionArguments {
    /// The dead letters' ids.
    #[arg(conflicts_with_all = ["all", "reason", "since"], required_unless_present_any = ["all", "reason", "since"])]
    ids: Vec<Uuid>,
    /// All that are open.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    filter: FilterArguments,
    /// Say what would happen, change nothing.
    #[arg(long)]
    dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    yes: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Who types the command, as far as the system says.
fn by() -> By {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    By(format!("cli:{}", name.unwrap_or_default()))
}

/// Everything was done as asked.
const DONE: u8 = 0;
/// No dead letter matched.
const NOTHING_MATCHED: u8 = 3;
/// Some could not be acted on; the output says which and why.
const PARTLY_REFUSED: u8 = 4;

/// The exit codes, for `--help`.
pub const EXIT_CODES: &str = "Exit codes: 0 done; 1 failed (the error says why); 2 wrong arguments; 3 no dead letter \
                              matched; 4 some were refused (the output says which and why).";

/// How long a replay waits for the broker.
const BROKER_PATIENCE: Duration = Duration::from_secs(10);

/// Runs a command.
///
/// # Errors
/// If SQL or the broker cannot be used.
pub async fn run(command: Command, settings: &Settings, parts: &Parts) -> anyhow::Result<ExitCode> {
    // Before SQL is asked for: one looks at the parking queue when that is down.
    if let Command::Parking(command) = command {
        return Ok(ExitCode::from(parking::run(command, parts).await?));
    }
    parts.store.check_schema().await?;
    if matches!(command, Command::Replay(_)) {
        parts.broker_connected(BROKER_PATIENCE).await?;
    }
    let actions = Actions::new(settings, parts)?;
    let code = match command {
        Command::List(arguments) => list(&actions, arguments).await?,
        Command::Show { id, json } => show(&actions, id, json).await?,
        Command::Replay(arguments) => act(&actions, arguments, Act::Replay).await?,
        Command::Discard(arguments) => act(&actions, arguments, Act::Discard).await?,
        Command::Parking(command) => parking::run(command, parts).await?,
    };
    Ok(ExitCode::from(code))
}

/// A point in time, or how long ago.
#[derive(Clone, Copy, Debug)]
pub enum Moment {
    At(DateTime<Utc>),
    Ago(Duration),
}

fn reason(text: &str) -> Result<Reason, String> {
    let known = Reason::ALL.map(Reason::as_str).join(", ");
    Reason::from_code(text).ok_or_else(|| format!("must be one of {known}"))
}

fn state(text: &str) -> Result<DeadLetterState, String> {
    let known = DeadLetterState::ALL.map(DeadLetterState::as_str).join(", ");
    DeadLetterState::from_word(text).ok_or_else(|| format!("must be one of {known}"))
}

fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(time.with_timezone(&Utc)));
    }
    humantime::parse_duration(text)
        .map(Moment::Ago)
        .map_err(|_| "must be a time such as 2026-11-22T08:00:00Z or a duration such as 2h".to_owned())
}

impl FilterArguments {
    fn filter(&self, state: Option<DeadLetterState>, now: DateTime<Utc>) -> DeadLetterFilter {
        let since = self.since.map(|moment| match moment {
            Moment::At(time) => time,
            Moment::Ago(duration) => now - duration,
        });
        DeadLetterFilter {
            reason: self.reason,
            since,
            state,
            ..DeadLetterFilter::default()
        }
    }
}

async fn list(actions: &Actions, arguments: ListArguments) -> anyhow::Result<u8> {
    let filter = arguments.filter.filter(arguments.state, actions.now());
    let found = actions
        .store
        .dead_letters_page(&filter, None, arguments.limit)
        .await?;
    let views: Vec<DeadLetterView> = found.iter().map(DeadLetterView::from).collect();
    if arguments.json {
        print(&serde_json::to_string_pretty(&views)?);
    } else if views.is_empty() {
        eprintln!("no dead letters");
    } else {
        print(&table(&views));
        let all = actions.store.dead_letters_count(&filter).await?;
        eprintln!("{} of {all}", views.len());
    }
    Ok(DONE)
}

fn table(views: &[DeadLetterView]) -> String {
    let mut text = format!(
        "{:36}  {:24}  {:17}  {:9}  {:9}  {:>7}  {}",
        "ID", "RECEIVED", "REASON", "OPERATION", "STATE", "REPLAYS", "COMMAND"
    );
    for view in views {
        let operation = view.operation.unwrap_or("-");
        let command = view.command_id.as_deref().unwrap_or("-");
        text += &format!(
            "\n{:36}  {:24}  {:17}  {:9}  {:9}  {:>7}  {command}",
            view.id, view.received_at, view.reason, operation, view.state, view.replay
        );
    }
    text
}

async fn show(actions: &Actions, id: Uuid, json: bool) -> anyhow::Result<u8> {
    let Some(detail) = actions.detail(id).await? else {
        eprintln!("there is no dead letter {id}; `dlq-function list` shows those there are");
        return Ok(NOTHING_MATCHED);
    };
    if json {
        print(&serde_json::to_string_pretty(&detail)?);
        return Ok(DONE);
    }
    let view = &detail.letter;
    let or_none = |value: Option<&str>| value.unwrap_or("-").to_owned();
    let body = match &detail.masked_body {
        Some(body) => serde_json::to_string_pretty(body)?,
        None if view.erased => "erased with its contact's data".to_owned(),
        None => format!("{} bytes that are not a JSON object", view.body_bytes),
    };
    print(&format!(
        "dead letter  {}\nreason       {}: {}\nstate        {} since {}\noperation    {}\ncommand      {}\ncontact      {}\n\
         failed       {} on {}, attempt {}, replayed {} times before\nreceived     {}\ngroup        {}\ntrace        {}\n\
         replay       {}\nmessage      {body}",
        view.id,
        view.reason,
        view.detail,
        view.state,
        view.state_changed_at,
        or_none(view.operation),
        or_none(view.command_id.as_deref()),
        or_none(view.contact_id.as_deref()),
        view.failed_at,
        view.worker,
        view.attempt,
        view.replay,
        view.received_at,
        view.group,
        or_none(view.traceparent.as_deref()),
        words(detail.replay_would),
    ));
    if detail.history.len() > 1 {
        print(&format!(
            "\nall dead letters of this command, oldest first:\n{}",
            table(&detail.history)
        ));
    }
    Ok(DONE)
}

fn words(prediction: Prediction) -> &'static str {
    match prediction {
        Prediction::WouldApply => "would apply",
        Prediction::WouldBeSuperseded => "would be superseded by newer commands",
        Prediction::WouldBeRejected => "would be rejected (a business answer)",
        Prediction::HasEnded => "would change nothing: the command has ended",
        Prediction::WouldFailAgain => "would fail again",
        Prediction::CannotBeSent => "cannot be sent: discarded or erased",
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Replay,
    Discard,
}

impl Act {
    fn verb(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Replay => "replayed",
            Self::Discard => "discarded",
        }
    }
}

async fn act(actions: &Actions, arguments: ActionArguments, act: Act) -> anyhow::Result<u8> {
    let mut refused: Vec<(Uuid, String)> = Vec::new();
    let frozen = if arguments.ids.is_empty() {
        let filter = arguments
            .filter
            .filter(Some(DeadLetterState::Open), actions.now());
        actions.freeze(&filter).await?
    } else {
        let mut found = Vec::new();
        for id in &arguments.ids {
            match actions.store.dead_letter(*id).await? {
                Some(letter) => found.push(letter.id),
                None => refused.push((*id, ActionError::Missing.to_string())),
            }
        }
        found
    };
    if frozen.is_empty() && refused.is_empty() {
        if arguments.json {
            print(&json!({ "matched": 0 }).to_string());
        }
        eprintln!("no open dead letter matches; nothing to {}", act.verb());
        return Ok(NOTHING_MATCHED);
    }
    if arguments.dry_run {
        return dry_run(actions, &frozen, &refused, act, arguments.json).await;
    }
    confirm(act, frozen.len(), arguments.yes)?;
    let mut done = 0;
    for id in &frozen {
        let result = match act {
            Act::Replay => actions.replay(*id, &by()).await,
            Act::Discard => actions.discard(*id, &by()).await,
        };
        match result {
            Ok(()) => done += 1,
            Err(error @ (ActionError::Broker(_) | ActionError::Store(_))) => {
                eprintln!(
                    "stopped after {done} of {}: repeating the command goes on from here",
                    frozen.len()
                );
                return Err(error.into());
            }
            Err(error) => refused.push((*id, error.to_string())),
        }
    }
    report(act, frozen.len(), done, &refused, arguments.json);
    Ok(if refused.is_empty() { DONE } else { PARTLY_REFUSED })
}

async fn dry_run(
    actions: &Actions,
    frozen: &[Uuid],
    refused: &[(Uuid, String)],
    act: Act,
    json: bool,
) -> anyhow::Result<u8> {
    let mut counts: BTreeMap<Prediction, usize> = BTreeMap::new();
    if act == Act::Replay {
        for prediction in actions.foresee(frozen).await? {
            *counts.entry(prediction).or_default() += 1;
        }
    }
    if json {
        let would: BTreeMap<String, usize> = counts
            .into_iter()
            .map(|(prediction, count)| {
                Ok((
                    serde_json::to_value(prediction)?
                        .as_str()
                        .unwrap_or_default()
                        .to_owned(),
                    count,
                ))
            })
            .collect::<Result<_, serde_json::Error>>()?;
        print(
            &json!({ "dryRun": true, "matched": frozen.len(), "would": would, "refused": refusals(refused) })
                .to_string(),
        );
    } else {
        print(&format!("would {} {}", act.verb(), frozen.len()));
        for (prediction, count) in counts {
            print(&format!("{count:>8}  {}", words(prediction)));
        }
        print_refused(refused);
    }
    Ok(if refused.is_empty() { DONE } else { PARTLY_REFUSED })
}

/// Says how many and asks, unless told not to. A program that cannot be asked has to say so.
fn confirm(act: Act, count: usize, yes: bool) -> anyhow::Result<()> {
    if yes || (act == Act::Replay && count == 1) {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!(
            "about to {} {count}: say --yes to do it without being asked, or --dry-run to see what would happen",
            act.verb()
        );
    }
    ask(&format!("{} {count} dead letters", act.verb()), yes)
}

/// Asks whether to do it, unless told not to. A program that cannot be asked has to say so.
fn ask(what: &str, yes: bool) -> anyhow::Result<()> {
    if yes {
        return Ok(());
    }
    if !std::io::stdin().is_terminal() {
        bail!("about to {what}: say --yes to do it without being asked");
    }
    eprint!("{what}? [y/N] ");
    std::io::stderr().flush()?;
    let mut answer = String::new();
    std::io::stdin().read_line(&mut answer)?;
    if !matches!(answer.trim(), "y" | "Y" | "yes" | "s" | "sim") {
        bail!("nothing was done");
    }
    Ok(())
}

fn report(act: Act, matched: usize, done: usize, refused: &[(Uuid, String)], json: bool) {
    if json {
        print(&json!({ "matched": matched, act.done(): done, "refused": refusals(refused) }).to_string());
        return;
    }
    print(&format!(
        "{} {done} of {matched} at {}",
        act.done(),
        rfc3339(Utc::now())
    ));
    print_refused(refused);
}

fn refusals(refused: &[(Uuid, String)]) -> Vec<serde_json::Value> {
    refused
        .iter()
        .map(|(id, why)| json!({ "id": id, "why": why }))
        .collect()
}

fn print_refused(refused: &[(Uuid, String)]) {
    for (id, why) in refused {
        print(&format!("refused {id}: {why}"));
    }
}

/// Prints a line. A closed pipe (`| head`) is the reader's choice, no error.
fn print(line: &str) {
    drop(writeln!(std::io::stdout(), "{line}"));
}
