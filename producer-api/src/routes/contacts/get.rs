//! `GET /v1/contacts/{id}`: one contact, as JSON or as a vCard.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use shared::domain::Life;

use super::contact_id;
use shared::http::{
    access::{Caller, Scope},
    contact::ContactView,
    openapi::Description,
    problem::{Code, Problem},
    query,
};

use crate::{
    api::Api,
    conditions,
    openapi::{CONTACTS_TAG, examples, parts},
    representation::Representation,
    vcard::{TEXT_VCARD, vcards},
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "With `Accept: text/vcard` as a vCard 4.0 (RFC 6350).";
    let ok = StatusCode::OK;
    Description::new("get-contact", CONTACTS_TAG, "Read a contact", about)
        .scopes(&[Scope::ContactsRead])
        .parameters([parts::id("contact"), parts::if_none_match()])
        .json::<ContactView>(ok, "The contact.", [parts::etag()], Some(examples::contact()))
        .also(ok, TEXT_VCARD, parts::vcards())
        .answer(
            StatusCode::NOT_MODIFIED,
            "The client has this version.",
            [parts::etag()],
        )
        .problems([
            Code::ContactNotFound,
            Code::ContactDeleted,
            Code::StoreUnavailable,
        ])
}

/// Answers a contact, or 304 if the client has this version.
///
/// # Errors
/// As the contract has it.
pub async fn get(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::ContactsRead])?;
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
