//! `replays`: replays of many, followed, stopped and resumed.

use std::time::Duration;

use clap::{Args, Subcommand};
use indicatif::ProgressBar;
use serde_json::json;
use shared::store::replays::{ReplayCounts, ReplayState};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    by,
    output::{
        Column, DEAD_AGAIN, DONE, FAILED, NOTHING_MATCHED, PARTLY_REFUSED, Refused, bar, dead_letters, plain,
        print, print_json, print_refused, print_table, refusals,
    },
    replay_items::{self, Items},
};
use crate::{
    actions::{ActionError, Actions},
    replays::{Driven, ReplayView, Runner},
};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function replays list
  dlq-function replays show 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1
  dlq-function replays items 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1 --json >items.jsonl
  dlq-function replays stop 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1
  dlq-function replays resume 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1 --detach";

/// What is done to replays.
#[derive(Debug, Subcommand)]
pub enum Replays {
    /// List replays, newest first.
    List(List),
    /// Show how far a replay has come.
    Show(Show),
    /// List what became of each dead letter of a replay; with --json all of it, to export.
    Items(Items),
    /// Stop a replay; what was sent keeps its outcome.
    Stop(Show),
    /// Let a replay go on that was stopped or braked.
    Resume(Resume),
}

impl Replays {
    /// Whether it sends something.
    pub(super) fn needs_broker(&self) -> bool {
        match self {
            Self::Resume(arguments) => !arguments.detach,
            Self::List(_) | Self::Show(_) | Self::Items(_) | Self::Stop(_) => false,
        }
    }
}

/// How many, and how they are shown.
#[derive(Debug, Args)]
pub struct List {
    /// At most so many.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    /// Print JSON, one array.
    #[arg(long)]
    json: bool,
}

/// Which.
#[derive(Debug, Args)]
pub struct Show {
    /// The replay's id.
    id: Uuid,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// Which, and how.
#[derive(Debug, Args)]
pub struct Resume {
    #[command(flatten)]
    which: Show,
    /// Leave it to the running service.
    #[arg(long)]
    detach: bool,
}

pub(super) async fn run(actions: &Actions, runner: &Runner, command: &Replays) -> anyhow::Result<u8> {
    match command {
        Replays::List(arguments) => list(actions, arguments).await,
        Replays::Show(which) => match actions.replay_progress(which.id).await? {
            Some(view) => tell(&view, None, which.json),
            None => missing(which.id),
        },
        Replays::Items(arguments) => match replay_items::run(actions, arguments).await {
            Ok(code) => Ok(code),
            Err(error) => cannot(error, arguments.id),
        },
        Replays::Stop(which) => match actions.stop_replay(which.id, &by()).await {
            Ok(()) => {
                tell_as_it_is(actions, which).await?;
                Ok(DONE)
            }
            Err(error) => cannot(error, which.id),
        },
        Replays::Resume(Resume { which, detach }) => match actions.resume_replay(which.id, &by()).await {
            Ok(()) if *detach => tell_begun(actions, which.id, None, which.json).await,
            Ok(()) => follow(actions, runner, which.id, None, which.json).await,
            Err(error) => cannot(error, which.id),
        },
    }
}

async fn list(actions: &Actions, arguments: &List) -> anyhow::Result<u8> {
    const COLUMNS: [Column; 10] = [
        Column::new("ID", 0),
        Column::new("STATE", 0),
        Column::time("STARTED", 1),
        Column::new("BY", 5),
        Column::number("TOTAL", 0),
        Column::number("WAITING", 3),
        Column::number("APPLIED", 4),
        Column::number("SUPERSEDED", 6),
        Column::number("REJECTED", 7),
        Column::number("DEAD AGAIN", 2),
    ];
    let (views, _) = actions.replays_page(None, arguments.limit).await?;
    if arguments.json {
        print_json(&views)?;
        return Ok(DONE);
    }
    if views.is_empty() {
        eprintln!("no replays");
        return Ok(DONE);
    }
    let row = |view: &ReplayView| {
        let counts = &view.counts;
        vec![
            view.id.clone(),
            view.state.to_owned(),
            view.started_at.clone(),
            who(&view.started_by),
            view.total.to_string(),
            counts.waiting.to_string(),
            counts.applied.to_string(),
            counts.superseded.to_string(),
            counts.rejected.to_string(),
            counts.dead_again.to_string(),
        ]
    };
    print_table(&COLUMNS, &views.iter().map(row).collect::<Vec<_>>());
    Ok(DONE)
}

fn who(principal: &str) -> String {
    match principal {
        "" => "-".to_owned(),
        _ => plain(principal),
    }
}

fn missing(id: Uuid) -> anyhow::Result<u8> {
    eprintln!("there is no replay {id}; `dlq-function replays list` shows those there are");
    Ok(NOTHING_MATCHED)
}

fn cannot(error: ActionError, id: Uuid) -> anyhow::Result<u8> {
    match error {
        ActionError::NoReplay => missing(id),
        ActionError::ReplayEnded => {
            eprintln!("replay {id} has ended; what failed again is open, for another replay");
            Ok(PARTLY_REFUSED)
        }
        other => Err(other.into()),
    }
}

async fn tell_as_it_is(actions: &Actions, which: &Show) -> anyhow::Result<u8> {
    match actions.replay_progress(which.id).await? {
        Some(view) => tell(&view, None, which.json),
        None => missing(which.id),
    }
}

/// Says that a replay is left to the service.
pub(super) async fn tell_begun(
    actions: &Actions,
    id: Uuid,
    refused: Option<&Refused>,
    json: bool,
) -> anyhow::Result<u8> {
    let Some(view) = actions.replay_progress(id).await? else {
        return missing(id);
    };
    if json {
        as_json(&view, refused)?;
    } else {
        print(&format!(
            "replay {id} of {} goes on in the running service; `dlq-function replays show {id}` tells how far",
            dead_letters(view.total.into())
        ));
        refused.map(print_refused);
    }
    Ok(refused.map_or(DONE, super::code))
}

/// Works on a replay and shows how it goes, until it ends or somebody presses Ctrl-C, which stops it.
pub(super) async fn follow(
    actions: &Actions,
    runner: &Runner,
    id: Uuid,
    refused: Option<&Refused>,
    json: bool,
) -> anyhow::Result<u8> {
    let stop = CancellationToken::new();
    let watching = tokio::spawn(stop_at_interrupt(actions.clone(), id, stop.clone()));
    let progress = bar("replaying", 0);
    let driven = runner.drive(id, stop, |counts| show(&progress, counts)).await;
    watching.abort();
    progress.finish_and_clear();
    if driven == Driven::Missing {
        return missing(id);
    }
    match actions.replay_progress(id).await? {
        Some(view) => tell(&view, refused, json),
        None => missing(id),
    }
}

async fn stop_at_interrupt(actions: Actions, id: Uuid, stop: CancellationToken) {
    const PATIENCE: Duration = Duration::from_secs(5);
    if tokio::signal::ctrl_c().await.is_err() {
        return;
    }
    // Stopped before it is let go: a running service would take it up.
    let by = by();
    let stopped = tokio::time::timeout(PATIENCE, actions.stop_replay(id, &by)).await;
    if !matches!(stopped, Ok(Ok(()))) {
        eprintln!(
            "the replay could not be stopped and goes on in the running service; `dlq-function replays stop {id}`"
        );
    }
    stop.cancel();
}

fn show(progress: &ProgressBar, counts: &ReplayCounts) {
    let ReplayCounts {
        waiting,
        sent,
        applied,
        superseded,
        rejected,
        dead_again,
        refused,
        unknown,
    } = *counts;
    let ended = applied + superseded + rejected + dead_again + refused + unknown;
    progress.set_length(ended + sent + waiting);
    progress.set_position(ended);
    let told = [
        (sent, "on their way"),
        (applied, "applied"),
        (superseded, "superseded"),
        (rejected, "rejected"),
        (dead_again, "dead again"),
        (refused, "refused"),
        (unknown, "unknown"),
    ];
    let told = told.iter().filter(|(count, _)| *count > 0);
    let told: Vec<_> = told.map(|(count, word)| format!("{count} {word}")).collect();
    progress.set_message(told.join(", "));
}

/// As the API shows it; where dead letters were named, with those that were refused before it began.
fn as_json(view: &ReplayView, refused: Option<&Refused>) -> anyhow::Result<()> {
    match refused {
        Some(refused) => print_json(&json!({ "replay": view, "refused": refusals(refused) })),
        None => print_json(view),
    }
}

/// Says how a replay stands, and what to do next.
fn tell(view: &ReplayView, refused: Option<&Refused>, json: bool) -> anyhow::Result<u8> {
    if json {
        as_json(view, refused)?;
        return Ok(how_it_went(view, refused));
    }
    let total = dead_letters(view.total.into());
    print(&format!("replay {} of {total}: {}", view.id, view.state));
    for (count, words) in lines(view) {
        if count > 0 {
            print(&format!("{count:>8}  {words}"));
        }
    }
    refused.map(print_refused);
    if view.truncated {
        print("more matched than one replay may have; replay the others when this one has ended");
    }
    if view.state == ReplayState::Braked.as_str() {
        print(&format!(
            "too many failed again: mend the cause, then `dlq-function replays resume {}`",
            view.id
        ));
    }
    if view.state == ReplayState::Stopped.as_str() {
        print(&format!("`dlq-function replays resume {}` goes on", view.id));
    }
    Ok(how_it_went(view, refused))
}

fn lines(view: &ReplayView) -> [(u64, String); 8] {
    let counts = &view.counts;
    let why = &view.refusals;
    let why = [
        (why.missing, "missing"),
        (why.resolved, "resolved"),
        (why.discarded, "discarded"),
        (why.replaced, "replaced"),
        (why.erased, "erased"),
        (why.locked, "locked"),
        (why.newer, "failed again since"),
    ];
    let why: Vec<_> = why
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    [
        (counts.applied, "applied".to_owned()),
        (counts.superseded, "superseded by newer commands".to_owned()),
        (counts.rejected, "rejected (a business answer)".to_owned()),
        (counts.dead_again, "dead again: they are open anew".to_owned()),
        (counts.refused, format!("refused: {}", why.join(", "))),
        (counts.unknown, "sent, and nothing was heard of them".to_owned()),
        (counts.sent, "sent, without an outcome yet".to_owned()),
        (counts.waiting, "waiting to be sent".to_owned()),
    ]
}

fn how_it_went(view: &ReplayView, refused: Option<&Refused>) -> u8 {
    let counts = &view.counts;
    if view.state == ReplayState::Braked.as_str() || counts.dead_again > 0 {
        DEAD_AGAIN
    } else if view.state == ReplayState::Stopped.as_str() {
        FAILED
    } else if counts.refused > 0 || refused.is_some_and(|refused| !refused.is_empty()) {
        PARTLY_REFUSED
    } else {
        DONE
    }
}
