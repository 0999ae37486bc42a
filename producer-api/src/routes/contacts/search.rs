//! `POST /v1/contacts/search`: a page of contacts, the filters in the body, so that personal data stays out of URLs.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};

use shared::http::{json::Members, problem::Problem, query};

use crate::{
    api::Api,
    contact_page,
    contact_query::ContactQuery,
    received::{MediaType, read_body},
    resources::{ContactItem, PageView},
};

/// Answers a page. There is nothing that a link could point to, so both cursors are in the body.
///
/// # Errors
/// As the contract has it.
pub async fn search(api: Data<Api>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
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
