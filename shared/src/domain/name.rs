//! A person's or company's name.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

/// A contact's name: Unicode NFC, trimmed, no control characters.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Name(String);

/// Why a text is not a name. `Display` never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Fewer characters than [`Name::MIN_CHARS`].
    #[error("must have at least {} characters", Name::MIN_CHARS)]
    TooShort,
    /// More characters than [`Name::MAX_CHARS`].
    #[error("must have at most {} characters", Name::MAX_CHARS)]
    TooLong,
    /// A control character, such as a line break.
    #[error("must not contain control characters")]
    ControlCharacter,
    /// Digits and signs only.
    #[error("must contain at least one letter")]
    NoLetter,
}

impl NameError {
    /// The code of this fault in a problem document.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooShort => "too-short",
            Self::TooLong => "too-long",
            Self::ControlCharacter => "control-character",
            Self::NoLetter => "no-letter",
        }
    }
}

impl Name {
    /// The fewest characters (Unicode scalar values after NFC and trimming).
    pub const MIN_CHARS: usize = 2;
    /// The most characters (Unicode scalar values after NFC and trimming).
    pub const MAX_CHARS: usize = 100;
    /// The most characters that are stored: room for rules that were wider when a command was accepted.
    pub const STORED_MAX_CHARS: usize = 400;

    /// Reads a name as a person typed it.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, NameError> {
        let name: String = text.trim().nfc().collect();
        let count = name.chars().count();
        if name.chars().any(char::is_control) {
            return Err(NameError::ControlCharacter);
        }
        if count < Self::MIN_CHARS {
            return Err(NameError::TooShort);
        }
        if count > Self::MAX_CHARS {
            return Err(NameError::TooLong);
        }
        if !name.chars().any(char::is_alphabetic) {
            return Err(NameError::NoLetter);
        }
        Ok(Self(name))
    }

    /// Takes a name that was accepted earlier: only what SQL cannot hold is refused (`None`), so that a
    /// tightened rule never turns an accepted command into poison.
    pub fn from_stored(text: String) -> Option<Self> {
        let storable = !text.contains('\0') && text.chars().count() <= Self::STORED_MAX_CHARS;
        storable.then_some(Self(text))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What names are sorted by: lower case without accents, the same on every database.
    pub fn sort_key(&self) -> String {
        self.0
            .nfkd()
            .filter(|c| !is_combining_mark(*c))
            .flat_map(char::to_lowercase)
            .collect()
    }
}

/// Personal data stays out of logs: the text is not shown.
impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Name(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_have_all_sorts_of_names() {
        for name in [
            "Júlio César",
            "O'Neill",
            "José Paulo Bezerra Maciel Júnior",
            "Nguyễn",
            "李小龍",
            "Oi",
            "3M do Brasil",
        ] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name, "{name}");
        }
    }

    #[test]
    fn names_are_trimmed_and_composed() {
        assert_eq!(Name::parse("  Jose\u{301} \n").unwrap().as_str(), "José");
    }

    #[test]
    fn each_rule_has_its_error() {
        assert_eq!(Name::parse(" a "), Err(NameError::TooShort));
        assert_eq!(Name::parse(&"a".repeat(101)), Err(NameError::TooLong));
        assert!(Name::parse(&"ã".repeat(100)).is_ok());
        assert_eq!(Name::parse("Ana\tSouza"), Err(NameError::ControlCharacter));
        assert_eq!(Name::parse("Ana\0"), Err(NameError::ControlCharacter));
        assert_eq!(Name::parse("12-34"), Err(NameError::NoLetter));
    }

    #[test]
    fn sort_keys_ignore_case_and_accents() {
        let key = |name: &str| Name::parse(name).unwrap().sort_key();
        assert_eq!(key("ÁLVARO Ção"), "alvaro cao");
        assert!(key("Álvaro") < key("Zoe"));
    }
}
