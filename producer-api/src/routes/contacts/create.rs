//! `POST /v1/contacts`: create a contact.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use shared::domain::Action;

use super::describe_write;
use shared::http::{
    access::{Caller, Scope},
    body::MediaType,
    contact::ContactView,
    contact_body::WholeContact,
    openapi::Description,
    problem::{Code, Problem},
};

use crate::{
    accept::Target,
    answer::accept_and_answer,
    api::Api,
    openapi::{CONTACTS_TAG, examples, parts, schemas::NewContact},
    received::Received,
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "A contact needs a name, and a phone or an e-mail address. `areaCode` and `state` follow from a Brazilian phone.";
    let create = Description::new("create-contact", CONTACTS_TAG, "Create a contact", about);
    describe_write(create)
        .body::<NewContact>(MediaType::Json.as_str(), "The contact.", examples::new_contact())
        .json::<ContactView>(
            StatusCode::CREATED,
            "It was waited for, and is there (`Prefer: wait`).",
            [
                parts::location("contact"),
                parts::etag(),
                parts::preference_applied(),
            ],
            Some(examples::contact()),
        )
        .problems([Code::ValidationFailed])
}

/// Accepts the create of a contact.
///
/// # Errors
/// As the contract has it.
pub async fn create(api: Data<Api>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::ContactsWrite])?;
    let received = Received::read(&request, payload, MediaType::Json).await?;
    let contact = WholeContact::read(received.members()?)?;
    accept_and_answer(&api, &caller, &received, Action::Create(contact), Target::New).await
}
