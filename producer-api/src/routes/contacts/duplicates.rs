//! `GET /v1/contacts/duplicates`: groups of contacts with the same phone or the same e-mail address.
//!
//! Which of them stays is the client's decision; it makes it with a PATCH and a DELETE.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use shared::{
    http::{
        access::{Caller, Scope},
        cursor::{Cursor, Way},
        faults,
        json::{Field, Members},
        openapi::{Description, link},
        page::{self, PageView, limit, limit_holds, take_limit},
        problem::{Code, Problem},
        query,
    },
    store::{contacts::SortKey, duplicates::SharedField},
};
use uuid::Uuid;
use validator::{Validate, ValidationError};

use crate::{
    api::Api,
    openapi::{CONTACTS_TAG, parts, schemas::DuplicatesPage},
    resources::DuplicatesView,
};

const SCOPES: &[Scope] = &[Scope::ContactsRead];
const PARAMETERS: [&str; 3] = ["by", "limit", "cursor"];

/// The words of `by`.
pub const BY: [(&str, SharedField); 2] = [("phone", SharedField::Phone), ("email", SharedField::Email)];

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "by_holds"))]
    by: Field,
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
}

struct DuplicatesQuery {
    word: &'static str,
    by: SharedField,
    limit: u64,
    after: Option<String>,
}

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "Groups of contacts with the same phone, or with the same e-mail address whatever its case. Of each group the oldest contacts, 20 at most; `count` counts all. A page may have fewer groups than `limit`, or none, while there are more: `nextCursor` says so. To merge two, change the one that stays with `If-Match` and delete the other.";
    Description::new("list-duplicates", CONTACTS_TAG, "Find duplicates", about)
        .scopes(SCOPES)
        .parameters([parts::by()])
        .parameters(parts::page())
        .json::<DuplicatesPage>(StatusCode::OK, "A page of groups.", [link()], None)
        .problems([Code::StoreUnavailable])
}

/// Answers a page of groups.
///
/// # Errors
/// As the contract has it.
pub async fn duplicates(api: Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, SCOPES)?;
    let DuplicatesQuery {
        word,
        by,
        limit,
        after,
    } = read(&api, query::read(&request, &PARAMETERS)?)?;
    let store = api.store.clone();
    let read = async move { store.duplicates_page(by, after.as_deref(), limit).await };
    let found = api
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    for contact in found.groups.iter().flat_map(|group| &group.contacts) {
        api.stamps.saw_contact(contact);
    }
    // The value is a phone or an address: sealed, like that of every cursor.
    let next = found.next.map(|value| {
        let cursor = Cursor {
            way: Way::Next,
            key: SortKey::Text(value),
            id: Uuid::nil(),
        };
        cursor.seal(api.id_key(), &scope(word))
    });
    let view = |group| DuplicatesView::new(word, group);
    let items = found.groups.iter().map(view).collect();
    Ok(PageView::onwards(&request, items, next))
}

fn read(api: &Api, mut parameters: Members) -> Result<DuplicatesQuery, Problem> {
    let fields = Fields {
        by: parameters.take("by"),
        limit: take_limit(&mut parameters),
    };
    let cursor = parameters.take("cursor");
    let broken = || Problem::malformed("Query parameters break rules.");
    let found = faults::found(&fields, parameters);
    if !found.is_empty() {
        return Err(broken().with_faults(found));
    }
    let (word, by) = by(&fields.by).map_err(|_| broken())?;
    Ok(DuplicatesQuery {
        word,
        by,
        limit: limit(&fields.limit).map_err(|_| broken())?,
        after: match cursor {
            Field::Text(text) => Some(position(api, &text, word).ok_or_else(page::bad_cursor)?),
            Field::Absent
            | Field::Null
            | Field::Number(_)
            | Field::Flag(_)
            | Field::Texts(_)
            | Field::Other => None,
        },
    })
}

fn scope(word: &str) -> String {
    format!("duplicates {word}")
}

fn position(api: &Api, text: &str, word: &str) -> Option<String> {
    let cursor = Cursor::open(text, api.id_key(), &scope(word))?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Text(value)) => Some(value),
        (Way::Next, SortKey::Time(_)) | (Way::Previous, _) => None,
    }
}

fn by(field: &Field) -> Result<(&'static str, SharedField), ValidationError> {
    let found = faults::parsed(field, |text| {
        BY.into_iter().find(|(word, _)| *word == text).ok_or_else(|| {
            let known = BY.map(|(word, _)| word).join(" or ");
            faults::of_rule("unknown-field", format!("must be {known}"))
        })
    })?;
    let [default, _] = BY;
    Ok(found.unwrap_or(default))
}

fn by_holds(field: &Field) -> Result<(), ValidationError> {
    by(field).map(drop)
}
