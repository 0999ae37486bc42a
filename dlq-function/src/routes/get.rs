//! `GET /v1/dead-letters/{id}`: one dead letter, its history, and what a replay would come to.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use shared::http::{problem::Problem, query};

use super::{Desk, id, missing};

/// Answers the dead letter, personal data masked.
///
/// # Errors
/// `dead-letter-not-found`, `store-unavailable`.
pub(super) async fn get(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    query::none(&request)?;
    let id = id(&path)?;
    let actions = desk.actions.clone();
    let read = async move { actions.detail(id).await };
    let detail = desk
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    Ok(HttpResponse::Ok().json(detail.ok_or_else(missing)?))
}
