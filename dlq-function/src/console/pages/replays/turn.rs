//! `POST /replays/{id}/stop` and `/resume`: sends no more of a replay, or goes on with it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use shared::http::access::Scope;

use crate::{
    actions::ActionError,
    console::{
        Form, Trouble, Visit,
        pages::{id, replay_path},
    },
    routes::Desk,
};

/// Which way.
#[derive(Clone, Copy, Debug)]
enum Turn {
    Stop,
    Resume,
}

pub(super) async fn stop(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(turned(Turn::Stop, &visit, &desk, &path, &request, payload).await)
}

pub(super) async fn resume(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(turned(Turn::Resume, &visit, &desk, &path, &request, payload).await)
}

async fn turned(
    turn: Turn,
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(&[Scope::DeadLettersReplay])?;
    Form::read(visit, request, payload).await?;
    let (id, actions) = (id(path)?, desk.actions.clone());
    let work = async move {
        match turn {
            Turn::Stop => actions.stop_replay(id, &by).await,
            Turn::Resume => actions.resume_replay(id, &by).await,
        }
    };
    match desk.runtime.run(work).await {
        // It ended while somebody looked at it: its page says so.
        Ok(()) | Err(ActionError::ReplayEnded) => Ok(visit.go_to(&replay_path(id))),
        Err(error) => Err(error.into()),
    }
}
