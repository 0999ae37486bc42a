//! `POST /v1/dead-letters/discard`: gives many dead letters up; their commands end as rejected.

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
    many::act(&desk, &request, payload, Many::Discard).await
}
