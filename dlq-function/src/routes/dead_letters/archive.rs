//! `POST /v1/dead-letters/archive`: puts dead letters aside.

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
    many::act(&desk, &request, payload, Many::Archive).await
}
