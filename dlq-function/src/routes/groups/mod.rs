//! What is asked of groups of dead letters.

use shared::{
    http::{json::Field, problem::Problem},
    store::dead_letters::{DeadLetterFilter, Group, GroupPosition},
};
use uuid::Uuid;

use super::{Desk, paging};

pub(crate) mod list;

/// What the cursors of a list with these filters are for.
fn scope(filter: &DeadLetterFilter) -> String {
    format!("dead-letter-groups {filter:?}")
}

/// The group after which the page of a cursor starts; `None` for the first page.
///
/// # Errors
/// `malformed-request` if the cursor was not made for these filters.
pub(crate) fn after(
    desk: &Desk,
    filter: &DeadLetterFilter,
    cursor: &Field,
) -> Result<Option<GroupPosition>, Problem> {
    let after = paging::after(desk, cursor, &scope(filter))?;
    // A fingerprint has as many digits as a UUID.
    Ok(after.map(|(last_seen, id)| GroupPosition {
        last_seen,
        fingerprint: id.simple().to_string(),
    }))
}

/// Cuts what was read, one more than the limit if there is more, to the limit, and gives the cursor of the next page.
pub(crate) fn cut(
    desk: &Desk,
    filter: &DeadLetterFilter,
    groups: &mut Vec<Group>,
    limit: u64,
) -> Option<String> {
    let place = |last: &Group| Some((last.last_seen, Uuid::try_parse(&last.fingerprint).ok()?));
    paging::cut(desk, groups, limit, &scope(filter), place)
}
