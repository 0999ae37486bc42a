//! `GET /v1/dead-letters`: dead letters, newest first.

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
            schema::{CursorText, LimitNumber, OperationText, TimeInput, UuidText},
        },
        page::{self, bad_cursor, limit, limit_holds, take_limit},
        problem::{Code, Problem},
        query,
    },
    store::{contacts::SortKey, dead_letters::DeadLetterPosition},
};
use utoipa::openapi::path::{Parameter, ParameterIn};
use validator::Validate;

use crate::{
    openapi::{
        DEAD_LETTERS_TAG,
        schemas::{DeadLetterPage, GroupText, ReasonText, StateText},
    },
    routes::{Desk, filter::FilterFields},
    view::DeadLetterView,
};

const PARAMETERS: [&str; 10] = [
    "reason",
    "operation",
    "group",
    "contactId",
    "commandId",
    "since",
    "until",
    "state",
    "limit",
    "cursor",
];

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
    #[validate(nested)]
    filter: FilterFields,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageView {
    items: Vec<DeadLetterView>,
    next_cursor: Option<String>,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Newest first. Every filter that is given must hold.";
    Description::new("list-dead-letters", DEAD_LETTERS_TAG, "List dead letters", about)
        .scopes(&[Scope::DeadLettersRead])
        .parameters(parameters())
        .json::<DeadLetterPage>(StatusCode::OK, "A page of dead letters.", [link()], None)
        .problems([Code::StoreUnavailable])
}

fn parameters() -> [Parameter; 10] {
    let query = || ParameterIn::Query;
    [
        parameter::<ReasonText>("reason", query(), "Why it could not be processed.", None),
        parameter::<OperationText>("operation", query(), "What the command would do.", None),
        parameter::<GroupText>("group", query(), "Those that failed alike.", None),
        parameter::<UuidText>("contactId", query(), "Those of this contact.", None),
        parameter::<UuidText>("commandId", query(), "Those of this command.", None),
        parameter::<TimeInput>("since", query(), "Received at or after this time.", None),
        parameter::<TimeInput>("until", query(), "Received before this time.", None),
        parameter::<StateText>("state", query(), "What became of it.", None),
        parameter::<LimitNumber>("limit", query(), "How many at most.", None),
        parameter::<CursorText>(
            "cursor",
            query(),
            "The nextCursor of another page with the same filters.",
            None,
        ),
    ]
}

/// Answers a page, with a link to the next.
///
/// # Errors
/// `malformed-request`, `store-unavailable`.
pub(in crate::routes) async fn list(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::DeadLettersRead])?;
    let mut parameters = query::read(&request, &PARAMETERS)?;
    let cursor = parameters.take("cursor");
    let fields = Fields {
        limit: take_limit(&mut parameters),
        filter: FilterFields::take(&mut parameters),
    };
    let found = faults::found(&fields, parameters);
    let broken = || Problem::malformed("Query parameters break rules.");
    if !found.is_empty() {
        return Err(broken().with_faults(found));
    }
    let filter = fields.filter.filter().map_err(|_| broken())?;
    let limit = limit(&fields.limit).map_err(|_| broken())?;
    let scope = format!("dead-letters {filter:?}");
    let after = match cursor {
        Field::Text(text) => Some(position(&desk, &text, &scope).ok_or_else(bad_cursor)?),
        Field::Absent | Field::Null | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            None
        }
    };

    let store = desk.actions.store.clone();
    let read = async move { store.dead_letters_page(&filter, after, limit + 1).await };
    let mut letters = desk
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = letters.len() > limit;
    letters.truncate(limit);
    let next_cursor = letters.last().filter(|_| more).map(|last| {
        let cursor = Cursor {
            way: Way::Next,
            key: SortKey::Time(last.received_at),
            id: last.id,
        };
        cursor.seal(&desk.ids, &scope)
    });
    let mut response = HttpResponse::Ok();
    if let Some(links) = page::links(&request, next_cursor.as_deref(), None) {
        response.insert_header(links);
    }
    Ok(response.json(PageView {
        items: letters.iter().map(DeadLetterView::from).collect(),
        next_cursor,
    }))
}

fn position(desk: &Desk, text: &str, scope: &str) -> Option<DeadLetterPosition> {
    let cursor = Cursor::open(text, &desk.ids, scope)?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Time(received_at)) => Some(DeadLetterPosition {
            received_at,
            id: cursor.id,
        }),
        (Way::Next, SortKey::Text(_)) | (Way::Previous, _) => None,
    }
}
