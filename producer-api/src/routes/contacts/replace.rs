//! `PUT /v1/contacts/{id}`: replace all fields of a contact.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use shared::domain::{Action, Operation};

use super::contact_id;
use shared::http::{
    openapi::Description,
    problem::{Code, Problem},
};

use crate::{
    accept::{Target, accept},
    answer::answer,
    api::Api,
    contact_body::{WholeContact, replacement},
    openapi::{CONTACTS_TAG, examples, parts, schemas::NewContact},
    received::{MediaType, Received},
    resources::{CommandView, ContactView},
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "All fields are set; one that is absent is cleared.";
    Description::new("replace-contact", CONTACTS_TAG, "Replace a contact", about)
        .parameters([parts::id("contact"), parts::if_match()])
        .parameters(parts::write())
        .body::<NewContact>(MediaType::Json.as_str(), "The fields.", examples::new_contact())
        .json::<ContactView>(
            StatusCode::OK,
            "It was waited for: the contact as it is (`Prefer: wait`).",
            [parts::etag(), parts::preference_applied()],
            Some(examples::contact()),
        )
        .json::<CommandView>(
            StatusCode::ACCEPTED,
            "The queue has stored the command.",
            parts::accepted(),
            Some(examples::command()),
        )
        .answer(
            StatusCode::NO_CONTENT,
            "It was waited for, without the contact (`Prefer: wait, return=minimal`).",
            [parts::etag(), parts::preference_applied()],
        )
        .problems(super::WRITE_PROBLEMS)
        .problems(super::EXISTING_PROBLEMS)
        .problems([Code::ValidationFailed])
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
    let outcome = async {
        let id = contact_id(&id)?;
        let received = Received::read(&request, payload, MediaType::Json).await?;
        let changes = replacement(WholeContact::read(received.members()?)?);
        let accepted = accept(&api, &received, Action::Update(changes), Target::Existing(id)).await?;
        answer(&api, accepted, received.prefer, &received.origin).await
    };
    api.metrics.write(Operation::Update, outcome.await)
}
