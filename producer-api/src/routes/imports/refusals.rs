//! `GET /v1/imports/{id}/refusals`: what was wrong with rows that were not taken, in the order of their lines.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use shared::{
    domain::ImportId,
    http::{
        access::Caller,
        cursor::{Cursor, Way},
        faults,
        json::{Field, Members},
        openapi::{Description, link},
        page::{self, PageView, limit, limit_holds, take_limit},
        problem::{Code, Problem},
        query,
    },
    store::{contacts::SortKey, imports::ImportRefusal},
};
use uuid::Uuid;
use validator::Validate;

use super::{READERS, import_id, recorded};
use crate::{
    api::Api,
    import::resource::RefusalView,
    openapi::{IMPORTS_TAG, parts, schemas::RefusalPage},
};

const PARAMETERS: [&str; 2] = ["limit", "cursor"];

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
}

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about =
        "In the order of the lines; a row is there once for each of its faults. The first 10,000 are kept.";
    Description::new(
        "list-import-refusals",
        IMPORTS_TAG,
        "List what an import refused",
        about,
    )
    .scopes(READERS)
    .parameters([parts::id("import")])
    .parameters(parts::page())
    .json::<RefusalPage>(StatusCode::OK, "A page of refusals.", [link()], None)
    .problems([Code::ImportNotFound, Code::StoreUnavailable])
}

/// Answers a page.
///
/// # Errors
/// As the contract has it.
pub async fn list(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    Caller::with(&request, READERS)?;
    let parameters = query::read(&request, &PARAMETERS)?;
    let id = import_id(&id)?;
    let (from, limit) = read(&api, parameters, id)?;
    recorded(&api, id).await?;
    let store = api.store.clone();
    let read = async move { store.import_refusals(id, from, limit + 1).await };
    let mut refusals = api
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let next = refusals.get(limit).map(|next| seal(&api, id, next));
    refusals.truncate(limit);
    let items = refusals.iter().map(RefusalView::from).collect();
    Ok(PageView::onwards(&request, items, next))
}

/// The number that the page begins with, and how many it has.
fn read(api: &Api, mut parameters: Members, id: ImportId) -> Result<(u32, u64), Problem> {
    let fields = Fields {
        limit: take_limit(&mut parameters),
    };
    let cursor = parameters.take("cursor");
    let broken = || Problem::malformed("Query parameters break rules.");
    let found = faults::found(&fields, parameters);
    if !found.is_empty() {
        return Err(broken().with_faults(found));
    }
    let from = match cursor {
        Field::Text(text) => open(api, id, &text).ok_or_else(page::bad_cursor)?,
        Field::Absent | Field::Null | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => 0,
    };
    Ok((from, limit(&fields.limit).map_err(|_| broken())?))
}

/// A cursor names the number of a refusal.
fn seal(api: &Api, id: ImportId, refusal: &ImportRefusal) -> String {
    let cursor = Cursor {
        way: Way::Next,
        key: SortKey::Text(String::new()),
        id: Uuid::from_u128(refusal.number.into()),
    };
    cursor.seal(api.id_key(), &scope(id))
}

fn open(api: &Api, id: ImportId, text: &str) -> Option<u32> {
    let cursor = Cursor::open(text, api.id_key(), &scope(id))?;
    cursor.id.as_u128().try_into().ok()
}

fn scope(id: ImportId) -> String {
    format!("refusals {id}")
}
