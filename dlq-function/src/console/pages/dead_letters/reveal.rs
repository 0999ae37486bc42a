//! `POST /dead-letters/{id}/reveal`: the page of a dead letter with its message in the clear. Answered at once: nothing of it
//! is in an address, and the audit has it first.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use shared::http::access::Scope;
use uuid::Uuid;

use super::{detail, json};
use crate::{
    actions::{ActionError, By},
    console::{Form, Trouble, Visit, pages::id},
    routes::Desk,
};

/// A message in the clear, as it is shown.
pub(super) struct Clear {
    pub(super) text: String,
    /// Whether it is no text.
    pub(super) is_base64: bool,
}

/// Personal data stays out of logs.
impl std::fmt::Debug for Clear {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Clear({} bytes)", self.text.len())
    }
}

pub(super) async fn reveal(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(revealed(&visit, &desk, &path, &request, payload).await)
}

async fn revealed(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(&[Scope::DeadLettersRead, Scope::DeadLettersReveal])?;
    Form::read(visit, request, payload).await?;
    let id = id(path)?;
    let clear = clear(desk, id, by).await?;
    detail::page(visit, desk.detail(id).await?, None, Some(clear))
}

/// A message in the clear; the audit has that it was shown.
pub(super) async fn clear(desk: &Desk, id: Uuid, by: By) -> Result<Clear, ActionError> {
    let actions = desk.actions.clone();
    let reveal = async move { actions.reveal(id, &by).await };
    let revealed = desk.runtime.run(reveal).await?;
    Ok(match String::from_utf8(revealed.payload.0) {
        Ok(text) => Clear {
            text: json::indented(&text).unwrap_or(text),
            is_base64: false,
        },
        Err(error) => Clear {
            text: BASE64.encode(error.as_bytes()),
            is_base64: true,
        },
    })
}
