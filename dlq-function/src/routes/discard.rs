//! `POST /v1/dead-letters/{id}/discard`: gives a dead letter up; its command ends as rejected.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use shared::http::{problem::Problem, query};

use super::{Desk, id};
use crate::metrics::How;

/// Answers 200 with the dead letter.
///
/// # Errors
/// `dead-letter-not-found`, `dead-letter-closed`, `store-unavailable`.
pub(super) async fn discard(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    query::none(&request)?;
    let id = id(&path)?;
    let detail = desk
        .act(id, How::Discarded, |actions, id| async move {
            actions.discard(id).await
        })
        .await?;
    Ok(HttpResponse::Ok().json(detail))
}
