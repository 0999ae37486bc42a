//! `POST /v1/dead-letters/discard`: gives many dead letters up; their commands end as rejected.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use shared::{
    http::{
        access::{Caller, Scope},
        openapi::Description,
        problem::Problem,
    },
    store::dead_letters::DeadLetterState,
};
use uuid::Uuid;

use super::many::{self, ManyView, RefusalView};
use crate::{
    actions::{ActionError, DISCARDABLE, DiscardedMany},
    metrics::How,
    openapi::DEAD_LETTERS_TAG,
    routes::{Desk, by, problem},
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "They end rejected, as `discarded`; at most 1,000 in one request, the oldest first: `remaining` says how many are left. Cannot be taken back.";
    let description = Description::new(
        "discard-dead-letters",
        DEAD_LETTERS_TAG,
        "Give many commands up",
        about,
    );
    many::describe(description.scopes(&[Scope::DeadLettersReplay])).json::<ManyView>(
        StatusCode::OK,
        "They are discarded.",
        [],
        None,
    )
}

/// Answers how many were discarded, which were not, and how many are left.
///
/// # Errors
/// `validation-failed`, `selection-changed`, `store-unavailable`.
pub(in crate::routes) async fn discard_many(
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    let chosen = many::chosen(&desk, &request, payload, DeadLetterState::Open).await?;
    let matched = many::counted(&desk, &chosen, &DISCARDABLE).await?;
    if chosen.dry_run {
        return Ok(HttpResponse::Ok().json(ManyView::dry(matched)));
    }
    let (actions, by, metrics) = (desk.actions.clone(), by(&caller), desk.metrics.clone());
    let act = async move {
        let came_to = actions.discard_many(&chosen.selection, &by, |_| ()).await?;
        metrics.resolved_many(How::Discarded, came_to.done);
        Ok(came_to)
    };
    let came_to = desk.runtime.run(act).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(ManyView::from(came_to)))
}

impl From<DiscardedMany> for ManyView {
    fn from(came_to: DiscardedMany) -> Self {
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
