//! `GET /v1/contacts/{id}`: one contact, as JSON or as a vCard.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};
use shared::domain::Life;

use super::contact_id;
use shared::http::{problem::Problem, query};

use crate::{
    api::Api,
    conditions,
    representation::Representation,
    resources::ContactView,
    vcard::{TEXT_VCARD, vcards},
};

/// Answers a contact, or 304 if the client has this version.
///
/// # Errors
/// As the contract has it.
pub async fn get(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    query::none(&request)?;
    let id = contact_id(&id)?;
    let store = api.store.clone();
    let found = api.runtime.run(async move { store.contact(id).await }).await;
    let contact = found
        .map_err(|error| Problem::store(&error))?
        .ok_or_else(Problem::contact_not_found)?;
    api.stamps.saw_contact(&contact);
    match contact.state.life {
        Life::Born(_) => {}
        Life::Unborn => return Err(Problem::contact_not_found()),
        Life::Deleted => return Err(Problem::contact_deleted()),
    }
    let form = Representation::wanted(&request);
    let etag = form.etag(contact.state.etag());
    let known = conditions::none_match_names(request.headers(), &etag);
    let mut response = if known {
        HttpResponse::NotModified()
    } else {
        HttpResponse::Ok()
    };
    response
        .insert_header((header::ETAG, etag))
        .insert_header((header::VARY, "Accept"));
    Ok(match form {
        _ if known => response.finish(),
        Representation::Json => response.json(ContactView::from(&contact)),
        Representation::VCard => response.content_type(TEXT_VCARD).body(vcards([&contact])),
    })
}
