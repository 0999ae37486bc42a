//! `POST /v1/dead-letters/{id}/discard`: gives a dead letter up; its command ends as rejected.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use shared::http::{problem::Problem, query};

use super::{Desk, id, missing, problem};
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
    let actions = desk.actions.clone();
    let act = async move {
        actions.discard(id).await?;
        Ok(actions.detail(id).await?)
    };
    let detail = desk.runtime.run(act).await.map_err(problem)?;
    desk.metrics.resolved(How::Discarded);
    Ok(HttpResponse::Ok().json(detail.ok_or_else(missing)?))
}
