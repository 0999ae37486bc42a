//! `POST /v1/dead-letters/{id}/replay`: sends the command again, under its own command id.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use shared::http::{problem::Problem, query};

use super::{Desk, id};
use crate::metrics::How;

/// Answers 202 with the dead letter once the broker has stored the command.
///
/// # Errors
/// `dead-letter-not-found`, `dead-letter-closed`, `dead-letter-erased`, `broker-unavailable`, `publish-unconfirmed`,
/// `store-unavailable`.
pub(super) async fn replay(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    query::none(&request)?;
    let id = id(&path)?;
    let detail = desk
        .act(id, How::Replayed, |actions, id| async move {
            actions.replay(id).await
        })
        .await?;
    Ok(HttpResponse::Accepted().json(detail))
}
