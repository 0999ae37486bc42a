//! English and Brazilian Portuguese: which of them a reader gets, and how texts are written down.

use actix_web::{
    HttpRequest,
    http::header::{AcceptLanguage, Header},
};

/// A language of the console.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Language {
    /// English.
    #[default]
    English,
    /// Brazilian Portuguese.
    Portuguese,
}

impl Language {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Portuguese];

    /// The tag (RFC 5646).
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Portuguese => "pt-BR",
        }
    }

    /// What its speakers call it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Portuguese => "Português",
        }
    }

    /// The language of a tag.
    pub(crate) fn from_tag(tag: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|language| language.tag().eq_ignore_ascii_case(tag))
    }

    /// What the reader's browser asks for first of what there is (`Accept-Language`, RFC 9110, section 12.5.4).
    pub(crate) fn accepted(request: &HttpRequest) -> Self {
        let Ok(accepted) = AcceptLanguage::parse(request) else {
            return Self::default();
        };
        let wanted = accepted.ranked().into_iter().find_map(|range| {
            let tag = range.to_string().to_ascii_lowercase();
            match tag.split('-').next() {
                Some("pt") => Some(Self::Portuguese),
                Some("en" | "*") => Some(Self::English),
                _ => None,
            }
        });
        wanted.unwrap_or_default()
    }

    /// Of two texts the one in this language.
    pub(crate) fn either<T>(self, english: T, portuguese: T) -> T {
        match self {
            Self::English => english,
            Self::Portuguese => portuguese,
        }
    }

    /// The form for one or for many. Portuguese takes zero as one (CLDR, plural rules).
    pub(crate) fn counted<T>(self, count: u64, one: T, many: T) -> T {
        match (self, count) {
            (_, 1) | (Self::Portuguese, 0) => one,
            _ => many,
        }
    }

    /// A whole number with separators between its thousands.
    pub(crate) fn number(self, number: u64) -> String {
        let separator = self.either(',', '.');
        let digits = number.to_string();
        let mut grouped = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                grouped.push(separator);
            }
            grouped.push(digit);
        }
        grouped
    }
}

/// A whole number as people type it, with or without separators between its thousands.
pub(crate) fn typed_number(text: &str) -> Option<u64> {
    let digits = text.chars().filter(|c| !matches!(c, '.' | ',' | ' ' | '\u{a0}'));
    digits.collect::<String>().parse().ok()
}

/// Declares the texts of a page: a struct `Texts` with a text per name, in English and in Portuguese, which
/// `Texts::of(language)` gives. What is missing in one language does not compile.
macro_rules! texts {
    ($($name:ident: $english:literal, $portuguese:literal;)*) => {
        #[derive(Debug)]
        pub(crate) struct Texts {
            $(pub(crate) $name: &'static str,)*
        }

        impl Texts {
            const ENGLISH: Self = Self { $($name: $english,)* };
            const PORTUGUESE: Self = Self { $($name: $portuguese,)* };

            pub(crate) fn of(language: $crate::console::language::Language) -> &'static Self {
                language.either(&Self::ENGLISH, &Self::PORTUGUESE)
            }
        }
    };
}
pub(crate) use texts;

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn readers_get_what_their_browser_asks_for_first() {
        let accepted = |value: &str| {
            Language::accepted(
                &TestRequest::get()
                    .insert_header(("Accept-Language", value))
                    .to_http_request(),
            )
        };
        for value in [
            "pt-BR,pt;q=0.9,en;q=0.8",
            "pt",
            "de, pt-PT;q=0.5",
            "en;q=0.3, pt;q=0.9",
        ] {
            assert_eq!(accepted(value), Language::Portuguese, "{value}");
        }
        for value in ["", "en-GB,pt;q=0.9", "de", "*", "!;q=2"] {
            assert_eq!(accepted(value), Language::English, "{value}");
        }
        assert_eq!(
            Language::accepted(&TestRequest::get().to_http_request()),
            Language::English
        );
    }

    #[test]
    fn numbers_may_be_typed_with_separators_and_nothing_else() {
        for typed in ["1234", "1,234", "1.234", "1 234"] {
            assert_eq!(typed_number(typed), Some(1_234), "{typed}");
        }
        for typed in ["", "-1", "1e3", "all"] {
            assert_eq!(typed_number(typed), None, "{typed}");
        }
    }

    #[test]
    fn numbers_are_grouped_and_counted_as_each_language_does() {
        let (english, portuguese) = (Language::English, Language::Portuguese);
        assert_eq!(english.number(1_234_567), "1,234,567");
        assert_eq!(portuguese.number(1_234_567), "1.234.567");
        assert_eq!([0, 7, 999].map(|n| english.number(n)), ["0", "7", "999"]);
        assert_eq!(
            [0, 1, 2].map(|n| english.counted(n, "one", "many")),
            ["many", "one", "many"]
        );
        assert_eq!(
            [0, 1, 2].map(|n| portuguese.counted(n, "um", "mais")),
            ["um", "um", "mais"]
        );
    }
}
