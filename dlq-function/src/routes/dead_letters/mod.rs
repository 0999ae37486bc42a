//! What is asked and done of dead letters. One file per endpoint.

use shared::{
    http::{json::Field, problem::Problem},
    store::dead_letters::{DeadLetterFilter, DeadLetterPosition, StoredDeadLetter},
};

use super::{Desk, paging};

pub(crate) mod archive;
pub(crate) mod discard;
pub(crate) mod discard_many;
pub(crate) mod edit_and_replay;
pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod many;
pub(crate) mod replay;
pub(crate) mod restore;
pub(crate) mod reveal;

/// What the cursors of a list with these filters are for.
fn scope(filter: &DeadLetterFilter) -> String {
    format!("dead-letters {filter:?}")
}

/// The dead letter after which the page of a cursor starts; `None` for the first page.
///
/// # Errors
/// `malformed-request` if the cursor was not made for these filters.
pub(crate) fn after(
    desk: &Desk,
    filter: &DeadLetterFilter,
    cursor: &Field,
) -> Result<Option<DeadLetterPosition>, Problem> {
    let after = paging::after(desk, cursor, &scope(filter))?;
    Ok(after.map(|(received_at, id)| DeadLetterPosition { received_at, id }))
}

/// Cuts what was read, one more than the limit if there is more, to the limit, and gives the cursor of the next page.
pub(crate) fn cut(
    desk: &Desk,
    filter: &DeadLetterFilter,
    letters: &mut Vec<StoredDeadLetter>,
    limit: u64,
) -> Option<String> {
    paging::cut(desk, letters, limit, &scope(filter), |last| {
        Some((last.received_at, last.id))
    })
}
