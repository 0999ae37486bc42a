//! Keyset pages of contacts, in both directions.
//!
//! A page starts behind a position, not after a count, so it costs the same wherever it is and is not shifted by what
//! comes and goes before it.

use super::ContactQuery;
use crate::{
    domain::{ContactId, IdKey},
    http::{
        cursor::{Cursor, Way},
        page::bad_cursor,
        problem::Problem,
    },
    store::{
        Store,
        contacts::{Contact, ContactPosition, SortBy, SortKey},
    },
};

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

impl ContactPage {
    /// Reads a page of contacts.
    ///
    /// # Errors
    /// `malformed-request` for a cursor of another query, `store-unavailable`.
    pub async fn read(store: &Store, ids: &IdKey, query: ContactQuery) -> Result<Self, Problem> {
        let scope = query.scope();
        let cursor = match &query.cursor {
            Some(text) => Some(Cursor::open(text, ids, &scope).ok_or_else(bad_cursor)?),
            None => None,
        };
        let way = cursor.as_ref().map_or(Way::Next, |cursor| cursor.way);
        let came_from = cursor.is_some();
        let after = cursor.map(|cursor| position(cursor, query.sort)).transpose()?;
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
        let mut contacts = store
            .contacts_page(&filter, sort, direction, after.as_ref(), limit + 1)
            .await
            .map_err(|error| Problem::store(&error))?;
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
            Some(cursor.seal(ids, &scope))
        };
        Ok(Self {
            next: has_next.then(|| cursor(contacts.last(), Way::Next)).flatten(),
            previous: has_previous
                .then(|| cursor(contacts.first(), Way::Previous))
                .flatten(),
            contacts,
        })
    }
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
