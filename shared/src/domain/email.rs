//! An e-mail address.

use std::fmt;

use email_address::{EmailAddress, Options};

/// An e-mail address: local part, `@`, and a lower-cased domain with a dot (RFC 5321, RFC 5322).
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Email(String);

/// Why a text is not an e-mail address. `Display` never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmailError {
    /// More characters than [`Email::MAX_CHARS`].
    #[error("must have at most {} characters", Email::MAX_CHARS)]
    TooLong,
    /// Not `local@domain.tld`.
    #[error("must be an e-mail address such as ana@example.com")]
    Malformed,
}

impl EmailError {
    /// The code of this fault in a problem document.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::Malformed => "malformed",
        }
    }
}

impl Email {
    /// The most characters (RFC 5321 section 4.5.3.1.3 leaves 254 between the angle brackets).
    pub const MAX_CHARS: usize = 254;
    /// The most characters that are stored: room for rules that were wider when a command was accepted.
    pub const STORED_MAX_CHARS: usize = 400;

    /// Reads an address as a person typed it; surrounding white space is dropped, the domain lower-cased.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        if text.chars().count() > Self::MAX_CHARS {
            return Err(EmailError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(EmailError::Malformed);
        }
        let options = Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let address = EmailAddress::parse_with_options(text, options).map_err(|_| EmailError::Malformed)?;
        Ok(Self(format!(
            "{}@{}",
            address.local_part(),
            address.domain().to_lowercase()
        )))
    }

    /// Takes an address that was accepted earlier: only what SQL cannot hold is refused (`None`).
    pub fn from_stored(text: String) -> Option<Self> {
        let storable = !text.contains('\0') && text.chars().count() <= Self::STORED_MAX_CHARS;
        storable.then_some(Self(text))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Personal data stays out of logs: the text is not shown.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_domain_is_lower_cased_and_the_local_part_kept() {
        assert_eq!(
            Email::parse(" Ana.Souza@Example.COM ").unwrap().as_str(),
            "Ana.Souza@example.com"
        );
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for text in [
            "",
            "ana",
            "ana@",
            "@example.com",
            "ana@localhost",
            "Ana <ana@example.com>",
            "a b@example.com",
            "ana@[127.0.0.1]",
            "ana@example.com\n.br",
            "ana@exa mple.com",
        ] {
            assert_eq!(Email::parse(text), Err(EmailError::Malformed), "{text}");
        }
        assert_eq!(
            Email::parse(&format!("{}@example.com", "a".repeat(300))),
            Err(EmailError::TooLong)
        );
    }
}
