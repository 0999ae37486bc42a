//! `/v1/contacts`.

use shared::domain::ContactId;
use shared::http::problem::{Code, Problem};

pub mod create;
pub mod delete;
pub mod get;
pub mod list;
pub mod patch;
pub mod replace;
pub mod search;

/// What a write may be refused with, or end in when it is waited for.
const WRITE_PROBLEMS: [Code; 6] = [
    Code::PreconditionFailed,
    Code::IdempotencyKeyReused,
    Code::Discarded,
    Code::ContactDeleted,
    Code::BrokerUnavailable,
    Code::PublishUnconfirmed,
];

/// What besides a write to a contact that should exist may be refused with.
const EXISTING_PROBLEMS: [Code; 2] = [Code::ContactNotFound, Code::StoreUnavailable];

/// The contact that a path names. What is no id was never issued.
fn contact_id(path: &str) -> Result<ContactId, Problem> {
    path.parse().map_err(|_| Problem::contact_not_found())
}
