//! `POST /dead-letters/{id}/replay`, `/archive`, `/restore`: acts on one that can be repeated or taken back, done at once.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use shared::http::access::Scope;

use super::detail::at;
use crate::{
    actions::{Many, Selection},
    console::{
        Form, Trouble, Visit,
        notice::Notice,
        pages::{id, letter_path},
    },
    routes::Desk,
};

pub(super) async fn replay(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(replayed(&visit, &desk, &path, &request, payload).await)
}

async fn replayed(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(&[Scope::DeadLettersReplay])?;
    Form::read(visit, request, payload).await?;
    let id = id(path)?;
    desk.send_again(id, by).await?;
    Ok(at(visit, id, Notice::SentAgain))
}

pub(super) async fn archive(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let archived = put(&visit, &desk, &path, &request, payload, Many::Archive).await;
    visit.answer(archived)
}

pub(super) async fn restore(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    let restored = put(&visit, &desk, &path, &request, payload, Many::Restore).await;
    visit.answer(restored)
}

/// Puts one aside or back. If it no longer stands so that this can be done, the page that is shown next says how it stands.
async fn put(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
    payload: Payload,
    act: Many,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(&[Scope::DeadLettersReplay])?;
    Form::read(visit, request, payload).await?;
    let id = id(path)?;
    let came_to = desk.act_on_many(act, Selection::Ids(vec![id]), None, by).await?;
    let notice = match act {
        Many::Archive => Notice::Archived,
        Many::Restore => Notice::Restored,
        Many::Discard => Notice::Discarded,
    };
    if came_to.done == 0 {
        return Ok(visit.go_to(&letter_path(id)));
    }
    Ok(at(visit, id, notice))
}
