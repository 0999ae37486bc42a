//! `audit`: who did what.

use chrono::{DateTime, Utc};
use clap::{Args, builder::TypedValueParser};
use shared::store::audit::{Act, AuditFilter, AuditPosition, Entry};
use uuid::Uuid;

use super::{
    arguments::{Moment, moment, words},
    output::{Column, DONE, print_line, print_table},
};
use crate::{actions::Actions, audit_view::AuditView};

pub(super) const EXAMPLES: &str = "Examples:
  dlq-function audit --since 1day
  dlq-function audit --action reveal
  dlq-function audit --dead-letter 01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1
  dlq-function audit --since 2026-11-01T00:00:00Z --json >audit.jsonl";

/// How many entries are read at once.
const PAGE: u64 = 1000;

/// Which, and how they are shown.
#[derive(Debug, Args)]
pub struct Audit {
    /// At or after this time: 2026-11-22T08:00:00Z, or how long ago: 2h, 3days.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// Before this time, likewise.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
    /// Of this act, such as replay-started, discard, reveal.
    #[arg(long, value_parser = acts(), hide_possible_values = true)]
    action: Option<Act>,
    /// By this principal, such as cli:ana or key:3f9c2a1b.
    #[arg(long, value_name = "PRINCIPAL")]
    by: Option<String>,
    /// Of this dead letter alone.
    #[arg(long, value_name = "ID")]
    dead_letter: Option<Uuid>,
    /// Of this replay.
    #[arg(long, value_name = "ID")]
    replay: Option<Uuid>,
    /// At most so many.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1000))]
    limit: u64,
    /// Print everything that matches as JSON lines, whatever the limit: the export.
    #[arg(long)]
    json: bool,
}

impl Audit {
    fn filter(&self, now: DateTime<Utc>) -> AuditFilter {
        AuditFilter {
            act: self.action,
            principal: self.by.clone(),
            dead_letter: self.dead_letter,
            replay: self.replay,
            since: self.since.map(|moment| moment.time(now)),
            until: self.until.map(|moment| moment.time(now)),
        }
    }
}

fn acts() -> impl TypedValueParser<Value = Act> {
    words(Act::ALL.map(Act::as_str).to_vec(), Act::from_word)
}

pub(super) async fn run(actions: &Actions, arguments: &Audit) -> anyhow::Result<u8> {
    let filter = arguments.filter(actions.now());
    if arguments.json {
        return export(actions, &filter).await;
    }
    let entries = actions.audit_page(&filter, None, arguments.limit).await?;
    if entries.is_empty() {
        eprintln!("nothing was done that matches");
        return Ok(DONE);
    }
    const COLUMNS: [Column; 6] = [
        Column::new("AT", 0),
        Column::new("WHO", 1),
        Column::new("ACTION", 0),
        Column::number("COUNT", 0),
        Column::new("CHANGE", 3),
        Column::sentence("TO WHICH", 2),
    ];
    print_table(&COLUMNS, &entries.iter().map(row).collect::<Vec<_>>());
    Ok(DONE)
}

async fn export(actions: &Actions, filter: &AuditFilter) -> anyhow::Result<u8> {
    let mut after = None;
    loop {
        let page = actions.audit_page(filter, after, PAGE).await?;
        for entry in &page {
            if !print_line(&serde_json::to_string(&AuditView::from(entry))?) {
                return Ok(DONE);
            }
        }
        after = page.last().map(|last| AuditPosition {
            at: last.at,
            id: last.id,
        });
        if (page.len() as u64) < PAGE {
            return Ok(DONE);
        }
    }
}

fn row(entry: &Entry) -> Vec<String> {
    let view = AuditView::from(entry);
    let to_which = match (&view.dead_letter_id, &view.replay_id, &view.selection) {
        (Some(dead_letter), _, _) => dead_letter.clone(),
        (None, Some(replay), _) => format!("replay {replay}"),
        (None, None, Some(selection)) => selected(selection),
        (None, None, None) => "-".to_owned(),
    };
    // A correction tells of fields too, as JSON; --json has all of it.
    let state = |text: Option<String>| {
        let text = text.unwrap_or_else(|| "-".to_owned());
        let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
        let state = json.as_ref().and_then(|json| json["state"].as_str());
        state.map_or(text.clone(), str::to_owned)
    };
    let change = match (view.before, view.after) {
        (None, None) => "-".to_owned(),
        (before, after) => format!("{} > {}", state(before), state(after)),
    };
    vec![
        view.at,
        view.principal.unwrap_or_else(|| "-".to_owned()),
        view.action.to_owned(),
        view.count.to_string(),
        change,
        to_which,
    ]
}

/// A filter as it is typed: `reason=store-refused state=open`.
fn selected(selection: &serde_json::Value) -> String {
    let Some(members) = selection.as_object() else {
        return selection.to_string();
    };
    let member = |(name, value): (&String, &serde_json::Value)| match (value.as_str(), value.as_array()) {
        (Some(text), _) => format!("{name}={text}"),
        (None, Some(values)) => format!("{} {name}", values.len()),
        (None, None) => format!("{name}={value}"),
    };
    members.iter().map(member).collect::<Vec<_>>().join(" ")
}
