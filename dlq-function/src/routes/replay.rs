//! `POST /v1/dead-letters/{id}/replay`: sends the command again, under its own command id.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use shared::http::{problem::Problem, query};

use super::{Desk, id, missing, problem};
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
    let actions = desk.actions.clone();
    let act = async move {
        actions.replay(id).await?;
        Ok(actions.detail(id).await?)
    };
    let detail = desk.runtime.run(act).await.map_err(problem)?;
    desk.metrics.resolved(How::Replayed);
    Ok(HttpResponse::Accepted().json(detail.ok_or_else(missing)?))
}
