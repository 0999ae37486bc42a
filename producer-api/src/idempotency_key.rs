//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): the name a client gives to one intention.

use std::fmt;

use actix_web::http::header::{HeaderMap, HeaderName};

use shared::http::problem::Problem;

use shared::http::lists;

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in characters.
pub const MAX_CHARS: usize = 255;

/// A key: 1 to [`MAX_CHARS`] visible ASCII characters.
#[derive(Clone, PartialEq, Eq)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// Reads the header, if it is there.
    ///
    /// # Errors
    /// `malformed-request` if it is there more than once, or is neither a string (RFC 9651 section 3.3.3) nor a bare
    /// token of the right length.
    pub fn read(headers: &HeaderMap) -> Result<Option<Self>, Problem> {
        let mut lines = headers.get_all(IDEMPOTENCY_KEY);
        match (lines.next(), lines.next()) {
            (None, _) => Ok(None),
            (Some(line), None) => line
                .to_str()
                .ok()
                .and_then(Self::parse)
                .map(Some)
                .ok_or_else(malformed),
            (Some(_), Some(_)) => Err(malformed()),
        }
    }

    /// Reads the header's value.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let key = if text.starts_with('"') {
            structured_string(text)?
        } else {
            // A separator or a quotation mark inside would be a list, parameters, or half a string.
            let bare = !text.contains(['"', '\\', ',', ';']);
            bare.then(|| text.to_owned())?
        };
        let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
        ((1..=MAX_CHARS).contains(&key.len()) && visible).then_some(Self(key))
    }

    /// The key.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Keys may be made of personal data: not shown.
impl fmt::Debug for IdempotencyKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("IdempotencyKey(..)")
    }
}

/// Unlike HTTP's quoted strings, only `"` and `\` may be escaped.
fn structured_string(text: &str) -> Option<String> {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '\\' && !matches!(letters.next(), Some('"' | '\\')) {
            return None;
        }
    }
    lists::quoted(text)
}

fn malformed() -> Problem {
    Problem::malformed(format!(
        "Idempotency-Key must be one quoted string or bare token of 1 to {MAX_CHARS} visible characters."
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn both_forms_of_a_key_are_the_same_key() {
        assert_eq!(IdempotencyKey::parse("abc-1"), IdempotencyKey::parse("\"abc-1\""));
        assert_eq!(
            IdempotencyKey::parse(r#""a\"b\\c""#).unwrap().as_str(),
            r#"a"b\c"#
        );
        assert!(IdempotencyKey::parse("order:12/7==").is_some());
    }

    #[test]
    fn anything_else_is_refused() {
        let long = "a".repeat(256);
        for text in [
            "",
            "\"\"",
            "a b",
            "\"a b\"",
            "\"a",
            "a\"",
            "a,b",
            "a;b=1",
            "\"a\";b=1",
            "\"\\a\"",
            "é",
            &long,
        ] {
            assert_eq!(IdempotencyKey::parse(text), None, "{text}");
        }
        assert!(IdempotencyKey::parse(&"a".repeat(255)).is_some());
    }

    proptest! {
        #[test]
        fn every_key_reads_back_from_its_quoted_form(key in "[!-~]{1,255}") {
            let quoted = format!("\"{}\"", key.replace('\\', "\\\\").replace('"', "\\\""));
            prop_assert_eq!(IdempotencyKey::parse(&quoted), Some(IdempotencyKey(key)));
        }

        #[test]
        fn anything_is_read_or_refused(text in "\\PC{0,300}") {
            if let Some(key) = IdempotencyKey::parse(&text) {
                prop_assert!((1..=MAX_CHARS).contains(&key.as_str().len()));
            }
        }
    }
}
