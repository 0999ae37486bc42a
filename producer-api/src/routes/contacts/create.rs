//! `POST /v1/contacts`: create a contact.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use shared::domain::{Action, Operation};

use shared::http::problem::Problem;

use crate::{
    accept::{Target, accept},
    answer::answer,
    api::Api,
    contact_body::WholeContact,
    received::{MediaType, Received},
};

/// Accepts the create of a contact.
///
/// # Errors
/// As the contract has it.
pub async fn create(api: Data<Api>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let outcome = async {
        let received = Received::read(&request, payload, MediaType::Json).await?;
        let contact = WholeContact::read(received.members()?)?;
        let accepted = accept(&api, &received, Action::Create(contact), Target::New).await?;
        answer(&api, accepted, received.prefer, &received.origin).await
    };
    api.metrics.write(Operation::Create, outcome.await)
}
