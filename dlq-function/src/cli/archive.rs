//! `archive` and `restore`: dead letters are put aside, and back.

use clap::Args;
use serde_json::json;
use shared::store::dead_letters::DeadLetterState;

use super::{
    arguments::{HowArguments, SelectionArguments},
    by, chosen,
    output::{confirm, dead_letters, print, print_json, print_refused, refusals},
};
use crate::actions::Actions;

pub(super) const ARCHIVE_EXAMPLES: &str = "Examples:
  dlq-function archive --group 0123456789abcdef0123456789abcdef --dry-run
  dlq-function archive --reason unknown-version --until 1h

New failures of an archived group show up as usual. What is archived waits: a command that ends otherwise closes it.";

pub(super) const RESTORE_EXAMPLES: &str = "Examples:
  dlq-function restore 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1
  dlq-function restore --all --dry-run";

/// Which, and how.
#[derive(Debug, Args)]
pub struct Archive {
    #[command(flatten)]
    how: HowArguments,
    #[command(flatten)]
    selection: SelectionArguments,
}

/// Which way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    Aside,
    Back,
}

impl Way {
    fn verb(self) -> &'static str {
        match self {
            Self::Aside => "archive",
            Self::Back => "restore",
        }
    }

    fn done(self) -> &'static str {
        match self {
            Self::Aside => "archived",
            Self::Back => "restored",
        }
    }

    /// How a dead letter stands to which it can be done.
    fn from(self) -> DeadLetterState {
        match self {
            Self::Aside => DeadLetterState::Open,
            Self::Back => DeadLetterState::Archived,
        }
    }
}

pub(super) async fn run(actions: &Actions, arguments: &Archive, way: Way) -> anyhow::Result<u8> {
    let selection = arguments.selection.selection(way.from(), actions.now());
    let (selection, refused) = chosen(actions, selection, way.verb(), &[way.from()]).await?;
    let matched = actions.count_standing(&selection, &[way.from()]).await?;
    let how = arguments.how;
    if matched == 0 && refused.is_empty() {
        return super::nothing(way.verb(), how.json);
    }
    if how.dry_run {
        if how.json {
            let refused = refusals(&refused);
            print_json(&json!({ "dryRun": true, "matched": matched, "refused": refused }))?;
        } else {
            print(&format!("would {} {}", way.verb(), dead_letters(matched)));
            print_refused(&refused);
        }
        return Ok(super::code(&refused));
    }
    if matched > 0 {
        confirm(&format!("{} {}", way.verb(), dead_letters(matched)), how.yes)?;
    }
    let done = match (matched, way) {
        (0, _) => 0,
        (_, Way::Aside) => actions.archive(&selection, &by()).await?,
        (_, Way::Back) => actions.restore(&selection, &by()).await?,
    };
    super::tell(way.done(), matched, done, &refused, how.json)
}
