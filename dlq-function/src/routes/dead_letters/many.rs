//! What acts on many dead letters have in common: the body that says which, and what they came to.

use actix_web::{HttpRequest, web::Payload};
use serde::Serialize;
use serde_json::{Value, json};
use shared::{
    http::{
        body::MediaType,
        faults,
        openapi::{Description, schema::UuidText},
        problem::{Code, Problem},
    },
    store::dead_letters::DeadLetterState,
};
use utoipa::ToSchema;

use crate::{
    openapi::schemas::{CodeText, CountNumber, DetailText, Refusals, Selection},
    routes::{
        Desk,
        selection::{Chosen, SelectionFields, members},
    },
};

/// What an act on many came to.
#[derive(Debug, Default, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ManyDone)]
pub(crate) struct ManyView {
    /// How many of those selected it can be done to.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) matched: u64,
    /// To how many it was done; none in a dry run.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) done: u64,
    #[schema(value_type = Refusals, inline)]
    pub(crate) refused: Vec<RefusalView>,
    /// How many are left, also for another request: only so many are done at once.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) remaining: u64,
}

/// A dead letter that an act was refused for.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refusal)]
pub(crate) struct RefusalView {
    #[schema(value_type = UuidText, inline)]
    pub(crate) id: String,
    #[schema(value_type = CodeText, inline)]
    pub(crate) code: &'static str,
    #[schema(value_type = DetailText, inline)]
    pub(crate) detail: String,
}

impl ManyView {
    /// What would be done to so many.
    pub(super) fn dry(matched: u64) -> Self {
        Self {
            matched,
            remaining: matched,
            ..Self::default()
        }
    }

    /// Done to so many of those that matched.
    pub(super) fn done(matched: u64, done: u64) -> Self {
        Self {
            matched,
            done,
            ..Self::default()
        }
    }
}

/// An act on many in the description of the API.
pub(super) fn describe(description: Description) -> Description {
    description
        .body::<Selection>(MediaType::Json.as_str(), "Which dead letters.", example())
        .problems([
            Code::ValidationFailed,
            Code::SelectionChanged,
            Code::StoreUnavailable,
        ])
}

fn example() -> Value {
    json!({ "reason": "store-refused", "until": "2026-11-22T08:00:00Z", "dryRun": true })
}

/// Reads which dead letters; without `state` those that stand so.
pub(super) async fn chosen(
    desk: &Desk,
    request: &HttpRequest,
    payload: Payload,
    unless_said: DeadLetterState,
) -> Result<Chosen, Problem> {
    let mut members = members(request, payload).await?;
    let fields = SelectionFields::take(&mut members);
    faults::check(&fields, members)?;
    fields.chosen_among(desk.actions.now(), unless_said)
}

/// How many of those chosen stand in one of these states.
///
/// # Errors
/// `selection-changed` if the caller expects another number; `store-unavailable`.
pub(super) async fn counted(
    desk: &Desk,
    chosen: &Chosen,
    states: &'static [DeadLetterState],
) -> Result<u64, Problem> {
    let (actions, selection) = (desk.actions.clone(), chosen.selection.clone());
    let count = async move { actions.count_standing(&selection, states).await };
    let matched = desk.runtime.run(count).await;
    let matched = matched.map_err(|error| Problem::store(&error))?;
    chosen.expected(matched)?;
    Ok(matched)
}
