//! The command line for operators. One file per command.
//!
//! It works on SQL and the broker directly, with the settings of the service, so that it serves where the service is down.
//! Results go to standard output, questions and progress to standard error.

use std::{process::ExitCode, time::Duration};

use clap::Subcommand;
use clap_complete::Shell;
use serde_json::json;
use shared::{
    metrics::Metrics, role::Parts, settings::Settings, store::dead_letters::DeadLetterState, wire::rfc3339,
};

use crate::{
    actions::{ActionError, Actions, By, Selection},
    metrics::DlqMetrics,
    replays::Runner,
};

mod archive;
mod arguments;
mod audit;
mod discard;
mod drill;
mod edit;
mod groups;
mod list;
mod operator;
mod output;
mod parking;
mod replay;
mod replay_items;
mod replays;
mod show;

pub use output::EXIT_CODES;
pub use parking::ParkingCommand;

use archive::Way;
use output::{
    DONE, NOTHING_MATCHED, PARTLY_REFUSED, Refused, ask, print, print_json, print_refused, refusals,
};

/// What is done to dead letters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// List dead letters, newest first.
    #[command(after_long_help = list::EXAMPLES)]
    List(list::List),
    /// Show one dead letter: why it failed, what it was (personal data masked), what a replay would come to.
    #[command(after_long_help = show::EXAMPLES)]
    Show(show::Show),
    /// Group dead letters that failed alike, with counts, last seen first.
    #[command(after_long_help = groups::EXAMPLES)]
    Groups(groups::Groups),
    /// Send the commands of dead letters again, under their own command ids: once or ten times is the same.
    #[command(after_long_help = replay::EXAMPLES, override_usage = "dlq-function replay [OPTIONS] <ID...|--all|FILTERS>")]
    Replay(replay::Replay),
    /// List, show, stop and resume replays of many, and tell what became of each dead letter.
    #[command(after_long_help = replays::EXAMPLES)]
    Replays {
        #[command(subcommand)]
        command: replays::Replays,
    },
    /// Correct a dead letter and send the corrected one in its place, under the same command id.
    #[command(after_long_help = edit::EXAMPLES)]
    Edit(edit::Edit),
    /// Give dead letters up: their commands end as rejected, with the reason `discarded`.
    #[command(after_long_help = discard::EXAMPLES, override_usage = "dlq-function discard [OPTIONS] <ID...|--all|FILTERS>")]
    Discard(discard::Discard),
    /// Put dead letters aside: they wait, and are not among the open ones.
    #[command(
        after_long_help = archive::ARCHIVE_EXAMPLES,
        override_usage = "dlq-function archive [OPTIONS] <ID...|--all|FILTERS>"
    )]
    Archive(archive::Archive),
    /// Put archived dead letters back.
    #[command(
        after_long_help = archive::RESTORE_EXAMPLES,
        override_usage = "dlq-function restore [OPTIONS] <ID...|--all|FILTERS>"
    )]
    Restore(archive::Archive),
    /// Tell who did what to dead letters, newest first; with --json all of it, to export.
    #[command(after_long_help = audit::EXAMPLES)]
    Audit(audit::Audit),
    /// Look at the parking queue, where what even the collector could not store waits, and put it back.
    #[command(subcommand)]
    Parking(ParkingCommand),
    /// Make dead letters of invented people, to practise with.
    #[command(after_long_help = drill::EXAMPLES)]
    Drill(drill::Drill),
    /// Print the line that lets somebody sign in to the console with a password.
    #[command(after_long_help = operator::EXAMPLES)]
    Operator(operator::Operator),
    /// Print what makes a shell complete these commands.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

/// How long a command waits for the broker.
const BROKER_PATIENCE: Duration = Duration::from_secs(10);

impl Command {
    /// Whether it sends something.
    fn needs_broker(&self) -> bool {
        match self {
            Self::Replay(_) | Self::Drill(_) => true,
            Self::Edit(arguments) => arguments.sends(),
            Self::Replays { command } => command.needs_broker(),
            Self::List(_)
            | Self::Show(_)
            | Self::Groups(_)
            | Self::Discard(_)
            | Self::Archive(_)
            | Self::Restore(_)
            | Self::Audit(_)
            | Self::Parking(_)
            | Self::Operator(_)
            | Self::Completions { .. } => false,
        }
    }
}

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
    if command.needs_broker() {
        parts.broker_connected(BROKER_PATIENCE).await?;
    }
    let actions = Actions::new(settings, parts)?;
    let runner = Runner::new(actions.clone(), DlqMetrics::new(&Metrics::new(), &parts.clock));
    let code = match &command {
        Command::List(arguments) => list::run(&actions, arguments).await?,
        Command::Show(arguments) => show::run(&actions, arguments).await?,
        Command::Replay(arguments) => replay::run(&actions, &runner, arguments).await?,
        Command::Replays { command } => replays::run(&actions, &runner, command).await?,
        Command::Discard(arguments) => discard::run(&actions, arguments).await?,
        Command::Edit(arguments) => edit::run(&actions, arguments).await?,
        Command::Groups(arguments) => groups::run(&actions, arguments).await?,
        Command::Archive(arguments) => archive::run(&actions, arguments, Way::Aside).await?,
        Command::Restore(arguments) => archive::run(&actions, arguments, Way::Back).await?,
        Command::Audit(arguments) => audit::run(&actions, arguments).await?,
        Command::Drill(arguments) => drill::run(&actions, parts, arguments).await?,
        // Done before.
        Command::Parking(_) | Command::Operator(_) | Command::Completions { .. } => DONE,
    };
    Ok(ExitCode::from(code))
}

/// Runs a command that needs neither settings nor SQL nor a broker; `None` for any other.
///
/// # Errors
/// If what was typed cannot be used.
pub fn run_alone(
    command: &Command,
    shape: impl FnOnce() -> clap::Command,
) -> anyhow::Result<Option<ExitCode>> {
    match command {
        Command::Operator(arguments) => Ok(Some(ExitCode::from(operator::run(arguments)?))),
        Command::Completions { shell } => {
            completions(shape(), *shell);
            Ok(Some(ExitCode::SUCCESS))
        }
        Command::List(_)
        | Command::Show(_)
        | Command::Groups(_)
        | Command::Replay(_)
        | Command::Replays { .. }
        | Command::Edit(_)
        | Command::Discard(_)
        | Command::Archive(_)
        | Command::Restore(_)
        | Command::Audit(_)
        | Command::Parking(_)
        | Command::Drill(_) => Ok(None),
    }
}

/// Prints what makes a shell complete the commands.
fn completions(mut command: clap::Command, shell: Shell) {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut command, "dlq-function", &mut script);
    print(String::from_utf8_lossy(&script).trim_end());
}

/// Who types the command, as far as the system says.
fn by() -> By {
    let name = ["SUDO_USER", "USER", "LOGNAME"]
        .into_iter()
        .find_map(|name| std::env::var(name).ok().filter(|name| !name.is_empty()));
    By(format!("cli:{}", name.unwrap_or_default()))
}

/// A selection, and of the dead letters that it names those that an action cannot be done to: it is for those that stand in
/// one of `states`.
async fn chosen(
    actions: &Actions,
    selection: Selection,
    verb: &str,
    states: &[DeadLetterState],
) -> anyhow::Result<(Selection, Refused)> {
    let Selection::Ids(ids) = selection else {
        return Ok((selection, Refused::new()));
    };
    let (mut good, mut refused) = (Vec::new(), Refused::new());
    for id in ids {
        match actions.store.dead_letter(id).await?.map(|found| found.state) {
            Some(state) if states.contains(&state) => good.push(id),
            Some(state) => refused.push((id, wrong_state(state, verb, states))),
            None => refused.push((id, ActionError::Missing.to_string())),
        }
    }
    Ok((Selection::Ids(good), refused))
}

fn wrong_state(state: DeadLetterState, verb: &str, states: &[DeadLetterState]) -> String {
    let words: Vec<_> = states.iter().map(|state| state.as_str()).collect();
    format!(
        "it is {}; {verb} is for those that are {}",
        state.as_str(),
        words.join(", ")
    )
}

/// Says that there is nothing to act on.
fn nothing(verb: &str, json: bool) -> anyhow::Result<u8> {
    if json {
        print_json(&json!({ "matched": 0 }))?;
    }
    eprintln!("no dead letter matches; nothing to {verb}");
    Ok(NOTHING_MATCHED)
}

/// Says what was done to how many.
fn tell(done: &str, matched: u64, count: u64, refused: &Refused, json: bool) -> anyhow::Result<u8> {
    if json {
        print_json(&json!({ "matched": matched, done: count, "refused": refusals(refused) }))?;
    } else {
        print(&format!(
            "{done} {count} of {matched} at {}",
            rfc3339(chrono::Utc::now())
        ));
        print_refused(refused);
    }
    Ok(code(refused))
}

/// The exit code where these were refused and all else was done.
fn code(refused: &Refused) -> u8 {
    match refused.is_empty() {
        true => DONE,
        false => PARTLY_REFUSED,
    }
}
