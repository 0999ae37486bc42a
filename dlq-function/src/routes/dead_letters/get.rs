//! `GET /v1/dead-letters/{id}`: one dead letter, its history, and what a replay would come to.

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

use crate::routes::{Desk, id, problem};
use crate::{
    openapi::{DEAD_LETTERS_TAG, id_parameter},
    view::DeadLetterDetail,
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Its reason, its history, and what a replay would come to now.";
    Description::new("get-dead-letter", DEAD_LETTERS_TAG, "Read a dead letter", about)
        .scopes(&[Scope::DeadLettersRead])
        .parameters([id_parameter()])
        .json::<DeadLetterDetail>(StatusCode::OK, "The dead letter.", [], None)
        .problems([Code::DeadLetterNotFound, Code::StoreUnavailable])
}

/// Answers the dead letter, personal data masked.
///
/// # Errors
/// `dead-letter-not-found`, `store-unavailable`.
pub(in crate::routes) async fn get(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::DeadLettersRead])?;
    query::none(&request)?;
    let id = id(&path)?;
    let detail = desk.detail(id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(detail))
}
