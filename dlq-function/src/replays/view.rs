//! A replay as it is shown.

use serde::Serialize;
use serde_json::Value;
use shared::{
    http::openapi::schema::{TimeText, UuidText, or_null},
    store::replays::{Refusal, ReplayCounts, ReplayRecord, ReplayState, ReplayTally},
    wire::rfc3339,
};
use utoipa::ToSchema;

use crate::openapi::schemas::{
    BrakeNumber, CountNumber, PathText, RateNumber, ReplayStateText, WordText, selection,
};

/// A replay of many dead letters.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Replay)]
pub(crate) struct ReplayView {
    #[schema(value_type = UuidText, inline)]
    pub(crate) id: String,
    #[schema(value_type = ReplayStateText, inline)]
    pub(crate) state: &'static str,
    /// The state that the word is of.
    #[serde(skip)]
    pub(crate) standing: ReplayState,
    /// Who began it; empty where nobody has to say who they are, `policy` where nobody did.
    #[schema(value_type = WordText, inline)]
    pub(crate) started_by: String,
    #[schema(schema_with = selection)]
    pub(crate) selection: Value,
    #[schema(value_type = RateNumber, inline)]
    pub(crate) rate: u32,
    #[schema(value_type = BrakeNumber, inline)]
    pub(crate) brake: u32,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) total: u32,
    /// Whether more matched than a replay may have: the others are left for another one.
    pub(crate) truncated: bool,
    #[schema(inline)]
    pub(crate) counts: CountsView,
    #[schema(inline)]
    pub(crate) refusals: RefusalsView,
    #[schema(value_type = TimeText, inline)]
    pub(crate) started_at: String,
    #[schema(value_type = TimeText, inline)]
    pub(crate) updated_at: String,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    pub(crate) finished_at: Option<String>,
    #[schema(inline)]
    pub(crate) links: ReplayLinks,
}

/// How many stand how; together they are `total`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CountsView {
    /// Not sent yet.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) waiting: u64,
    /// Sent, without an outcome yet.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) sent: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) applied: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) superseded: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) rejected: u64,
    /// Failed again.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) dead_again: u64,
    /// Not sent; `refusals` says why.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) refused: u64,
    /// Sent, and nothing was heard of them.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) unknown: u64,
}

/// How many were refused why.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RefusalsView {
    #[schema(value_type = CountNumber, inline)]
    pub(crate) missing: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) resolved: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) discarded: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) replaced: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) erased: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) locked: u64,
    /// Failed again since they were chosen; the newer failure is the one to send.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) newer: u64,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ReplayLinks {
    #[serde(rename = "self")]
    #[schema(value_type = PathText, inline)]
    replay: String,
}

impl ReplayView {
    pub(crate) fn new(record: &ReplayRecord, tally: &ReplayTally) -> Self {
        Self {
            id: record.id.to_string(),
            state: record.state.as_str(),
            standing: record.state,
            started_by: record.principal.clone(),
            selection: serde_json::from_str(&record.request).unwrap_or_default(),
            rate: record.rate,
            brake: record.brake,
            total: record.total,
            truncated: record.truncated,
            counts: tally.counts.into(),
            refusals: tally.into(),
            started_at: rfc3339(record.created_at),
            updated_at: rfc3339(record.updated_at),
            finished_at: record.finished_at.map(rfc3339),
            links: ReplayLinks {
                replay: replay_path(&record.id.to_string()),
            },
        }
    }

    /// Whether there is more to come by itself.
    pub(crate) fn goes_on(&self) -> bool {
        self.standing == ReplayState::Running
    }
}

/// Where a replay is found.
pub(crate) fn replay_path(id: &str) -> String {
    format!("{}/{id}", crate::routes::REPLAYS)
}

impl From<ReplayCounts> for CountsView {
    fn from(counts: ReplayCounts) -> Self {
        let ReplayCounts {
            waiting,
            sent,
            applied,
            superseded,
            rejected,
            dead_again,
            refused,
            unknown,
        } = counts;
        Self {
            waiting,
            sent,
            applied,
            superseded,
            rejected,
            dead_again,
            refused,
            unknown,
        }
    }
}

impl From<&ReplayTally> for RefusalsView {
    fn from(tally: &ReplayTally) -> Self {
        let of = |refusal| tally.refusals.get(&refusal).copied().unwrap_or_default();
        Self {
            missing: of(Refusal::Missing),
            resolved: of(Refusal::Resolved),
            discarded: of(Refusal::Discarded),
            replaced: of(Refusal::Replaced),
            erased: of(Refusal::Erased),
            locked: of(Refusal::Locked),
            newer: of(Refusal::Newer),
        }
    }
}
