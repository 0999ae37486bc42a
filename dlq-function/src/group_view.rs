//! Groups of dead letters as they are shown.

use serde::Serialize;
use shared::{
    http::openapi::schema::{OperationText, TimeText, or_null},
    store::dead_letters::{DeadLetterState, Group},
    wire::rfc3339,
};
use utoipa::ToSchema;

use crate::openapi::schemas::{CountNumber, DetailText, GroupText, ReasonText};

/// Dead letters that failed alike.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterGroup)]
pub(crate) struct GroupView {
    #[schema(value_type = GroupText, inline)]
    pub(crate) group: String,
    #[schema(value_type = ReasonText, inline)]
    pub(crate) reason: &'static str,
    #[schema(schema_with = or_null::<OperationText>, required = true)]
    pub(crate) operation: Option<&'static str>,
    /// What happened to the newest of them.
    #[schema(value_type = DetailText, inline)]
    pub(crate) detail: String,
    pub(crate) counts: CountsView,
    #[schema(value_type = TimeText, inline)]
    pub(crate) first_seen: String,
    #[schema(value_type = TimeText, inline)]
    pub(crate) last_seen: String,
}

/// How many of a group stand how.
#[derive(Clone, Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetterCounts)]
pub(crate) struct CountsView {
    #[schema(value_type = CountNumber, inline)]
    pub(crate) open: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) archived: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) replayed: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) resolved: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) replaced: u64,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) discarded: u64,
}

impl From<&Group> for GroupView {
    fn from(group: &Group) -> Self {
        let mut counts = CountsView::default();
        for (state, count) in DeadLetterState::ALL.into_iter().zip(group.counts) {
            let place = match state {
                DeadLetterState::Open => &mut counts.open,
                DeadLetterState::Archived => &mut counts.archived,
                DeadLetterState::Replayed => &mut counts.replayed,
                DeadLetterState::Resolved => &mut counts.resolved,
                DeadLetterState::Replaced => &mut counts.replaced,
                DeadLetterState::Discarded => &mut counts.discarded,
            };
            *place = count;
        }
        Self {
            group: group.fingerprint.clone(),
            reason: group.reason.as_str(),
            operation: group.operation.map(|operation| operation.as_str()),
            detail: group.detail.clone(),
            counts,
            first_seen: rfc3339(group.first_seen),
            last_seen: rfc3339(group.last_seen),
        }
    }
}
