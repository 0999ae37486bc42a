//! The character encoding of a file: UTF-8 or Windows-1252 (of which ISO-8859-1 is a part, as the Encoding standard has it).
//!
//! Where nobody says which, the first text beyond ASCII decides: what is UTF-8 is hardly ever anything else.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

/// An encoding, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charset {
    /// Nothing beyond ASCII was seen yet.
    Undecided,
    /// UTF-8.
    Utf8,
    /// Windows-1252.
    Windows1252,
}

impl Charset {
    /// The encoding of a `charset` parameter; `None` for one that is not read.
    pub fn from_label(label: &str) -> Option<Self> {
        match label.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" => Some(Self::Utf8),
            "windows-1252" | "cp1252" | "iso-8859-1" | "latin1" => Some(Self::Windows1252),
            "us-ascii" => Some(Self::Undecided),
            _ => None,
        }
    }

    /// Decodes texts that belong together; `None` if they are not in this encoding.
    pub fn decode<'a>(&mut self, texts: &[&'a [u8]]) -> Option<Vec<Cow<'a, str>>> {
        if *self == Self::Undecided && !texts.iter().all(|text| text.is_ascii()) {
            let utf8 = texts.iter().all(|text| std::str::from_utf8(text).is_ok());
            *self = if utf8 { Self::Utf8 } else { Self::Windows1252 };
        }
        let decode = |text: &&'a [u8]| match self {
            Self::Undecided | Self::Utf8 => std::str::from_utf8(text).ok().map(Cow::Borrowed),
            Self::Windows1252 => Some(WINDOWS_1252.decode_without_bom_handling(text).0),
        };
        texts.iter().map(decode).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_text_beyond_ascii_decides() {
        let mut charset = Charset::Undecided;
        assert_eq!(charset.decode(&[b"Ana"]).unwrap(), ["Ana"]);
        assert_eq!(charset, Charset::Undecided);
        assert_eq!(charset.decode(&[b"Ana", b"Jos\xe9"]).unwrap(), ["Ana", "José"]);
        assert_eq!(charset.decode(&["José".as_bytes()]).unwrap(), ["JosÃ©"]);

        let mut charset = Charset::Undecided;
        assert_eq!(charset.decode(&["José".as_bytes()]).unwrap(), ["José"]);
        assert_eq!(charset.decode(&[b"Jos\xe9"]), None);
    }

    #[test]
    fn labels_are_read_as_browsers_read_them() {
        assert_eq!(Charset::from_label("UTF-8"), Some(Charset::Utf8));
        assert_eq!(Charset::from_label("ISO-8859-1"), Some(Charset::Windows1252));
        assert_eq!(Charset::from_label("utf-16"), None);
    }
}
