//! `GET /v1/replays/{id}`: how far a replay has come, and what became of its dead letters.

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

use super::{answer, id};
use crate::{
    openapi::{REPLAYS_TAG, replay_id_parameter, retry_after},
    replays::ReplayView,
    routes::Desk,
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "`running` until everything has an outcome, then `finished`; `stopped` by a person or `braked` by too many failures, it goes on when it is resumed.";
    Description::new("get-replay", REPLAYS_TAG, "Follow a replay", about)
        .scopes(&[Scope::DeadLettersRead])
        .parameters([replay_id_parameter()])
        .json::<ReplayView>(StatusCode::OK, "The replay.", [retry_after()], None)
        .problems([Code::ReplayNotFound, Code::StoreUnavailable])
}

/// Answers the replay.
///
/// # Errors
/// `replay-not-found`, `store-unavailable`.
pub(in crate::routes) async fn get(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::DeadLettersRead])?;
    query::none(&request)?;
    let view = desk.replay(id(&path)?).await?;
    Ok(answer(StatusCode::OK, &view))
}
