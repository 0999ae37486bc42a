//! `POST /v1/dead-letters/restore`: puts archived dead letters back.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use shared::http::{access::Scope, openapi::Description, problem::Problem};

use super::many::{self, ManyView};
use crate::{actions::Many, openapi::DEAD_LETTERS_TAG, routes::Desk};

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
    many::act(&desk, &request, payload, Many::Restore).await
}
