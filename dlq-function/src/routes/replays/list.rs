//! `GET /v1/replays`: replays, newest first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use serde::Serialize;
use shared::{
    http::{
        access::{Caller, Scope},
        cursor::{Cursor, Way},
        faults,
        json::Field,
        openapi::{
            Description, link, parameter,
            schema::{CursorText, LimitNumber},
        },
        page::{self, bad_cursor, limit, limit_holds, take_limit},
        problem::{Code, Problem},
        query,
    },
    store::{contacts::SortKey, replays::ReplayPosition},
};
use utoipa::openapi::path::ParameterIn;
use validator::Validate;

use crate::{
    openapi::{REPLAYS_TAG, schemas::ReplayPage},
    replays::ReplayView,
    routes::Desk,
};

/// What the cursors are for.
const SCOPE: &str = "replays";

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageView {
    items: Vec<ReplayView>,
    next_cursor: Option<String>,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let query = || ParameterIn::Query;
    Description::new("list-replays", REPLAYS_TAG, "List replays", "Newest first.")
        .scopes(&[Scope::DeadLettersRead])
        .parameters([
            parameter::<LimitNumber>("limit", query(), "How many at most.", None),
            parameter::<CursorText>("cursor", query(), "The nextCursor of another page.", None),
        ])
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
    let cursor = parameters.take("cursor");
    let fields = Fields {
        limit: take_limit(&mut parameters),
    };
    let broken = || Problem::malformed("Query parameters break rules.");
    let found = faults::found(&fields, parameters);
    if !found.is_empty() {
        return Err(broken().with_faults(found));
    }
    let limit = limit(&fields.limit).map_err(|_| broken())?;
    let after = match cursor {
        Field::Text(text) => Some(position(&desk, &text).ok_or_else(bad_cursor)?),
        Field::Absent | Field::Null | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            None
        }
    };
    let actions = desk.actions.clone();
    let read = async move { actions.replays_page(after, limit).await };
    let page = desk.runtime.run(read).await;
    let (items, next) = page.map_err(|error| Problem::store(&error))?;
    let next_cursor = next.map(|next| {
        let cursor = Cursor {
            way: Way::Next,
            key: SortKey::Time(next.created_at),
            id: next.id,
        };
        cursor.seal(&desk.ids, SCOPE)
    });
    let mut response = HttpResponse::Ok();
    if let Some(links) = page::links(&request, next_cursor.as_deref(), None) {
        response.insert_header(links);
    }
    Ok(response.json(PageView { items, next_cursor }))
}

fn position(desk: &Desk, text: &str) -> Option<ReplayPosition> {
    let cursor = Cursor::open(text, &desk.ids, SCOPE)?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Time(created_at)) => Some(ReplayPosition {
            created_at,
            id: cursor.id,
        }),
        (Way::Next, SortKey::Text(_)) | (Way::Previous, _) => None,
    }
}
