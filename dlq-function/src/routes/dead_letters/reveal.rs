//! `POST /v1/dead-letters/{id}/reveal`: the message of a dead letter in the clear.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header::CACHE_CONTROL},
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
    view::RevealedView,
};

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Personal data and all. Stands in the audit before it is answered.";
    Description::new(
        "reveal-dead-letter",
        DEAD_LETTERS_TAG,
        "Show a message in the clear",
        about,
    )
    .scopes(&[Scope::DeadLettersReveal])
    .parameters([id_parameter()])
    .json::<RevealedView>(StatusCode::OK, "The message, not to be stored.", [], None)
    .problems([
        Code::DeadLetterNotFound,
        Code::DeadLetterErased,
        Code::PayloadLocked,
        Code::StoreUnavailable,
    ])
}

/// Answers 200 with the message.
///
/// # Errors
/// `dead-letter-not-found`, `dead-letter-erased`, `payload-locked`, `store-unavailable`.
pub(in crate::routes) async fn reveal(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::DeadLettersReveal])?;
    query::none(&request)?;
    let id = id(&path)?;
    let (actions, by) = (desk.actions.clone(), by(&caller));
    let reveal = async move { actions.reveal(id, &by).await };
    let revealed = desk.runtime.run(reveal).await.map_err(problem)?;
    Ok(HttpResponse::Ok()
        .insert_header((CACHE_CONTROL, "no-store"))
        .json(RevealedView::new(id, revealed)))
}
