//! `DELETE /v1/contacts/{id}`: delete a contact and erase its personal data.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload},
};
use shared::domain::{Action, Operation};

use super::contact_id;
use shared::http::{openapi::Description, problem::Problem};

use crate::{
    accept::{Target, accept},
    answer::answer,
    api::Api,
    openapi::{CONTACTS_TAG, examples, parts},
    received::{MediaType, Received},
    resources::CommandView,
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "Final: all personal data is erased, only the id and the time remain. Deleting it again changes nothing.";
    Description::new(
        "delete-contact",
        CONTACTS_TAG,
        "Delete a contact and erase its data",
        about,
    )
    .parameters([parts::id("contact"), parts::if_match()])
    .parameters(parts::write())
    .json::<CommandView>(
        StatusCode::ACCEPTED,
        "The queue has stored the command.",
        parts::accepted(),
        Some(examples::command()),
    )
    .answer(
        StatusCode::NO_CONTENT,
        "It was waited for, and is gone (`Prefer: wait`).",
        [parts::preference_applied()],
    )
    .problems(super::WRITE_PROBLEMS)
    .problems(super::EXISTING_PROBLEMS)
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
    let outcome = async {
        let id = contact_id(&id)?;
        let received = Received::read(&request, payload, MediaType::Nothing).await?;
        let accepted = accept(&api, &received, Action::Delete, Target::Existing(id)).await?;
        answer(&api, accepted, received.prefer, &received.origin).await
    };
    api.metrics.write(Operation::Delete, outcome.await)
}
