//! `replay`: commands are sent again, under their own command ids. One by itself; more in a replay that has a pace, a brake and
//! a record.

use clap::Args;
use serde_json::json;
use shared::store::dead_letters::DeadLetterState;
use uuid::Uuid;

use super::{
    arguments::{HowArguments, SelectionArguments},
    by, chosen,
    output::{
        NOTHING_MATCHED, Refused, confirm, dead_letters, print, print_json, print_refused, refusals, words,
    },
    replays::{follow, tell_begun},
};
use crate::{
    actions::{ActionError, Actions, FROZEN_MAX, Selection},
    replays::{BRAKE_MAX, Pace, RATE_MAX, Runner},
};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function replay 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1
  dlq-function replay --reason store-refused --since 2h --dry-run
  dlq-function replay --reason store-refused --since 2h
  dlq-function replay --group 0123456789abcdef0123456789abcdef --rate 10 --brake 5 --detach --yes

More than one are sent in a replay: it begins with one message and goes faster while outcomes are good. Ctrl-C stops it;
`dlq-function replays resume ID` goes on.";

/// Which, and how.
#[derive(Debug, Args)]
pub struct Replay {
    #[command(flatten)]
    how: HowArguments,
    /// Messages a second at most.
    #[arg(long, default_value_t = Pace::default().rate, value_parser = clap::value_parser!(u32).range(1..=i64::from(RATE_MAX)))]
    rate: u32,
    /// Stop by itself when more than so many percent of what has an outcome failed again; 0 for never.
    #[arg(long, value_name = "PERCENT", default_value_t = Pace::default().brake, value_parser = clap::value_parser!(u32).range(0..=i64::from(BRAKE_MAX)))]
    brake: u32,
    /// Begin the replay and leave it to the running service.
    #[arg(long)]
    detach: bool,
    #[command(flatten)]
    selection: SelectionArguments,
}

/// How a dead letter stands that can be sent.
const SENDABLE: [DeadLetterState; 3] = [
    DeadLetterState::Open,
    DeadLetterState::Archived,
    DeadLetterState::Replayed,
];

pub(super) async fn run(actions: &Actions, runner: &Runner, arguments: &Replay) -> anyhow::Result<u8> {
    let selection = arguments
        .selection
        .selection(DeadLetterState::Open, actions.now());
    let (selection, refused) = chosen(actions, selection, "replay", &SENDABLE).await?;
    let matched = actions.count(&selection).await?;
    let HowArguments { dry_run, yes, json } = arguments.how;
    if matched == 0 && refused.is_empty() {
        return super::nothing("replay", json);
    }
    if matched == 0 {
        return super::tell("replayed", 0, 0, &refused, json);
    }
    if dry_run {
        return foretell(actions, &selection, &refused, json).await;
    }
    if let (Some(id), false) = (arguments.selection.one(), arguments.detach) {
        return one(actions, id, json).await;
    }
    confirm(&format!("replay {}", dead_letters(matched)), yes)?;
    let pace = Pace {
        rate: arguments.rate,
        brake: arguments.brake,
    };
    let Some(id) = begin(actions, &selection, pace, matched).await? else {
        eprintln!(
            "all of them wait in another replay: `dlq-function replays list` shows it; nothing was done"
        );
        return Ok(NOTHING_MATCHED);
    };
    if arguments.detach {
        return tell_begun(actions, id, Some(&refused), json).await;
    }
    follow(actions, runner, id, Some(&refused), json).await
}

/// Begins a replay of at most as many as were counted; fewer if others have acted on some or are about to. `None` if all are
/// left to another replay.
async fn begin(
    actions: &Actions,
    selection: &Selection,
    pace: Pace,
    matched: u64,
) -> anyhow::Result<Option<Uuid>> {
    let mut expected = matched.min(FROZEN_MAX as u64);
    loop {
        match actions.start_replay(selection, pace, Some(expected), &by()).await {
            Err(ActionError::Unexpected { found: 0, .. }) => return Ok(None),
            Err(ActionError::Unexpected { found, .. }) if found < expected => expected = found,
            Err(error) => {
                return Err(anyhow::Error::new(error).context("nothing was done; repeat the command"));
            }
            Ok(id) => return Ok(Some(id)),
        }
    }
}

/// Sends one by itself.
async fn one(actions: &Actions, id: Uuid, json: bool) -> anyhow::Result<u8> {
    let mut refused = Refused::new();
    let done = match actions.replay(id, &by()).await {
        Ok(()) => 1,
        Err(error @ (ActionError::Broker(_) | ActionError::Store(_))) => return Err(error.into()),
        Err(error) => {
            refused.push((id, error.to_string()));
            0
        }
    };
    super::tell("replayed", 1, done, &refused, json)
}

async fn foretell(
    actions: &Actions,
    selection: &Selection,
    refused: &Refused,
    json: bool,
) -> anyhow::Result<u8> {
    let preview = actions.preview(selection).await?;
    if json {
        let refused = refusals(refused);
        print_json(&json!({
            "dryRun": true,
            "matched": preview.matched,
            "truncated": preview.truncated,
            "would": preview.would,
            "refused": refused,
        }))?;
    } else {
        print(&format!("would replay {}", dead_letters(preview.matched)));
        for (prediction, count) in &preview.would {
            print(&format!("{count:>8}  {}", words(*prediction)));
        }
        if preview.truncated {
            print(
                "more match than one replay may have: the oldest are sent first, the others with another replay",
            );
        }
        print_refused(refused);
    }
    match preview.matched {
        0 => Ok(NOTHING_MATCHED),
        _ => Ok(super::code(refused)),
    }
}
