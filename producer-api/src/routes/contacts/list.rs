//! `GET /v1/contacts`: a page of contacts, as JSON or as vCards.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::Data,
};

use shared::http::{
    access::{Caller, Scope},
    contact::{ContactItem, ContactQuery, MEMBERS},
    openapi::{Description, link},
    page::{self, PageView},
    problem::{Code, Problem},
    query,
};

use crate::{
    api::Api,
    contact_page,
    openapi::{CONTACTS_TAG, parts, schemas::ContactPage},
    representation::Representation,
    vcard::{TEXT_VCARD, vcards},
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "Every filter that is given must hold. With `Accept: text/vcard` as vCards 4.0, without those deleted. Filters by phone or e-mail stay out of URLs and logs in a search.";
    let ok = StatusCode::OK;
    Description::new("list-contacts", CONTACTS_TAG, "List contacts", about)
        .scopes(&[Scope::ContactsRead])
        .parameters(parts::filters().into_iter().map(parts::Filter::in_query))
        .json::<ContactPage>(ok, "A page of contacts.", [link()], None)
        .also(ok, TEXT_VCARD, parts::vcards())
        .problems([Code::StoreUnavailable])
}

/// Answers a page, with links to its neighbours.
///
/// # Errors
/// As the contract has it.
pub async fn list(api: Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::ContactsRead])?;
    let query = ContactQuery::from_parameters(query::read(&request, &MEMBERS)?)?;
    let page = contact_page::contacts(&api, query).await?;
    let mut response = HttpResponse::Ok();
    if let Some(links) = page::links(&request, page.next.as_deref(), page.previous.as_deref()) {
        response.insert_header(links);
    }
    response.insert_header((header::VARY, "Accept"));
    Ok(match Representation::wanted(&request) {
        Representation::Json => response.json(PageView {
            items: page.contacts.iter().map(ContactItem::from).collect(),
            next_cursor: page.next,
            prev_cursor: None,
        }),
        Representation::VCard => response.content_type(TEXT_VCARD).body(vcards(&page.contacts)),
    })
}
