//! `PUT /v1/contacts/{id}`: replace all fields of a contact.

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
    contact_body::{WholeContact, replacement},
    received::{MediaType, Received},
};

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
