//! `GET /v1/replays/{id}/items`: what became of each dead letter of a replay.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use shared::{
    http::{
        access::{Caller, Scope},
        cursor::{Cursor, Way},
        json::Field,
        openapi::{Description, link},
        page::{PageView, bad_cursor, limit, limit_holds, take_limit},
        problem::{Code, Problem},
        query,
    },
    store::{
        contacts::SortKey,
        replays::{ItemState, ReplayedItem},
    },
};
use uuid::Uuid;
use validator::Validate;

use super::id;
use crate::{
    openapi::{REPLAYS_TAG, replay_id_parameter, schemas::ReplayItemPage},
    replays::ItemView,
    routes::{
        Desk,
        paging::{self, broken},
        problem,
    },
};

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "In the order in which they are sent. What is told of one that has not ended may be another thing on the next page.";
    Description::new(
        "list-replay-items",
        REPLAYS_TAG,
        "List what became of each dead letter of a replay",
        about,
    )
    .scopes(&[Scope::DeadLettersRead])
    .parameters([replay_id_parameter()].into_iter().chain(paging::parameters()))
    .json::<ReplayItemPage>(
        StatusCode::OK,
        "A page of dead letters of the replay.",
        [link()],
        None,
    )
    .problems([Code::ReplayNotFound, Code::StoreUnavailable])
}

/// Answers a page, with a link to the next.
///
/// # Errors
/// `malformed-request`, `replay-not-found`, `store-unavailable`.
pub(in crate::routes) async fn list(
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::DeadLettersRead])?;
    let mut parameters = query::read(&request, &["limit", "cursor"])?;
    let cursor = parameters.take("cursor");
    let fields = Fields {
        limit: take_limit(&mut parameters),
    };
    paging::check(&fields, parameters)?;
    let limit = limit(&fields.limit).map_err(|_| broken())?;
    let id = id(&path)?;
    let after = after(&desk, id, &cursor)?;
    let actions = desk.actions.clone();
    let read = async move {
        actions.is_replay(id).await?;
        Ok(actions
            .replayed_items(id, &ItemState::ALL, after, limit + 1)
            .await?)
    };
    let mut items = desk.runtime.run(read).await.map_err(problem)?;
    let next = cut(&desk, id, &mut items, limit);
    let items: Vec<_> = items.iter().map(ItemView::from).collect();
    Ok(PageView::onwards(&request, items, next))
}

/// The position behind which the page of a cursor starts; 0 for the first page.
///
/// # Errors
/// `malformed-request` if the cursor was not made for this replay.
pub(crate) fn after(desk: &Desk, replay: Uuid, cursor: &Field) -> Result<u32, Problem> {
    let Field::Text(text) = cursor else {
        return Ok(0);
    };
    let cursor = Cursor::open(text, &desk.ids, &scope(replay)).ok_or_else(bad_cursor)?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Text(position)) => position.parse().map_err(|_| bad_cursor()),
        (Way::Next, SortKey::Time(_)) | (Way::Previous, _) => Err(bad_cursor()),
    }
}

/// Cuts what was read, one more than the limit if there is more, to the limit, and gives the cursor of the next page.
pub(crate) fn cut(desk: &Desk, replay: Uuid, items: &mut Vec<ReplayedItem>, limit: u64) -> Option<String> {
    let last = paging::cut_to(items, limit)?;
    let cursor = Cursor {
        way: Way::Next,
        key: SortKey::Text(last.position.to_string()),
        id: replay,
    };
    Some(cursor.seal(&desk.ids, &scope(replay)))
}

/// What the cursors are for.
fn scope(replay: Uuid) -> String {
    format!("replay-items {replay}")
}
