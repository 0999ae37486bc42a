//! `PATCH /v1/contacts/{id}`: change some fields of a contact (merge patch, RFC 7396).

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use shared::domain::Action;

use super::{contact_id, describe_update};
use shared::http::{
    access::{Caller, Scope},
    body::MediaType,
    contact_body::PartOfContact,
    openapi::Description,
    problem::Problem,
};

use crate::{
    accept::Target,
    answer::accept_and_answer,
    api::Api,
    openapi::{CONTACTS_TAG, examples, schemas::ContactPatch},
    received::Received,
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "A merge patch (RFC 7396): a member that is absent is kept, one that is `null` is cleared. Two patches of different fields both hold, whatever their order.";
    let summary = "Change some fields of a contact";
    let patch = Description::new("change-contact", CONTACTS_TAG, summary, about);
    describe_update::<ContactPatch>(patch, MediaType::MergePatch, examples::patch())
}

/// Accepts the change of some fields; what is absent is kept, what is `null` is cleared.
///
/// # Errors
/// As the contract has it.
pub async fn patch(
    api: Data<Api>,
    request: HttpRequest,
    id: Path<String>,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, &[Scope::ContactsWrite])?;
    let id = contact_id(&id)?;
    let received = Received::read(&request, payload, MediaType::MergePatch).await?;
    let changes = PartOfContact::read(received.members()?)?;
    accept_and_answer(
        &api,
        &caller,
        &received,
        Action::Update(changes),
        Target::Existing(id),
    )
    .await
}
