//! Search by beginnings of words: the words of a contact, and what is searched for among them.
//!
//! Both go through [`fold`], so that case, accents and ligatures never decide. What is searched for consists of letters
//! and digits alone, whatever was typed: a quote, an operator or a NUL cannot reach the database's query language.
//!
//! **Invariant:** a contact is found exactly if [`SearchQuery::matches`] says so of its [`words`]; the conditions of the
//! stores mean the same.

use std::fmt;

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::{email::Email, name::Name, phone::Phone};

/// The longest word that is kept and searched for, in characters; what follows does not count. PostgreSQL takes 2046 bytes.
pub const WORD_MAX_CHARS: usize = 64;

/// The words of a contact, each once, with a space between two.
///
/// A Brazilian number is three words, so that it is found with the country code, with the area code alone, and without.
pub fn words(name: Option<&Name>, phone: Option<&Phone>, email: Option<&Email>) -> String {
    let texts = [name.map(Name::as_str), email.map(Email::as_str)];
    let mut found: Vec<String> = Vec::new();
    for text in texts.into_iter().flatten() {
        found.extend(words_in(&fold(text)));
    }
    if let Some(phone) = phone {
        let digits = phone.as_str().trim_start_matches('+');
        found.push(digits.to_owned());
        if phone.area_code().is_some() {
            let national = &digits[COUNTRY_CODE_DIGITS..];
            found.push(national.to_owned());
            found.push(national[AREA_CODE_DIGITS..].to_owned());
        }
    }
    once(&mut found);
    found.join(" ")
}

const COUNTRY_CODE_DIGITS: usize = 2;
const AREA_CODE_DIGITS: usize = 2;

/// What is searched for: every term must hold.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SearchQuery {
    terms: Vec<Term>,
}

/// One of these lists of beginnings: a contact has, for each beginning in the list, a word that begins so.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Term {
    any_of: Vec<Vec<String>>,
}

/// Why a text cannot be searched for. `Display` never repeats the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SearchQueryError {
    /// More characters than [`SearchQuery::MAX_CHARS`].
    #[error("must have at most {} characters", SearchQuery::MAX_CHARS)]
    TooLong,
    /// More words than [`SearchQuery::MAX_WORDS`].
    #[error("must have at most {} words", SearchQuery::MAX_WORDS)]
    TooManyWords,
    /// Neither a letter nor a digit.
    #[error("must contain at least one letter or digit")]
    NoWord,
}

impl SearchQueryError {
    /// The code of this fault in a problem document.
    pub fn code(self) -> &'static str {
        match self {
            Self::TooLong => "too-long",
            Self::TooManyWords => "too-many-words",
            Self::NoWord => "no-word",
        }
    }
}

impl SearchQuery {
    /// The most characters (Unicode scalar values as they were typed).
    pub const MAX_CHARS: usize = 100;
    /// The most words.
    pub const MAX_WORDS: usize = 10;

    /// Reads what a person typed. A run of digits and signs, such as `(11) 98765-4321`, is taken for one number or for
    /// several, whichever a contact has.
    ///
    /// # Errors
    /// The first rule that the text breaks.
    pub fn parse(text: &str) -> Result<Self, SearchQueryError> {
        if text.chars().count() > Self::MAX_CHARS {
            return Err(SearchQueryError::TooLong);
        }
        let folded = fold(text);
        let (mut terms, mut numbers, mut count) = (Vec::new(), Vec::new(), 0);
        for chunk in folded.split_whitespace() {
            let found: Vec<String> = words_in(chunk).collect();
            count += found.len();
            if found.iter().all(|word| is_number(word)) {
                numbers.extend(found);
            } else {
                terms.extend(Term::number(std::mem::take(&mut numbers)));
                terms.extend(found.into_iter().map(Term::word));
            }
        }
        terms.extend(Term::number(numbers));
        once(&mut terms);
        match count {
            0 => Err(SearchQueryError::NoWord),
            _ if count > Self::MAX_WORDS => Err(SearchQueryError::TooManyWords),
            _ => Ok(Self { terms }),
        }
    }

    /// What must hold, all of it.
    pub fn terms(&self) -> &[Term] {
        &self.terms
    }

    /// Whether the [`words`] of a contact are what is searched for.
    pub fn matches(&self, words: &str) -> bool {
        let has = |beginning: &String| words.split(' ').any(|word| word.starts_with(beginning));
        let holds = |term: &Term| term.any_of.iter().any(|list| list.iter().all(has));
        self.terms.iter().all(holds)
    }

    /// A text that is the same for each way to type the same query.
    pub fn normal_form(&self) -> String {
        let list = |list: &Vec<String>| list.join("+");
        let term = |term: &Term| term.any_of.iter().map(list).collect::<Vec<_>>().join("|");
        self.terms.iter().map(term).collect::<Vec<_>>().join(" ")
    }
}

impl Term {
    /// The lists, at least one, none of them empty. Each beginning consists of letters and digits.
    pub fn any_of(&self) -> &[Vec<String>] {
        &self.any_of
    }

    fn word(word: String) -> Self {
        Self {
            any_of: vec![vec![word]],
        }
    }

    /// The digits as one number, also without the zeros that are dialled before an area code or a country code, or each
    /// group for itself. `None` for no group.
    fn number(groups: Vec<String>) -> Option<Self> {
        let joined: String = groups.concat().chars().take(WORD_MAX_CHARS).collect();
        let dialled = joined.trim_start_matches('0');
        let mut any_of = vec![vec![joined.clone()]];
        if !dialled.is_empty() {
            any_of.push(vec![dialled.to_owned()]);
        }
        let some = !groups.is_empty();
        any_of.push(groups);
        once(&mut any_of);
        some.then_some(Self { any_of })
    }
}

/// Personal data stays out of logs: what is searched for is not shown.
impl fmt::Debug for SearchQuery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SearchQuery(..)")
    }
}

impl fmt::Debug for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Term(..)")
    }
}

const IOTA_SUBSCRIPT: char = '\u{345}';

/// Without accents, ligatures and case: compatibility decomposition, no combining marks, and lower, upper and lower case, so
/// that `ẞ`, `ß`, `ς` and `ı` are what `SS`, `Σ` and `I` are. The one mark with an upper case is a letter there.
fn fold(text: &str) -> String {
    text.nfkd()
        .filter(|c| !is_combining_mark(*c) || *c == IOTA_SUBSCRIPT)
        .flat_map(char::to_lowercase)
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect()
}

fn words_in(folded: &str) -> impl Iterator<Item = String> {
    folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(|word| word.chars().take(WORD_MAX_CHARS).collect())
}

fn is_number(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_digit())
}

/// Leaves the first of each.
fn once<T: PartialEq>(items: &mut Vec<T>) {
    let mut seen: Vec<T> = Vec::new();
    for item in items.drain(..) {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    *items = seen;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn query(text: &str) -> SearchQuery {
        SearchQuery::parse(text).unwrap()
    }

    fn ana() -> String {
        words(
            Some(&Name::parse("Ána Lúcia D'Ávila Straße 3M").unwrap()),
            Some(&Phone::parse("(11) 98765-4321").unwrap()),
            Some(&Email::parse("Ana.Lu+x@mail.Example.com").unwrap()),
        )
    }

    #[test]
    fn the_words_of_a_contact_are_folded_and_each_stands_once() {
        assert_eq!(
            ana(),
            "ana lucia d avila strasse 3m lu x mail example com 5511987654321 11987654321 987654321"
        );
        let foreign = words(None, Some(&Phone::parse("+351 912 345 678").unwrap()), None);
        assert_eq!(foreign, "351912345678");
        assert_eq!(words(None, None, None), "");
    }

    #[test]
    fn every_word_must_begin_a_word() {
        for text in [
            "a",
            "ÁNA",
            "ana luc",
            "LÚCIA ána",
            "ávila",
            "d'av",
            "STRASSE",
            "straße",
            "3",
            "example.c",
            "ana.lu@mail",
            "ana.lu+x@mail.example.com",
            "ana 1198765",
            "98765 ana",
        ] {
            assert!(query(text).matches(&ana()), "{text}");
        }
        for text in ["na", "ana maria", "xample", "ana 2198765", "m", "321"] {
            assert_eq!(query(text).matches(&ana()), text == "m", "{text}");
        }
    }

    #[test]
    fn a_phone_is_found_however_it_is_typed() {
        for text in [
            "(11) 98765-4321",
            "11 98765 4321",
            "+55 11 98765-4321",
            "+5511987654321",
            "011 98765-4321",
            "(011)98765.4321",
            "0055 11 98765 4321",
            "98765-4321",
            "987",
            "9 8765 4321",
            "(11) 9",
            "+55 (11",
            "11–98765",
            "(11)",
            "+",
            "１１ 98765",
        ] {
            let found = SearchQuery::parse(text).map(|query| query.matches(&ana()));
            assert_eq!(
                found,
                if text == "+" {
                    Err(SearchQueryError::NoWord)
                } else {
                    Ok(true)
                },
                "{text}"
            );
        }
        for text in ["(12) 98765-4321", "98765-4322", "4321", "8765"] {
            assert!(!query(text).matches(&ana()), "{text}");
        }
        // Numbers of a name and of a phone, side by side.
        let studio = words(
            Some(&Name::parse("Studio 54").unwrap()),
            Some(&Phone::parse("(21) 2345-6789").unwrap()),
            None,
        );
        assert!(query("54 21").matches(&studio) && query("21 2345 studio 5").matches(&studio));
    }

    #[test]
    fn each_rule_has_its_error() {
        let error = |text: &str| SearchQuery::parse(text).unwrap_err();
        for text in ["", " ", "\0", "*", "'\":&|!()\\", "\u{301}"] {
            assert_eq!(error(text), SearchQueryError::NoWord, "{text:?}");
        }
        assert_eq!(error(&"ã".repeat(101)), SearchQueryError::TooLong);
        assert!(SearchQuery::parse(&"ã".repeat(100)).is_ok());
        assert_eq!(error("a b c d e f g h i j k"), SearchQueryError::TooManyWords);
        assert!(SearchQuery::parse("a b c d e f g h i j").is_ok());
    }

    #[test]
    fn nothing_of_it_is_shown() {
        let query = query("ana 11");
        assert_eq!(
            format!("{query:?} {:?}", query.terms()),
            "SearchQuery(..) [Term(..), Term(..)]"
        );
    }

    #[test]
    fn queries_that_mean_the_same_have_one_normal_form() {
        assert_eq!(
            query("  ÁNA (11)98 ana").normal_form(),
            query("ana 11-98").normal_form()
        );
        assert_ne!(query("ana 1198").normal_form(), query("ana 11 98").normal_form());
        assert_ne!(query("ana lu").normal_form(), query("analu").normal_form());
    }

    #[test]
    fn folding_forgets_case_and_is_done_once() {
        let counts = |c: &char| c.is_alphanumeric() || is_combining_mark(*c);
        for c in ('\0'..=char::MAX).filter(counts) {
            let once = fold(&c.to_string());
            let again = [
                c.to_uppercase().collect(),
                c.to_lowercase().collect(),
                once.clone(),
            ];
            for text in again {
                assert_eq!(fold(&text), once, "{c:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn a_contact_is_found_by_every_beginning_of_its_name(
            name in "[\\p{L}\\p{M}\\p{N}' -]{2,100}",
            at: prop::sample::Index,
            chars in 1..100_usize,
        ) {
            let Ok(name) = Name::parse(&name) else { return Ok(()) };
            let words = words(Some(&name), None, None);
            let parts: Vec<_> = name.as_str().split_whitespace().collect();
            let beginning: String = parts[at.index(parts.len())].chars().take(chars).collect();
            for typed in [beginning.clone(), beginning.to_uppercase(), beginning.to_lowercase(), beginning.nfd().collect()] {
                match SearchQuery::parse(&typed) {
                    Ok(query) => prop_assert!(query.matches(&words)),
                    Err(error) => prop_assert!(error != SearchQueryError::NoWord || fold(&typed).chars().all(|c| !c.is_alphanumeric())),
                }
            }
        }

        #[test]
        fn whatever_is_typed_becomes_letters_and_digits(text in any::<String>(), signs in "[a\\\\'\":*&|!()<>\\x00AND NOT-]{0,40}") {
            for text in [text, signs] {
                let Ok(query) = SearchQuery::parse(&text) else { continue };
                prop_assert!(!query.terms().is_empty());
                for list in query.terms().iter().flat_map(Term::any_of) {
                    prop_assert!(!list.is_empty());
                    for word in list {
                        prop_assert!((1..=WORD_MAX_CHARS).contains(&word.chars().count()));
                        prop_assert!(word.chars().all(char::is_alphanumeric));
                        prop_assert_eq!(&fold(word), word);
                    }
                }
            }
        }
    }
}
