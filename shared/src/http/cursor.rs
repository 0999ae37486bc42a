//! Cursors: where a page starts, as an opaque text.
//!
//! **Invariant:** a cursor is read only for the filters and the order it was made for, and only as it was made: it is
//! sealed under `ids.key`, which all replicas share.

use crate::{domain::IdKey, store::contacts::SortKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::{DateTime, Utc};
use uuid::Uuid;

/// The longest cursor that is looked at, in characters: the longest name has a sort key far shorter.
pub const MAX_CHARS: usize = 16 * 1024;

const VERSION: u8 = 1;
const SEAL_BYTES: usize = 16;

/// Which way a page goes from its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To what follows.
    Next,
    /// To what goes before.
    Previous,
}

/// Where a page starts, itself excluded, and which way it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// The way.
    pub way: Way,
    /// What is sorted by.
    pub key: SortKey,
    /// What it is the key of.
    pub id: Uuid,
}

impl Cursor {
    /// The text. `scope` says which filters and order the cursor is for.
    pub fn seal(&self, ids: &IdKey, scope: &str) -> String {
        let mut bytes = vec![VERSION];
        bytes.push(match self.way {
            Way::Next => b'n',
            Way::Previous => b'p',
        });
        bytes.extend(self.id.as_bytes());
        match &self.key {
            SortKey::Time(time) => {
                bytes.push(b't');
                bytes.extend(time.timestamp_millis().to_be_bytes());
            }
            SortKey::Text(text) => {
                bytes.push(b's');
                bytes.extend(text.as_bytes());
            }
        }
        let seal = seal(ids, scope, &bytes);
        bytes.extend(seal);
        BASE64.encode(bytes)
    }

    /// Reads a cursor; `None` if it was not made here for this scope.
    pub fn open(text: &str, ids: &IdKey, scope: &str) -> Option<Self> {
        if text.len() > MAX_CHARS {
            return None;
        }
        let sealed = BASE64.decode(text).ok()?;
        let (bytes, seen) = sealed.split_at_checked(sealed.len().checked_sub(SEAL_BYTES)?)?;
        // What a forged seal would give away is a position in a list that its owner may read anyway.
        if seen != seal(ids, scope, bytes) {
            return None;
        }
        let ([VERSION, way], rest) = bytes.split_first_chunk::<2>()? else {
            return None;
        };
        let (id, rest) = rest.split_first_chunk::<16>()?;
        let (kind, key) = rest.split_first()?;
        Some(Self {
            way: match way {
                b'n' => Way::Next,
                b'p' => Way::Previous,
                _ => return None,
            },
            key: match kind {
                b't' => SortKey::Time(time(key)?),
                b's' => SortKey::Text(std::str::from_utf8(key).ok()?.to_owned()),
                _ => return None,
            },
            id: Uuid::from_bytes(*id),
        })
    }
}

fn time(bytes: &[u8]) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_millis(i64::from_be_bytes(bytes.try_into().ok()?))
}

fn seal(ids: &IdKey, scope: &str, bytes: &[u8]) -> [u8; SEAL_BYTES] {
    *ids.request_hash("", "cursor", scope, "", bytes).as_bytes()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids() -> IdKey {
        IdKey::new(&[7; 32]).unwrap()
    }

    fn cursors() -> impl Strategy<Value = Cursor> {
        let key = prop_oneof![
            "\\PC{0,50}".prop_map(SortKey::Text),
            (0..4_000_000_000_000_i64)
                .prop_map(|ms| SortKey::Time(DateTime::from_timestamp_millis(ms).unwrap())),
        ];
        let way = prop_oneof![Just(Way::Next), Just(Way::Previous)];
        (way, key, any::<u128>()).prop_map(|(way, key, id)| Cursor {
            way,
            key,
            id: Uuid::from_u128(id),
        })
    }

    proptest! {
        #[test]
        fn a_cursor_reads_back_in_its_scope_only(cursor in cursors(), scope in "[a-z=&]{0,20}") {
            let text = cursor.seal(&ids(), &scope);
            prop_assert_eq!(Cursor::open(&text, &ids(), &format!("{scope}x")), None);
            prop_assert_eq!(Cursor::open(&text, &IdKey::new(&[8; 32]).unwrap(), &scope), None);
            prop_assert_eq!(Cursor::open(&text, &ids(), &scope), Some(cursor));
        }

        #[test]
        fn a_changed_cursor_is_refused(cursor in cursors(), at: proptest::sample::Index, to in "[A-Za-z0-9_-]") {
            let text = cursor.seal(&ids(), "");
            let at = at.index(text.len());
            let mut changed = text.clone();
            changed.replace_range(at..=at, &to);
            prop_assume!(changed != text);
            prop_assert_eq!(Cursor::open(&changed, &ids(), ""), None);
        }

        #[test]
        fn anything_is_refused(text in "\\PC{0,100}") {
            prop_assert_eq!(Cursor::open(&text, &ids(), ""), None);
        }
    }
}
