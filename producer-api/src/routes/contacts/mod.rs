//! `/v1/contacts`.

use shared::domain::ContactId;
use shared::http::problem::Problem;

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod patch;
pub mod replace;
pub mod search;

/// The contact that a path names. What is no id was never issued.
fn contact_id(path: &str) -> Result<ContactId, Problem> {
    path.parse().map_err(|_| Problem::contact_not_found())
}
