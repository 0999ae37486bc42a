//! What commands are told: which dead letters, and how it is meant.

use std::{str::FromStr, time::Duration};

use chrono::{DateTime, Utc};
use clap::{
    Args,
    builder::{PossibleValuesParser, TypedValueParser},
};
use shared::{
    domain::{CommandId, ContactId, Operation},
    store::dead_letters::{DeadLetterFilter, DeadLetterState},
    wire::Reason,
};
use uuid::Uuid;

use crate::actions::Selection;

/// Filters: every one that is given must hold.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Filters, each of which must hold")]
pub(crate) struct FilterArguments {
    /// Dead for this reason.
    #[arg(long, value_parser = reasons(), hide_possible_values = true)]
    reason: Option<Reason>,
    /// Of this operation: create, update or delete.
    #[arg(long, value_parser = operations(), hide_possible_values = true)]
    operation: Option<Operation>,
    /// Of this group, as `groups` lists them.
    #[arg(long, value_parser = group)]
    group: Option<String>,
    /// Of this contact.
    #[arg(long, value_name = "ID")]
    contact: Option<ContactId>,
    /// Of this command.
    #[arg(long = "command", value_name = "ID")]
    command_id: Option<CommandId>,
    /// Stored at or after this time: 2026-11-22T08:00:00Z, or how long ago: 2h, 3days.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    since: Option<Moment>,
    /// Stored before this time, likewise.
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    until: Option<Moment>,
}

/// How they stand.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct StateArgument {
    /// Standing so: open, archived, replayed, resolved, replaced or discarded.
    #[arg(long, value_parser = states(), hide_possible_values = true)]
    pub(super) state: Option<DeadLetterState>,
}

/// Which dead letters an action works on: these, those that filters hold for, or all.
#[derive(Clone, Debug, Args)]
pub(crate) struct SelectionArguments {
    /// These dead letters.
    #[arg(value_name = "ID", conflicts_with_all = CHOICES, required_unless_present_any = CHOICES)]
    ids: Vec<Uuid>,
    /// All: the open ones, for restore the archived ones, or those that stand as --state says.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    state: StateArgument,
    #[command(flatten)]
    filter: FilterArguments,
}

/// What says which dead letters in place of ids.
const CHOICES: [&str; 9] = [
    "all",
    "state",
    "reason",
    "operation",
    "group",
    "contact",
    "command_id",
    "since",
    "until",
];

/// How an action on many is meant.
#[derive(Clone, Copy, Debug, Args)]
pub(crate) struct HowArguments {
    /// Say what would happen and to how many; change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
    /// Do not ask.
    #[arg(long, short)]
    pub(super) yes: bool,
    /// Print JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// A point in time, or how long ago.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Moment {
    At(DateTime<Utc>),
    Ago(Duration),
}

impl Moment {
    pub(super) fn time(self, now: DateTime<Utc>) -> DateTime<Utc> {
        match self {
            Self::At(time) => time,
            Self::Ago(duration) => now - duration,
        }
    }
}

impl FilterArguments {
    pub(super) fn filter(&self, state: Option<DeadLetterState>, now: DateTime<Utc>) -> DeadLetterFilter {
        DeadLetterFilter {
            reason: self.reason,
            operation: self.operation,
            group: self.group.clone(),
            contact_id: self.contact,
            command_id: self.command_id,
            since: self.since.map(|moment| moment.time(now)),
            until: self.until.map(|moment| moment.time(now)),
            state,
        }
    }
}

impl SelectionArguments {
    /// Which dead letters: of a filter those that stand in the usual state unless another is said, and none that arrive
    /// later.
    pub(super) fn selection(&self, usual: DeadLetterState, now: DateTime<Utc>) -> Selection {
        if !self.ids.is_empty() {
            let mut ids = Vec::with_capacity(self.ids.len());
            for id in &self.ids {
                if !ids.contains(id) {
                    ids.push(*id);
                }
            }
            return Selection::Ids(ids);
        }
        let filter = self.filter.filter(self.state.state.or(Some(usual)), now);
        Selection::Matching(DeadLetterFilter {
            until: filter.until.or(Some(now)),
            ..filter
        })
    }

    /// The one dead letter that was named, if it is one.
    pub(super) fn one(&self) -> Option<Uuid> {
        match self.ids.as_slice() {
            [id] => Some(*id),
            _ => None,
        }
    }
}

/// A parser that takes one of some words, and lets the shell complete them.
pub(super) fn words<T: Clone + Send + Sync + 'static>(
    words: Vec<&'static str>,
    read: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(move |word| read(&word).ok_or("is not known"))
}

fn reasons() -> impl TypedValueParser<Value = Reason> {
    words(Reason::ALL.map(Reason::as_str).to_vec(), Reason::from_code)
}

fn operations() -> impl TypedValueParser<Value = Operation> {
    words(vec!["create", "update", "delete"], |word| {
        Operation::from_str(word).ok()
    })
}

fn states() -> impl TypedValueParser<Value = DeadLetterState> {
    words(
        DeadLetterState::ALL.map(DeadLetterState::as_str).to_vec(),
        DeadLetterState::from_word,
    )
}

fn group(text: &str) -> Result<String, String> {
    let well_formed = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    well_formed
        .then(|| text.to_owned())
        .ok_or_else(|| "must be 32 hexadecimal digits; `dlq-function groups` lists them".to_owned())
}

pub(super) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(time) = DateTime::parse_from_rfc3339(text) {
        return Ok(Moment::At(time.with_timezone(&Utc)));
    }
    humantime::parse_duration(text)
        .map(Moment::Ago)
        .map_err(|_| "must be a time such as 2026-11-22T08:00:00Z or a duration such as 2h".to_owned())
}
