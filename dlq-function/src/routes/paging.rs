//! Lists that go one way, newest first: where a page starts, and where the next one does.

use chrono::{DateTime, Utc};
use shared::{
    http::{
        cursor::{Cursor, Way},
        faults,
        json::{Field, Members},
        openapi::{
            parameter,
            schema::{CursorText, LimitNumber},
        },
        page::bad_cursor,
        problem::Problem,
    },
    store::contacts::SortKey,
};
use utoipa::openapi::path::{Parameter, ParameterIn};
use uuid::Uuid;
use validator::Validate;

use super::Desk;

/// A place in a list: a time, and the id that decides between equal times.
pub(crate) type Place = (DateTime<Utc>, Uuid);

/// `limit` and `cursor` in the description of the API.
pub(crate) fn parameters() -> [Parameter; 2] {
    let query = || ParameterIn::Query;
    let cursor = "The nextCursor of another page with the same filters.";
    [
        parameter::<LimitNumber>("limit", query(), "How many at most.", None),
        parameter::<CursorText>("cursor", query(), cursor, None),
    ]
}

/// Checks the parameters of a list; `rest` are those that nobody took.
///
/// # Errors
/// `malformed-request` with all faults.
pub(crate) fn check(fields: &impl Validate, rest: Members) -> Result<(), Problem> {
    let found = faults::found(fields, rest);
    if found.is_empty() {
        Ok(())
    } else {
        Err(broken().with_faults(found))
    }
}

/// Query parameters that break rules.
pub(crate) fn broken() -> Problem {
    Problem::malformed("Query parameters break rules.")
}

/// The place after which the page of a cursor starts; `None` for the first page. `scope` says which list with which filters.
///
/// # Errors
/// `malformed-request` if the cursor was not made for these.
pub(crate) fn after(desk: &Desk, cursor: &Field, scope: &str) -> Result<Option<Place>, Problem> {
    let text = match cursor {
        Field::Text(text) => text,
        Field::Absent | Field::Null | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            return Ok(None);
        }
    };
    let cursor = Cursor::open(text, &desk.ids, scope).ok_or_else(bad_cursor)?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Time(time)) => Ok(Some((time, cursor.id))),
        (Way::Next, SortKey::Text(_)) | (Way::Previous, _) => Err(bad_cursor()),
    }
}

/// Cuts what was read, one more than the limit if there is more, to the limit, and gives the cursor of the next page.
pub(crate) fn cut<T>(
    desk: &Desk,
    read: &mut Vec<T>,
    limit: u64,
    scope: &str,
    place: impl FnOnce(&T) -> Option<Place>,
) -> Option<String> {
    let last = cut_to(read, limit)?;
    Some(cursor(desk, place(last)?, scope))
}

/// Cuts what was read to the limit; the last that is left, if there is more behind it.
pub(crate) fn cut_to<T>(read: &mut Vec<T>, limit: u64) -> Option<&T> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = read.len() > limit;
    read.truncate(limit);
    read.last().filter(|_| more)
}

/// The cursor of the page that starts after a place.
pub(crate) fn cursor(desk: &Desk, (time, id): Place, scope: &str) -> String {
    let cursor = Cursor {
        way: Way::Next,
        key: SortKey::Time(time),
        id,
    };
    cursor.seal(&desk.ids, scope)
}
