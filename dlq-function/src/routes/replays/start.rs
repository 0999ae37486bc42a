//! `POST /v1/replays`: begins to send many dead letters again, or says what that would come to.

use std::collections::BTreeMap;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use serde::Serialize;
use serde_json::json;
use shared::{
    http::{
        access::{Caller, Scope},
        body::MediaType,
        faults::{self, of_rule},
        json::Field,
        openapi::{
            Description,
            schema::{TimeText, or_null},
        },
        problem::{Code, Problem},
    },
    wire::rfc3339,
};
use utoipa::ToSchema;
use validator::{Validate, ValidationError};

use super::answer;
use crate::{
    actions::{Prediction, Preview, Selection},
    openapi::{
        REPLAYS_TAG, location, retry_after,
        schemas::{CountNumber, ReplayRequest},
    },
    replays::{BRAKE_MAX, Pace, RATE_MAX, ReplayView, replay_path},
    routes::{
        Desk, by, problem,
        selection::{Chosen, SelectionFields, members},
    },
};

#[derive(Debug, Validate)]
struct Fields {
    #[validate(nested)]
    selection: SelectionFields,
    #[validate(custom(function = "rate_holds"))]
    rate: Field,
    #[validate(custom(function = "brake_holds"))]
    brake: Field,
}

/// What a replay would come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReplayPreview)]
pub(crate) struct PreviewView {
    /// How many it would work on: what `expect` is to be, so that it begins with the same.
    #[schema(value_type = CountNumber, inline)]
    matched: u64,
    /// Whether more match than a replay may have.
    truncated: bool,
    #[schema(inline)]
    would: WouldView,
    /// What arrived from then on is not among them; with the same `until` it is not in the replay either. `null` for ids.
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    until: Option<String>,
}

/// How many would come to what.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct WouldView {
    #[schema(value_type = CountNumber, inline)]
    would_apply: u64,
    #[schema(value_type = CountNumber, inline)]
    would_be_superseded: u64,
    #[schema(value_type = CountNumber, inline)]
    would_be_rejected: u64,
    #[schema(value_type = CountNumber, inline)]
    has_ended: u64,
    #[schema(value_type = CountNumber, inline)]
    would_fail_again: u64,
    #[schema(value_type = CountNumber, inline)]
    cannot_be_sent: u64,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Those that match when it is asked for, oldest first, at most 100,000: what arrives later is not among them. Without ids and filters all that are open; those that wait in another replay that runs are left out. It begins with one message and sends more at once as outcomes are good; `rate` and `brake` bound it. It survives the service.";
    let example = json!({ "reason": "store-refused", "until": "2026-11-25T12:00:00Z", "expect": 0 });
    Description::new("start-replay", REPLAYS_TAG, "Send many commands again", about)
        .scopes(&[Scope::DeadLettersReplay])
        .body::<ReplayRequest>(MediaType::Json.as_str(), "Which, and how fast.", example)
        .json::<PreviewView>(StatusCode::OK, "With `dryRun`: what it would come to.", [], None)
        .json::<ReplayView>(
            StatusCode::ACCEPTED,
            "The replay; it has ended already if nothing matched.",
            [location(), retry_after()],
            None,
        )
        .problems([
            Code::ValidationFailed,
            Code::SelectionChanged,
            Code::StoreUnavailable,
        ])
}

/// Answers 202 with the replay, or 200 with what it would come to.
///
/// # Errors
/// `validation-failed`, `selection-changed`, `store-unavailable`, and what bodies are refused for.
pub(in crate::routes) async fn start(
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    let mut members = members(&request, payload).await?;
    let fields = Fields {
        selection: SelectionFields::take(&mut members),
        rate: members.take("rate"),
        brake: members.take("brake"),
    };
    faults::check(&fields, members)?;
    let chosen = fields.selection.chosen(desk.actions.now())?;
    let pace = Pace {
        rate: rate(&fields.rate).map_err(faults::unprocessable)?,
        brake: brake(&fields.brake).map_err(faults::unprocessable)?,
    };
    if chosen.dry_run {
        return preview(&desk, chosen).await;
    }
    let (actions, by) = (desk.actions.clone(), by(&caller));
    let work = async move {
        actions
            .start_replay(&chosen.selection, pace, chosen.expect, &by)
            .await
    };
    let id = desk.runtime.run(work).await.map_err(problem)?;
    let view = desk.replay(id).await?;
    let mut response = answer(StatusCode::ACCEPTED, &view);
    if let Ok(place) = header::HeaderValue::try_from(replay_path(&view.id)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

async fn preview(desk: &Desk, chosen: Chosen) -> Result<HttpResponse, Problem> {
    let (actions, selection) = (desk.actions.clone(), chosen.selection.clone());
    let work = async move { actions.preview(&selection).await };
    let preview = desk.runtime.run(work).await.map_err(problem)?;
    chosen.expected(preview.matched)?;
    Ok(HttpResponse::Ok().json(PreviewView::new(&preview, &chosen.selection)))
}

impl PreviewView {
    fn new(preview: &Preview, selection: &Selection) -> Self {
        Self {
            matched: preview.matched,
            truncated: preview.truncated,
            would: WouldView::from(&preview.would),
            until: match selection {
                Selection::Ids(_) => None,
                Selection::Matching(filter) => filter.until.map(rfc3339),
            },
        }
    }
}

impl From<&BTreeMap<Prediction, u64>> for WouldView {
    fn from(would: &BTreeMap<Prediction, u64>) -> Self {
        let of = |prediction| would.get(&prediction).copied().unwrap_or_default();
        Self {
            would_apply: of(Prediction::WouldApply),
            would_be_superseded: of(Prediction::WouldBeSuperseded),
            would_be_rejected: of(Prediction::WouldBeRejected),
            has_ended: of(Prediction::HasEnded),
            would_fail_again: of(Prediction::WouldFailAgain),
            cannot_be_sent: of(Prediction::CannotBeSent),
        }
    }
}

fn rate(field: &Field) -> Result<u32, ValidationError> {
    bounded(field, 1, RATE_MAX, Pace::default().rate)
}

fn brake(field: &Field) -> Result<u32, ValidationError> {
    bounded(field, 0, BRAKE_MAX, Pace::default().brake)
}

fn bounded(field: &Field, min: u32, max: u32, default: u32) -> Result<u32, ValidationError> {
    let number = match field {
        Field::Absent | Field::Null => Some(default),
        Field::Number(number) => u32::try_from(*number)
            .ok()
            .filter(|number| (min..=max).contains(number)),
        Field::Text(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => None,
    };
    let rule = format!("must be a whole number from {min} to {max}");
    number.ok_or_else(|| of_rule("out-of-bounds", rule))
}

fn rate_holds(field: &Field) -> Result<(), ValidationError> {
    rate(field).map(drop)
}

fn brake_holds(field: &Field) -> Result<(), ValidationError> {
    brake(field).map(drop)
}
