//! `PATCH /v1/contacts/{id}`: change some fields of a contact (merge patch, RFC 7396).

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path, Payload},
};
use shared::domain::{Action, Operation};

use super::contact_id;
use shared::http::problem::Problem;

use crate::{
    accept::{Target, accept},
    answer::answer,
    api::Api,
    contact_body::PartOfContact,
    received::{MediaType, Received},
};

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
    let outcome = async {
        let id = contact_id(&id)?;
        let received = Received::read(&request, payload, MediaType::MergePatch).await?;
        let changes = PartOfContact::read(received.members()?)?;
        let accepted = accept(&api, &received, Action::Update(changes), Target::Existing(id)).await?;
        answer(&api, accepted, received.prefer, &received.origin).await
    };
    api.metrics.write(Operation::Update, outcome.await)
}
