//! `POST /v1/contacts/search`: a page of contacts, the filters in the body, so that personal data stays out of URLs.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};

use shared::http::{
    access::{Caller, Scope},
    body::{MediaType, read_body},
    contact::{ContactItem, ContactQuery},
    json::Members,
    openapi::Description,
    page::PageView,
    problem::{Code, Problem},
    query,
};

use crate::{
    api::Api,
    contact_page,
    openapi::{
        CONTACTS_TAG, examples,
        schemas::{ContactPage, ContactSearch},
    },
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "The filters of the list, in the body, so that personal data stays out of URLs and logs. Both cursors are in the answer.";
    Description::new("search-contacts", CONTACTS_TAG, "Search contacts", about)
        .scopes(&[Scope::ContactsRead])
        .body::<ContactSearch>(MediaType::Json.as_str(), "The filters.", examples::search())
        .json::<ContactPage>(StatusCode::OK, "A page of contacts.", [], None)
        .problems([Code::ValidationFailed, Code::StoreUnavailable])
}

/// Answers a page. There is nothing that a link could point to, so both cursors are in the body.
///
/// # Errors
/// As the contract has it.
pub async fn search(api: Data<Api>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::ContactsRead])?;
    query::none(&request)?;
    let body = read_body(&request, payload, MediaType::Json).await?;
    let query = ContactQuery::from_body(Members::read(&body)?)?;
    let page = contact_page::contacts(&api, query).await?;
    Ok(HttpResponse::Ok().json(PageView {
        items: page.contacts.iter().map(ContactItem::from).collect(),
        next_cursor: page.next,
        prev_cursor: page.previous,
    }))
}
