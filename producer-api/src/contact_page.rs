//! Keyset pages of contacts, in both directions.
//!
//! A page starts behind a position, not after a count, so it costs the same wherever it is and is not shifted by what
//! comes and goes before it.

use actix_web::web::Data;
use shared::{
    domain::ContactId,
    http::{
        cursor::{Cursor, Way},
        page::bad_cursor,
        problem::Problem,
    },
    store::contacts::{Contact, ContactPosition, SortBy, SortKey},
};

use crate::{api::Api, contact_query::ContactQuery};

/// A page of contacts with the cursors of its neighbours.
#[derive(Debug)]
pub struct ContactPage {
    /// The contacts.
    pub contacts: Vec<Contact>,
    /// Behind the last one.
    pub next: Option<String>,
    /// Before the first one.
    pub previous: Option<String>,
}

/// Reads a page of contacts.
///
/// # Errors
/// `malformed-request` for a cursor of another query, `store-unavailable`.
pub async fn contacts(api: &Data<Api>, query: ContactQuery) -> Result<ContactPage, Problem> {
    let scope = query.scope();
    let cursor = match &query.cursor {
        Some(text) => Some(Cursor::open(text, api.id_key(), &scope).ok_or_else(bad_cursor)?),
        None => None,
    };
    let way = cursor.as_ref().map_or(Way::Next, |cursor| cursor.way);
    let came_from = cursor.is_some();
    let after = cursor.map(|cursor| position(cursor, query.sort)).transpose()?;
    let store = api.store.clone();
    let ContactQuery {
        filter,
        sort,
        direction,
        limit,
        ..
    } = query;
    let direction = match way {
        Way::Next => direction,
        Way::Previous => direction.reversed(),
    };
    // One more than asked for tells whether there are more.
    let read = async move {
        store
            .contacts_page(&filter, sort, direction, after.as_ref(), limit + 1)
            .await
    };
    let mut contacts = api
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    for contact in &contacts {
        api.stamps.saw_contact(contact);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = contacts.len() > limit;
    contacts.truncate(limit);
    if way == Way::Previous {
        contacts.reverse();
    }
    let (has_next, has_previous) = match way {
        Way::Next => (more, came_from),
        Way::Previous => (true, more),
    };
    let cursor = |contact: Option<&Contact>, way| {
        let cursor = contact.map(|contact| Cursor {
            way,
            key: contact.sort_key(sort),
            id: contact.state.id.as_uuid(),
        })?;
        Some(cursor.seal(api.id_key(), &scope))
    };
    Ok(ContactPage {
        next: has_next.then(|| cursor(contacts.last(), Way::Next)).flatten(),
        previous: has_previous
            .then(|| cursor(contacts.first(), Way::Previous))
            .flatten(),
        contacts,
    })
}

fn position(cursor: Cursor, sort: SortBy) -> Result<ContactPosition, Problem> {
    let fits = match (&cursor.key, sort) {
        (SortKey::Text(_), SortBy::Name) => true,
        (SortKey::Time(_), SortBy::CreatedAt | SortBy::UpdatedAt) => true,
        (SortKey::Text(_) | SortKey::Time(_), _) => false,
    };
    if !fits {
        return Err(bad_cursor());
    }
    Ok(ContactPosition {
        key: cursor.key,
        id: ContactId::from_uuid(cursor.id),
    })
}
