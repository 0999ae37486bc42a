//! Pages of contacts, read on the process's runtime.

use actix_web::web::Data;
use shared::http::{
    contact::{ContactPage, ContactQuery},
    problem::Problem,
};

use crate::api::Api;

/// Reads a page of contacts.
///
/// # Errors
/// `malformed-request` for a cursor of another query, `store-unavailable`.
pub async fn contacts(api: &Data<Api>, query: ContactQuery) -> Result<ContactPage, Problem> {
    let (store, ids) = (api.store.clone(), api.id_key().clone());
    let read = async move { ContactPage::read(&store, &ids, query).await };
    let page = api.runtime.run(read).await?;
    for contact in &page.contacts {
        api.stamps.saw_contact(contact);
    }
    Ok(page)
}
