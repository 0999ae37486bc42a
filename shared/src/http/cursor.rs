//! Cursors: where a page starts, as an opaque text.
//!
//! **Invariant:** a cursor is read only for the filters and the order it was made for, and only as it was made: it is
//! [`sealed`]. The name that a page ended with is in no URL, header or log.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::sealed;
use crate::{domain::IdKey, store::contacts::SortKey};

/// The longest cursor that is looked at, in characters. That of the longest name fits, and fits into a URL.
pub const MAX_CHARS: usize = 6 * 1024;

/// What the key is for. Another form of cursors has another word, so that none is taken for the other.
const PURPOSE: &str = "cursor 2";

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
        let mut bytes = vec![match self.way {
            Way::Next => b'n',
            Way::Previous => b'p',
        }];
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
        sealed::seal(ids, PURPOSE, scope, &bytes)
    }

    /// Reads a cursor; `None` if it was not made here for this scope.
    pub fn open(text: &str, ids: &IdKey, scope: &str) -> Option<Self> {
        if text.len() > MAX_CHARS {
            return None;
        }
        let bytes = sealed::open(ids, PURPOSE, scope, text)?;
        let (way, rest) = bytes.split_first()?;
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

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
    use proptest::prelude::*;

    use super::*;
    use crate::domain::Name;

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

    /// No letter is longer once it is taken apart than this one.
    #[test]
    fn the_cursor_of_the_longest_name_can_be_read() {
        let name = Name::parse(&"\u{FDFA}".repeat(Name::MAX_CHARS)).unwrap();
        let cursor = Cursor {
            way: Way::Next,
            key: SortKey::Text(name.sort_key()),
            id: Uuid::nil(),
        };
        let text = cursor.seal(&ids(), "");
        assert_eq!(Cursor::open(&text, &ids(), ""), Some(cursor), "{}", text.len());
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
        fn a_cursor_does_not_show_what_it_holds(name in "[a-z]{8,50}") {
            let cursor = Cursor { way: Way::Next, key: SortKey::Text(name.clone()), id: Uuid::nil() };
            let bytes = BASE64.decode(cursor.seal(&ids(), "")).unwrap();
            prop_assert!(!bytes.windows(name.len()).any(|part| part == name.as_bytes()));
        }

        #[test]
        fn anything_is_refused(text in "\\PC{0,100}") {
            prop_assert_eq!(Cursor::open(&text, &ids(), ""), None);
        }
    }
}
