//! `groups`: dead letters that failed alike.

use clap::Args;
use shared::store::dead_letters::DeadLetterState;

use super::{
    arguments::{FilterArguments, StateArgument},
    output::{Column, DONE, print_json, print_table},
};
use crate::{actions::Actions, group_view::GroupView};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function groups
  dlq-function groups --since 1h
  dlq-function groups --state archived
  dlq-function replay --group 0123456789abcdef0123456789abcdef --dry-run";

/// Which, and how they are shown.
#[derive(Debug, Args)]
pub struct Groups {
    #[command(flatten)]
    state: StateArgument,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    /// Print JSON, one array.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    filter: FilterArguments,
}

pub(super) async fn run(actions: &Actions, arguments: &Groups) -> anyhow::Result<u8> {
    const COLUMNS: [Column; 8] = [
        Column::new("GROUP", 0),
        Column::new("REASON", 0),
        Column::new("OPERATION", 4),
        Column::number("OPEN", 0),
        Column::number("ARCHIVED", 3),
        Column::time("FIRST SEEN", 5),
        Column::time("LAST SEEN", 1),
        Column::sentence("DETAIL", 2),
    ];
    let state = arguments.state.state.unwrap_or(DeadLetterState::Open);
    let filter = arguments.filter.filter(Some(state), actions.now());
    let groups = actions.groups(&filter, None, arguments.limit).await?;
    let views: Vec<GroupView> = groups.iter().map(GroupView::from).collect();
    if arguments.json {
        print_json(&views)?;
        return Ok(DONE);
    }
    if views.is_empty() {
        eprintln!("no group has dead letters that are {}", state.as_str());
        return Ok(DONE);
    }
    let row = |view: &GroupView| {
        vec![
            view.group.clone(),
            view.reason.to_owned(),
            view.operation.unwrap_or("-").to_owned(),
            view.counts.open.to_string(),
            view.counts.archived.to_string(),
            view.first_seen.clone(),
            view.last_seen.clone(),
            view.detail.clone(),
        ]
    };
    print_table(&COLUMNS, &views.iter().map(row).collect::<Vec<_>>());
    Ok(DONE)
}
