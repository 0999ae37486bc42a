//! `POST /v1/dead-letters/{id}/discard`: gives a dead letter up; its command ends as rejected.

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
    let about = "It ends rejected, as `discarded`. Cannot be taken back.";
    Description::new(
        "discard-dead-letter",
        DEAD_LETTERS_TAG,
        "Give a command up",
        about,
    )
    .scopes(&[Scope::DeadLettersReplay])
    .parameters([id_parameter()])
    .json::<DeadLetterDetail>(StatusCode::OK, "The dead letter is discarded.", [], None)
    .problems([
        Code::DeadLetterNotFound,
        Code::DeadLetterClosed,
        Code::StoreUnavailable,
    ])
}

/// Answers 200 with the dead letter.
///
/// # Errors
/// `dead-letter-not-found`, `dead-letter-closed`, `store-unavailable`.
pub(in crate::routes) async fn discard(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    query::none(&request)?;
    let id = id(&path)?;
    desk.discard(id, by(&caller)).await.map_err(problem)?;
    let detail = desk.detail(id).await.map_err(problem)?;
    Ok(HttpResponse::Ok().json(detail))
}
