//! `GET /v1/dead-letter-groups`: dead letters that failed alike, counted, last seen first.

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
    store::{
        contacts::SortKey,
        dead_letters::{Group, GroupPosition},
    },
};
use utoipa::openapi::path::{Parameter, ParameterIn};
use uuid::Uuid;
use validator::Validate;

use crate::{
    group_view::GroupView,
    openapi::{
        DEAD_LETTERS_TAG,
        schemas::{GroupPage, ReasonText, StateText},
    },
    routes::{Desk, filter::FilterFields},
};

const PARAMETERS: [&str; 8] = [
    "reason",
    "operation",
    "contactId",
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
    items: Vec<GroupView>,
    next_cursor: Option<String>,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Those that failed alike, last seen first: one reason, one operation, one explanation but for its numbers. Unless `state` is given, groups in which something is open; the counts are of all states.";
    Description::new(
        "list-dead-letter-groups",
        DEAD_LETTERS_TAG,
        "List groups of dead letters",
        about,
    )
    .scopes(&[Scope::DeadLettersRead])
    .parameters(parameters())
    .json::<GroupPage>(StatusCode::OK, "A page of groups.", [link()], None)
    .problems([Code::StoreUnavailable])
}

fn parameters() -> [Parameter; 8] {
    let query = || ParameterIn::Query;
    [
        parameter::<ReasonText>("reason", query(), "Why they could not be processed.", None),
        parameter::<OperationText>("operation", query(), "What the commands would do.", None),
        parameter::<UuidText>(
            "contactId",
            query(),
            "Those of this contact alone are counted.",
            None,
        ),
        parameter::<TimeInput>(
            "since",
            query(),
            "Those received at or after this time alone are counted.",
            None,
        ),
        parameter::<TimeInput>(
            "until",
            query(),
            "Those received before this time alone are counted.",
            None,
        ),
        parameter::<StateText>(
            "state",
            query(),
            "Groups in which something stands so; `open` unless given.",
            None,
        ),
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
    let scope = format!("dead-letter-groups {filter:?}");
    let after = match cursor {
        Field::Text(text) => Some(position(&desk, &text, &scope).ok_or_else(bad_cursor)?),
        Field::Absent | Field::Null | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            None
        }
    };

    let actions = desk.actions.clone();
    let read = async move { actions.groups(&filter, after.as_ref(), limit + 1).await };
    let read = desk.runtime.run(read).await;
    let mut groups = read.map_err(|error| Problem::store(&error))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = groups.len() > limit;
    groups.truncate(limit);
    let last = groups.last().filter(|_| more);
    let next_cursor = last.and_then(|last| Some(cursor_at(last)?.seal(&desk.ids, &scope)));
    let mut response = HttpResponse::Ok();
    if let Some(links) = page::links(&request, next_cursor.as_deref(), None) {
        response.insert_header(links);
    }
    Ok(response.json(PageView {
        items: groups.iter().map(GroupView::from).collect(),
        next_cursor,
    }))
}

/// A fingerprint has as many digits as a UUID.
fn cursor_at(group: &Group) -> Option<Cursor> {
    Some(Cursor {
        way: Way::Next,
        key: SortKey::Time(group.last_seen),
        id: Uuid::try_parse(&group.fingerprint).ok()?,
    })
}

fn position(desk: &Desk, text: &str, scope: &str) -> Option<GroupPosition> {
    let cursor = Cursor::open(text, &desk.ids, scope)?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Time(last_seen)) => Some(GroupPosition {
            last_seen,
            fingerprint: cursor.id.simple().to_string(),
        }),
        (Way::Next, SortKey::Text(_)) | (Way::Previous, _) => None,
    }
}
