//! `DELETE /v1/contacts/{id}`: delete a contact and erase its personal data.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use shared::domain::Action;

use super::{contact_id, describe_write_to_one};
use shared::http::{
    access::{Caller, Scope},
    body::MediaType,
    openapi::Description,
    problem::Problem,
};

use crate::{
    accept::Target,
    answer::accept_and_answer,
    api::Api,
    openapi::{CONTACTS_TAG, parts},
    received::Received,
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "Final: all personal data is erased, only the id and the time remain. Deleting it again changes nothing.";
    let summary = "Delete a contact and erase its data";
    let delete = Description::new("delete-contact", CONTACTS_TAG, summary, about);
    describe_write_to_one(delete).answer(
        StatusCode::NO_CONTENT,
        "It was waited for, and is gone (`Prefer: wait`).",
        [parts::preference_applied()],
    )
}

/// Accepts the delete of a contact; one that is deleted already included.
///
/// # Errors
/// As the contract has it.
pub async fn delete(
    api: Data<Api>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::ContactsWrite])?;
    let id = contact_id(&id)?;
    let received = Received::read(&request, payload, MediaType::Nothing).await?;
    accept_and_answer(&api, &caller, &received, Action::Delete, Target::Existing(id)).await
}
