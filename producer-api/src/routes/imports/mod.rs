//! `/v1/imports`: what became of files of contacts.

use actix_web::web::Data;
use shared::{
    domain::ImportId,
    http::{access::Scope, problem::Problem},
    store::imports::ImportRecord,
};

use crate::{
    api::Api,
    import::resource::{FIRST_REFUSALS, ImportView},
};

pub mod get;
pub mod refusals;

/// Who may see what became of an import.
const READERS: &[Scope] = &[Scope::ContactsRead, Scope::ContactsWrite];

/// The import that a path names. What is no id was never issued.
fn import_id(path: &str) -> Result<ImportId, Problem> {
    path.parse().map_err(|_| Problem::import_not_found())
}

/// The record of an import.
async fn recorded(api: &Data<Api>, id: ImportId) -> Result<ImportRecord, Problem> {
    let store = api.store.clone();
    let found = api.runtime.run(async move { store.import(id).await }).await;
    found
        .map_err(|error| Problem::store(&error))?
        .ok_or_else(Problem::import_not_found)
}

/// An import with what became of its commands, and its first refusals.
pub(super) async fn view(api: &Data<Api>, record: &ImportRecord) -> Result<ImportView, Problem> {
    let (store, id) = (api.store.clone(), record.id);
    let read = async move {
        let refusals = store.import_refusals(id, 0, FIRST_REFUSALS).await?;
        Ok((store.import_outcomes(id).await?, refusals))
    };
    let (outcomes, refusals) = api
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    Ok(ImportView::new(record, outcomes, &refusals, api.clock.now()))
}
