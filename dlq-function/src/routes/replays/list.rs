//! `GET /v1/replays`: replays, newest first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use shared::http::{
    access::{Caller, Scope},
    json::Field,
    openapi::{Description, link},
    page::{PageView, limit, limit_holds, take_limit},
    problem::{Code, Problem},
    query,
};
use validator::Validate;

use super::{after, cursor};
use crate::{
    openapi::{REPLAYS_TAG, schemas::ReplayPage},
    routes::{
        Desk,
        paging::{self, broken},
    },
};

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    Description::new("list-replays", REPLAYS_TAG, "List replays", "Newest first.")
        .scopes(&[Scope::DeadLettersRead])
        .parameters(paging::parameters())
        .json::<ReplayPage>(StatusCode::OK, "A page of replays.", [link()], None)
        .problems([Code::StoreUnavailable])
}

/// Answers a page, with a link to the next.
///
/// # Errors
/// `malformed-request`, `store-unavailable`.
pub(in crate::routes) async fn list(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::DeadLettersRead])?;
    let mut parameters = query::read(&request, &["limit", "cursor"])?;
    let from = parameters.take("cursor");
    let fields = Fields {
        limit: take_limit(&mut parameters),
    };
    paging::check(&fields, parameters)?;
    let limit = limit(&fields.limit).map_err(|_| broken())?;
    let after = after(&desk, &from)?;
    let actions = desk.actions.clone();
    let read = async move { actions.replays_page(after, limit).await };
    let page = desk.runtime.run(read).await;
    let (items, next) = page.map_err(|error| Problem::store(&error))?;
    let next = next.map(|next| cursor(&desk, next));
    Ok(PageView::onwards(&request, items, next))
}
