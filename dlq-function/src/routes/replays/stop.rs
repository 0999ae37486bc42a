//! `POST /v1/replays/{id}/stop`: sends no more of a replay; what is under way still ends.

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
    openapi::{REPLAYS_TAG, replay_id_parameter},
    replays::ReplayView,
    routes::{Desk, by, problem},
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "No more of it is sent; what was sent still ends. One that does not run is left as it is.";
    Description::new("stop-replay", REPLAYS_TAG, "Stop a replay", about)
        .scopes(&[Scope::DeadLettersReplay])
        .parameters([replay_id_parameter()])
        .json::<ReplayView>(StatusCode::OK, "The replay does not run.", [], None)
        .problems([Code::ReplayNotFound, Code::ReplayEnded, Code::StoreUnavailable])
}

/// Answers the replay.
///
/// # Errors
/// `replay-not-found`, `replay-ended`, `store-unavailable`.
pub(in crate::routes) async fn stop(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReplay])?;
    query::none(&request)?;
    let (id, by, actions) = (id(&path)?, by(&caller), desk.actions.clone());
    let work = async move { actions.stop_replay(id, &by).await };
    desk.runtime.run(work).await.map_err(problem)?;
    Ok(answer(StatusCode::OK, &desk.replay(id).await?))
}
