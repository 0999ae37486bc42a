//! `POST /v1/replays/{id}/resume`: goes on with a replay that was stopped, or that has braked.

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
    routes::{Desk, by, problem},
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "With one message first, as at its start; what failed before does not count for the brake any more. One that runs is left as it is.";
    Description::new("resume-replay", REPLAYS_TAG, "Go on with a replay", about)
        .scopes(&[Scope::DeadLettersReplay])
        .parameters([replay_id_parameter()])
        .json::<ReplayView>(StatusCode::ACCEPTED, "The replay goes on.", [retry_after()], None)
        .problems([Code::ReplayNotFound, Code::ReplayEnded, Code::StoreUnavailable])
}

/// Answers the replay.
///
/// # Errors
/// `replay-not-found`, `replay-ended`, `store-unavailable`.
pub(in crate::routes) async fn resume(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    query::none(&request)?;
    let (id, by, actions) = (id(&path)?, by(&caller), desk.actions.clone());
    let work = async move { actions.resume_replay(id, &by).await };
    desk.runtime.run(work).await.map_err(problem)?;
    Ok(answer(StatusCode::ACCEPTED, &desk.replay(id).await?))
}
