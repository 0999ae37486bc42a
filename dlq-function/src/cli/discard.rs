//! `discard`: dead letters are given up.

use clap::Args;
use serde_json::json;
use shared::store::dead_letters::DeadLetterState;

use super::{
    arguments::{HowArguments, SelectionArguments},
    by, chosen,
    output::{bar, confirm, dead_letters, print, print_json, print_refused, refusals},
};
use crate::actions::{Actions, DISCARDABLE};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function discard 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1
  dlq-function discard --reason undecodable --until 7days --dry-run
  dlq-function discard --reason undecodable --until 7days

A discard cannot be undone: to put dead letters aside, archive them.";

/// Which, and how.
#[derive(Debug, Args)]
pub struct Discard {
    #[command(flatten)]
    how: HowArguments,
    #[command(flatten)]
    selection: SelectionArguments,
}

pub(super) async fn run(actions: &Actions, arguments: &Discard) -> anyhow::Result<u8> {
    let selection = arguments
        .selection
        .selection(DeadLetterState::Open, actions.now());
    let (selection, mut refused) = chosen(actions, selection, "discard", &DISCARDABLE).await?;
    let matched = actions.count_standing(&selection, &DISCARDABLE).await?;
    let how = arguments.how;
    if matched == 0 && refused.is_empty() {
        return super::nothing("discard", how.json);
    }
    if how.dry_run {
        if how.json {
            let refused = refusals(&refused);
            print_json(&json!({ "dryRun": true, "matched": matched, "refused": refused }))?;
        } else {
            print(&format!("would discard {}", dead_letters(matched)));
            print_refused(&refused);
        }
        return Ok(super::code(&refused));
    }
    if matched > 0 {
        confirm(&format!("discard {}", dead_letters(matched)), how.yes)?;
    }
    let progress = bar("discarding", matched);
    let (mut done, mut left) = (0, matched > 0);
    while left {
        let before = progress.position();
        let part = actions
            .discard_many(&selection, &by(), |looked_at| {
                progress.set_position(before + looked_at)
            })
            .await
            .inspect_err(|_| {
                progress.finish_and_clear();
                eprintln!("repeating the command goes on from where it stopped");
            })?;
        done += part.done;
        left = part.remaining > 0 && part.done > 0;
        refused.extend(part.refused.into_iter().map(|(id, why)| (id, why.to_string())));
    }
    progress.finish_and_clear();
    super::tell("discarded", matched, done, &refused, how.json)
}
