//! What is asked of the audit.

use shared::{
    http::{json::Field, problem::Problem},
    store::audit::{AuditFilter, AuditPosition, Entry},
};

use super::{Desk, paging};

pub(crate) mod filter;
pub(crate) mod lines;
pub(crate) mod list;

/// What the cursors of a list with these filters are for.
fn scope(filter: &AuditFilter) -> String {
    format!("audit {filter:?}")
}

/// The entry after which the page of a cursor starts; `None` for the first page.
///
/// # Errors
/// `malformed-request` if the cursor was not made for these filters.
pub(crate) fn after(
    desk: &Desk,
    filter: &AuditFilter,
    cursor: &Field,
) -> Result<Option<AuditPosition>, Problem> {
    let after = paging::after(desk, cursor, &scope(filter))?;
    Ok(after.map(|(at, id)| AuditPosition { at, id }))
}

/// Cuts what was read, one more than the limit if there is more, to the limit, and gives the cursor of the next page.
pub(crate) fn cut(desk: &Desk, filter: &AuditFilter, entries: &mut Vec<Entry>, limit: u64) -> Option<String> {
    paging::cut(desk, entries, limit, &scope(filter), |last| {
        Some((last.at, last.id))
    })
}
