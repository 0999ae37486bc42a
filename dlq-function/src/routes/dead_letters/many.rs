//! What acts on many dead letters have in common: the body that says which, and what they came to.

use actix_web::{HttpRequest, HttpResponse, web::Payload};
use serde::Serialize;
use serde_json::{Value, json};
use shared::http::{
    access::{Caller, Scope},
    body::MediaType,
    faults,
    openapi::{Description, schema::UuidText},
    problem::{Code, Problem},
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    actions::{ActionError, Many, ManyDone},
    openapi::schemas::{CodeText, CountNumber, DetailText, Refusals, Selection},
    routes::{
        Desk, by, problem,
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
}

impl From<ManyDone> for ManyView {
    fn from(came_to: ManyDone) -> Self {
        Self {
            matched: came_to.matched,
            done: came_to.done,
            refused: came_to.refused.into_iter().map(RefusalView::from).collect(),
            remaining: came_to.remaining,
        }
    }
}

impl From<(Uuid, ActionError)> for RefusalView {
    fn from((id, refusal): (Uuid, ActionError)) -> Self {
        let detail = refusal.to_string();
        Self {
            id: id.to_string(),
            code: problem(refusal).code().declaration().word,
            detail,
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

/// Does it to those that the body says, or with `dryRun` answers how many they are.
///
/// # Errors
/// `validation-failed`; `selection-changed` if the caller expects another number; `store-unavailable`.
pub(super) async fn act(
    desk: &Desk,
    request: &HttpRequest,
    payload: Payload,
    act: Many,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(request, &[Scope::DeadLettersReplay])?;
    let mut members = members(request, payload).await?;
    let fields = SelectionFields::take(&mut members);
    faults::check(&fields, members)?;
    let Chosen {
        selection,
        dry_run,
        expect,
    } = fields.chosen_among(desk.actions.now(), act.unless_said())?;
    if dry_run {
        let actions = desk.actions.clone();
        let count = async move { actions.matched(act, &selection, expect).await };
        let matched = desk.runtime.run(count).await.map_err(problem)?;
        return Ok(HttpResponse::Ok().json(ManyView::dry(matched)));
    }
    let came_to = desk.act_on_many(act, selection, expect, by(&caller)).await;
    Ok(HttpResponse::Ok().json(ManyView::from(came_to.map_err(problem)?)))
}
