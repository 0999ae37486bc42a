//! `DELETE /v1/contacts/{id}`: delete a contact and erase its personal data.

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
    received::{MediaType, Received},
};

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
