//! `/v1/contacts`.

use actix_web::http::StatusCode;
use serde_json::Value;
use shared::{
    domain::ContactId,
    http::{
        access::Scope,
        body::MediaType,
        contact::ContactView,
        openapi::Description,
        problem::{Code, Problem},
    },
};
use utoipa::ToSchema;

use crate::{
    openapi::{examples, parts},
    resources::CommandView,
};

pub mod create;
pub mod delete;
pub mod duplicates;
pub mod export;
pub mod get;
pub mod import;
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

/// A write: its headers, the answer at once, and what it may be refused with.
fn describe_write(write: Description) -> Description {
    write
        .scopes(&[Scope::ContactsWrite])
        .parameters(parts::write())
        .json::<CommandView>(
            StatusCode::ACCEPTED,
            "The queue has stored the command.",
            parts::accepted(),
            Some(examples::command()),
        )
        .problems(WRITE_PROBLEMS)
}

/// A write to a contact that should exist.
fn describe_write_to_one(write: Description) -> Description {
    let write = write.parameters([parts::id("contact"), parts::if_match()]);
    describe_write(write).problems(EXISTING_PROBLEMS)
}

/// A write that sets fields, given the body that says which.
fn describe_update<T: ToSchema>(update: Description, media: MediaType, example: Value) -> Description {
    describe_write_to_one(update)
        .body::<T>(media.as_str(), "The fields.", example)
        .json::<ContactView>(
            StatusCode::OK,
            "It was waited for: the contact as it is (`Prefer: wait`).",
            [parts::etag(), parts::preference_applied()],
            Some(examples::contact()),
        )
        .answer(
            StatusCode::NO_CONTENT,
            "It was waited for, without the contact (`Prefer: wait, return=minimal`).",
            [parts::etag(), parts::preference_applied()],
        )
        .problems([Code::ValidationFailed])
}

/// The contact that a path names. What is no id was never issued.
fn contact_id(path: &str) -> Result<ContactId, Problem> {
    path.parse().map_err(|_| Problem::contact_not_found())
}
