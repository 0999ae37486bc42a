//! `POST /v1/dead-letters/restore`: puts archived dead letters back.

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
    let about = "Those that are archived are open again.";
    let description = Description::new(
        "restore-dead-letters",
        DEAD_LETTERS_TAG,
        "Put archived dead letters back",
        about,
    );
    many::describe(description.scopes(&[Scope::DeadLettersReplay])).json::<ManyView>(
        StatusCode::OK,
        "They are open again.",
        [],
        None,
    )
}

/// Answers how many.
///
/// # Errors
/// `validation-failed`, `selection-changed`, `store-unavailable`.
pub(in crate::routes) async fn restore(
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    let chosen = many::chosen(&desk, &request, payload, DeadLetterState::Archived).await?;
    let matched = many::counted(&desk, &chosen, &[DeadLetterState::Archived]).await?;
    if chosen.dry_run {
        return Ok(HttpResponse::Ok().json(ManyView::dry(matched)));
    }
    let (actions, by) = (desk.actions.clone(), by(&caller));
    let act = async move { actions.restore(&chosen.selection, &by).await };
    let done = desk.runtime.run(act).await;
    let done = done.map_err(|error| Problem::store(&error))?;
    Ok(HttpResponse::Ok().json(ManyView::done(matched, done)))
}
