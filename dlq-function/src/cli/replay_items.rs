//! `replays items`: what became of each dead letter of a replay.

use clap::Args;
use shared::store::replays::{ItemState, ReplayedItem};
use uuid::Uuid;

use super::output::{Column, DONE, print_line, print_table};
use crate::{
    actions::{ActionError, Actions},
    replays::ItemView,
};

/// How many are read at once.
const PAGE: u64 = 1000;

/// Which, and how they are shown.
#[derive(Debug, Args)]
pub struct Items {
    /// The replay's id.
    pub(super) id: Uuid,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    /// Print all of them as JSON lines, whatever the limit.
    #[arg(long)]
    json: bool,
}

/// Lists them in the order in which they are sent.
///
/// # Errors
/// If there is no such replay, or SQL does not answer.
pub(super) async fn run(actions: &Actions, arguments: &Items) -> Result<u8, ActionError> {
    const COLUMNS: [Column; 6] = [
        Column::number("NO", 0),
        Column::new("DEAD LETTER", 0),
        Column::new("STATE", 0),
        Column::new("REFUSAL", 1),
        Column::new("FAILED AGAIN AS", 2),
        Column::new("COMMAND", 3),
    ];
    actions.is_replay(arguments.id).await?;
    if arguments.json {
        return export(actions, arguments.id).await;
    }
    let all = &ItemState::ALL;
    let items = actions
        .replayed_items(arguments.id, all, 0, arguments.limit)
        .await?;
    if items.is_empty() {
        eprintln!("nothing was in it");
        return Ok(DONE);
    }
    print_table(&COLUMNS, &items.iter().map(row).collect::<Vec<_>>());
    Ok(DONE)
}

async fn export(actions: &Actions, replay: Uuid) -> Result<u8, ActionError> {
    let mut after = 0;
    loop {
        let items = actions
            .replayed_items(replay, &ItemState::ALL, after, PAGE)
            .await?;
        for item in &items {
            let line = serde_json::to_string(&ItemView::from(item)).expect("texts and a number");
            if !print_line(&line) {
                return Ok(DONE);
            }
        }
        after = items.last().map_or(after, |last| last.position);
        if (items.len() as u64) < PAGE {
            return Ok(DONE);
        }
    }
}

fn row(item: &ReplayedItem) -> Vec<String> {
    let view = ItemView::from(item);
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    vec![
        view.position.to_string(),
        view.dead_letter_id,
        view.state.to_owned(),
        or_dash(view.refusal.map(str::to_owned)),
        or_dash(view.failed_again_as),
        or_dash(view.command_id),
    ]
}
