//! `PUT /v1/contacts/{id}`: replace all fields of a contact.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use shared::domain::Action;

use super::{contact_id, describe_update};
use shared::http::{
    access::{Caller, Scope},
    body::MediaType,
    contact_body::{WholeContact, replacement},
    openapi::Description,
    problem::Problem,
};

use crate::{
    accept::Target,
    answer::accept_and_answer,
    api::Api,
    openapi::{CONTACTS_TAG, examples, schemas::NewContact},
    received::Received,
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "All fields are set; one that is absent is cleared.";
    let replace = Description::new("replace-contact", CONTACTS_TAG, "Replace a contact", about);
    describe_update::<NewContact>(replace, MediaType::Json, examples::new_contact())
}

/// Accepts the replacement of a contact's fields; what is absent is cleared.
///
/// # Errors
/// As the contract has it.
pub async fn replace(
    api: Data<Api>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::ContactsWrite])?;
    let id = contact_id(&id)?;
    let received = Received::read(&request, payload, MediaType::Json).await?;
    let changes = replacement(WholeContact::read(received.members()?)?);
    accept_and_answer(
        &api,
        &caller,
        &received,
        Action::Update(changes),
        Target::Existing(id),
    )
    .await
}
