//! `GET /v1/contacts`: a page of contacts, as JSON or as vCards.

use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

use shared::http::{page, problem::Problem, query};

use crate::{
    api::Api,
    contact_page,
    contact_query::{ContactQuery, MEMBERS},
    representation::Representation,
    resources::{ContactItem, PageView},
    vcard::{TEXT_VCARD, vcards},
};

/// Answers a page, with links to its neighbours.
///
/// # Errors
/// As the contract has it.
pub async fn list(api: Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
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
