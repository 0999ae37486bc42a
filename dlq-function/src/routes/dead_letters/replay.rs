//! `POST /v1/dead-letters/{id}/replay`: sends the command again, under its own command id.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use shared::http::{
    access::{Caller, Scope},
    openapi::Description,
    problem::{Code, Problem},
    query,
};

use crate::routes::{Desk, by, id, problem};
use crate::{
    openapi::{DEAD_LETTERS_TAG, id_parameter},
    view::DeadLetterDetail,
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Under its own command id: sent twice is the same as once.";
    Description::new(
        "replay-dead-letter",
        DEAD_LETTERS_TAG,
        "Send a command again",
        about,
    )
    .scopes(&[Scope::DeadLettersReplay])
    .parameters([id_parameter()])
    .json::<DeadLetterDetail>(
        StatusCode::ACCEPTED,
        "The broker has stored the command.",
        [],
        None,
    )
    .problems([
        Code::DeadLetterNotFound,
        Code::DeadLetterClosed,
        Code::DeadLetterErased,
        Code::PayloadLocked,
        Code::BrokerUnavailable,
        Code::PublishUnconfirmed,
        Code::StoreUnavailable,
    ])
}

/// Answers 202 with the dead letter once the broker has stored the command.
///
/// # Errors
/// `dead-letter-not-found`, `dead-letter-closed`, `dead-letter-erased`, `broker-unavailable`, `publish-unconfirmed`,
/// `store-unavailable`.
pub(in crate::routes) async fn replay(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    query::none(&request)?;
    let id = id(&path)?;
    desk.send_again(id, by(&caller)).await.map_err(problem)?;
    let detail = desk.detail(id).await.map_err(problem)?;
    Ok(HttpResponse::Accepted().json(detail))
}
