//! `list`: dead letters, newest first.

use clap::Args;

use super::{
    arguments::{FilterArguments, StateArgument},
    output::{DONE, print, print_dead_letters, print_json},
};
use crate::{actions::Actions, view::DeadLetterView};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function list
  dlq-function list --state open --reason store-refused --since 2h
  dlq-function list --contact 00d10104-8755-828e-b9e5-681a15e9c6e0
  dlq-function list --state open --reason undecodable --ids | xargs dlq-function discard --dry-run";

/// Which, and how they are shown.
#[derive(Debug, Args)]
pub struct List {
    #[command(flatten)]
    state: StateArgument,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    /// Print JSON, one array.
    #[arg(long)]
    json: bool,
    /// Print the ids alone, one a line.
    #[arg(long, conflicts_with = "json")]
    ids: bool,
    #[command(flatten)]
    filter: FilterArguments,
}

pub(super) async fn run(actions: &Actions, arguments: &List) -> anyhow::Result<u8> {
    let filter = arguments.filter.filter(arguments.state.state, actions.now());
    let found = actions
        .store
        .dead_letters_page(&filter, None, arguments.limit)
        .await?;
    let views: Vec<DeadLetterView> = found.iter().map(DeadLetterView::from).collect();
    if arguments.json {
        print_json(&views)?;
    } else if views.is_empty() {
        eprintln!("no dead letters");
    } else if arguments.ids {
        views.iter().for_each(|view| print(&view.id));
    } else {
        print_dead_letters(&views);
        let all = actions.store.dead_letters_count(&filter).await?;
        eprintln!("{} of {all}", views.len());
    }
    Ok(DONE)
}
