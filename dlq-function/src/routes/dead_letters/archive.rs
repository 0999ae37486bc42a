//! `POST /v1/dead-letters/archive`: puts dead letters aside.

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

use super::many::{self, ManyView};
use crate::{
    openapi::DEAD_LETTERS_TAG,
    routes::{Desk, by},
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Those that are open are archived. They still wait: they can be sent again or discarded, and their command's outcome closes them. What fails anew is open again.";
    let description = Description::new(
        "archive-dead-letters",
        DEAD_LETTERS_TAG,
        "Put dead letters aside",
        about,
    );
    many::describe(description.scopes(&[Scope::DeadLettersReplay])).json::<ManyView>(
        StatusCode::OK,
        "They are archived.",
        [],
        None,
    )
}

/// Answers how many.
///
/// # Errors
/// `validation-failed`, `selection-changed`, `store-unavailable`.
pub(in crate::routes) async fn archive(
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    let chosen = many::chosen(&desk, &request, payload, DeadLetterState::Open).await?;
    let matched = many::counted(&desk, &chosen, &[DeadLetterState::Open]).await?;
    if chosen.dry_run {
        return Ok(HttpResponse::Ok().json(ManyView::dry(matched)));
    }
    let (actions, by) = (desk.actions.clone(), by(&caller));
    let act = async move { actions.archive(&chosen.selection, &by).await };
    let done = desk.runtime.run(act).await;
    let done = done.map_err(|error| Problem::store(&error))?;
    Ok(HttpResponse::Ok().json(ManyView::done(matched, done)))
}
