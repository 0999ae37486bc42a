//! The set that an action works on, whatever arrives meanwhile.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::{
    store::{
        dead_letters::{DeadLetterFilter, DeadLetterState},
        sql_time,
    },
    wire::rfc3339,
};
use uuid::Uuid;

/// The most dead letters of one action.
pub(crate) const FROZEN_MAX: usize = 100_000;

/// Which dead letters an action works on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Selection {
    /// These.
    Ids(Vec<Uuid>),
    /// Those that a filter holds for.
    Matching(DeadLetterFilter),
}

impl Selection {
    /// The same as of a time: what came later is out of it, whatever `until` says, and so is, unless it is asked for, what is not open. Of ids each
    /// counts once.
    pub(crate) fn as_of(&self, now: DateTime<Utc>) -> Self {
        match self {
            Self::Ids(ids) => {
                let mut seen = HashSet::new();
                Self::Ids(ids.iter().copied().filter(|id| seen.insert(*id)).collect())
            }
            Self::Matching(filter) => Self::Matching(DeadLetterFilter {
                until: Some(
                    filter
                        .until
                        .map_or(sql_time(now), |until| until.min(sql_time(now))),
                ),
                state: filter.state.or(Some(DeadLetterState::Open)),
                ..filter.clone()
            }),
        }
    }

    /// As it stands in the audit: ids and closed words, never personal data.
    pub(crate) fn to_json(&self) -> String {
        self.members().to_string()
    }

    /// The same as an object, which has what is set.
    pub(crate) fn members(&self) -> Value {
        let filter = match self {
            Self::Ids(ids) => return json!({ "ids": ids }),
            Self::Matching(filter) => filter,
        };
        let members = [
            ("reason", filter.reason.map(|reason| reason.as_str().to_owned())),
            (
                "operation",
                filter.operation.map(|operation| operation.as_str().to_owned()),
            ),
            ("group", filter.group.clone()),
            ("contactId", filter.contact_id.map(|id| id.to_string())),
            ("commandId", filter.command_id.map(|id| id.to_string())),
            ("since", filter.since.map(rfc3339)),
            ("until", filter.until.map(rfc3339)),
            ("state", filter.state.map(|state| state.as_str().to_owned())),
        ];
        let set = members
            .into_iter()
            .filter_map(|(name, value)| Some((name.to_owned(), value?.into())));
        Value::Object(set.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// To see it red: take `until` as it is.
    #[test]
    fn what_comes_later_is_out_even_if_it_was_asked_for() {
        let at = |text: &str| DateTime::parse_from_rfc3339(text).unwrap().to_utc();
        let (before, now, later) = (
            at("2026-11-25T20:00:00Z"),
            at("2026-11-25T21:00:00Z"),
            at("2026-11-25T22:00:00Z"),
        );
        for (until, frozen) in [(None, now), (Some(later), now), (Some(before), before)] {
            let selection = Selection::Matching(DeadLetterFilter {
                until,
                ..DeadLetterFilter::default()
            });
            let Selection::Matching(filter) = selection.as_of(now) else {
                panic!("a filter stays one");
            };
            assert_eq!(filter.until, Some(frozen));
            assert_eq!(filter.state, Some(DeadLetterState::Open));
        }
    }
}
