//! Which columns of a CSV are which fields: by the headers that address books and people use, in English and Portuguese.
//!
//! **Invariant:** the list is closed. A header that is not on it is counted and never repeated, for a file without a header
//! begins with somebody's data.

use std::{borrow::Cow, collections::BTreeMap};

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use super::Fields;

/// What a column says. Of several phones or addresses in a row, the first kind that has one counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Meaning {
    /// The whole name.
    WholeName,
    /// The whole name, or the first where a column for the last is there and none for the first.
    Name,
    First,
    Middle,
    Last,
    AreaCode,
    Phone(Rank),
    /// What kind the phone of this number is (Google).
    PhoneKind(u8),
    Email,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Mobile,
    /// Numbered: mobile if the column of kinds says so (Google).
    Numbered(u8),
    Any,
    Home,
    Work,
    Other,
}

/// Headers without case, accents and punctuation.
const KNOWN: [(Meaning, &[&str]); 12] = [
    (Meaning::Name, &["name", "nome"]),
    (
        Meaning::WholeName,
        &[
            "full name",
            "display name",
            "nome completo",
            "nome de exibicao",
            "nome para exibicao",
        ],
    ),
    (Meaning::First, &["first name", "given name", "primeiro nome"]),
    (
        Meaning::Middle,
        &["middle name", "additional name", "nome do meio", "segundo nome"],
    ),
    (
        Meaning::Last,
        &["last name", "family name", "surname", "sobrenome", "ultimo nome"],
    ),
    (Meaning::AreaCode, &["area code", "ddd", "codigo de area"]),
    (
        Meaning::Phone(Rank::Mobile),
        &[
            "mobile",
            "mobile phone",
            "mobile number",
            "cell",
            "cell phone",
            "cellphone",
            "celular",
            "telefone celular",
            "telemovel",
            "whatsapp",
        ],
    ),
    (
        Meaning::Phone(Rank::Any),
        &[
            "phone",
            "phone number",
            "telephone",
            "primary phone",
            "telefone",
            "numero de telefone",
            "telefone principal",
            "fone",
            "tel",
        ],
    ),
    (
        Meaning::Phone(Rank::Home),
        &[
            "home phone",
            "home phone 2",
            "telefone residencial",
            "telefone residencial 2",
        ],
    ),
    (
        Meaning::Phone(Rank::Work),
        &[
            "business phone",
            "business phone 2",
            "work phone",
            "company main phone",
            "telefone comercial",
            "telefone comercial 2",
            "telefone do trabalho",
            "telefone principal da empresa",
        ],
    ),
    (Meaning::Phone(Rank::Other), &["other phone", "outro telefone"]),
    (
        Meaning::Email,
        &[
            "email",
            "e mail",
            "email address",
            "e mail address",
            "e mail 2 address",
            "e mail 3 address",
            "endereco de email",
            "endereco de email 2",
            "endereco de email 3",
            "endereco de e mail",
            "endereco de e mail 2",
            "endereco de e mail 3",
            "correio eletronico",
        ],
    ),
];

/// What stands between several values in one field (Google).
const SEVERAL: &str = " ::: ";
/// The most digits of a Brazilian number without its area code.
const LOCAL_DIGITS_MAX: usize = 9;

/// The columns of a file.
#[derive(Clone, Debug)]
pub struct Columns {
    meanings: Vec<Option<Meaning>>,
    /// The columns of phones and addresses, those that count first in front.
    phones: Vec<(Rank, usize)>,
    used: BTreeMap<String, String>,
}

impl Columns {
    /// The columns of a header; `None` if it does not say where a name, and a phone or an address, are.
    pub fn of_headers(headers: &[Cow<'_, str>]) -> Option<Self> {
        let mut meanings: Vec<_> = headers.iter().map(|header| meaning(&plain(header))).collect();
        let has = |meanings: &[Option<Meaning>], wanted| meanings.contains(&Some(wanted));
        if has(&meanings, Meaning::Last) && !has(&meanings, Meaning::First) {
            for meaning in meanings.iter_mut().filter(|known| **known == Some(Meaning::Name)) {
                *meaning = Some(Meaning::First);
            }
        }
        let named = [Meaning::WholeName, Meaning::Name, Meaning::First, Meaning::Last];
        let mut phones = Vec::new();
        let mut used = BTreeMap::new();
        for (place, (known, header)) in meanings.iter().zip(headers).enumerate() {
            if let Some(Meaning::Phone(rank)) = known {
                phones.push((*rank, place));
            }
            if let Some(field) = known.and_then(field) {
                used.insert(header.trim().to_owned(), field.to_owned());
            }
        }
        phones.sort_unstable();
        let named = named.into_iter().any(|name| has(&meanings, name));
        let reachable = !phones.is_empty() || has(&meanings, Meaning::Email);
        (named && reachable).then_some(Self {
            meanings,
            phones,
            used,
        })
    }

    /// Which header became which field.
    pub fn used(&self) -> &BTreeMap<String, String> {
        &self.used
    }

    /// How many columns became none.
    pub fn ignored(&self) -> usize {
        self.meanings
            .iter()
            .filter(|known| known.and_then(field).is_none())
            .count()
    }

    /// How many columns there are.
    pub fn count(&self) -> usize {
        self.meanings.len()
    }

    /// The fields of a record.
    pub fn fields_of(&self, record: &[Cow<'_, str>]) -> Fields {
        let phone = self.phone(record);
        let area_code = self.first(record, Meaning::AreaCode);
        let digits = phone.chars().filter(char::is_ascii_digit).count();
        let local = (1..=LOCAL_DIGITS_MAX).contains(&digits) && !phone.starts_with('+');
        Fields {
            name: self.name(record),
            phone: if local && !area_code.is_empty() {
                format!("({}) {phone}", area_code.trim_matches(['(', ')', ' ']))
            } else {
                phone
            },
            email: self.first(record, Meaning::Email),
        }
    }

    fn name(&self, record: &[Cow<'_, str>]) -> String {
        let whole = [Meaning::WholeName, Meaning::Name].map(|name| self.first(record, name));
        if let Some(whole) = whole.into_iter().find(|name| !name.is_empty()) {
            return whole;
        }
        let parts = [Meaning::First, Meaning::Middle, Meaning::Last].map(|part| self.first(record, part));
        let there: Vec<_> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        there.join(" ")
    }

    fn phone(&self, record: &[Cow<'_, str>]) -> String {
        let ranked = |(rank, place): &(Rank, usize)| {
            let text = value(record, *place);
            let is_mobile = match rank {
                Rank::Numbered(number) => {
                    let kind = plain(&self.first(record, Meaning::PhoneKind(*number)));
                    ["mobile", "cell", "celular"]
                        .iter()
                        .any(|word| kind.contains(word))
                }
                _ => false,
            };
            let rank = if is_mobile { Rank::Mobile } else { *rank };
            (!text.is_empty()).then_some((rank, *place, text))
        };
        let best = self.phones.iter().filter_map(ranked).min();
        best.map(|(_, _, text)| text).unwrap_or_default()
    }

    /// The first column of this meaning that is not empty.
    fn first(&self, record: &[Cow<'_, str>], wanted: Meaning) -> String {
        let places = self.meanings.iter().enumerate();
        let mut texts = places
            .filter(|(_, known)| **known == Some(wanted))
            .map(|(place, _)| value(record, place));
        texts.find(|text| !text.is_empty()).unwrap_or_default()
    }
}

/// The value of a field: the first of several, without what protects formulas from being run by a spreadsheet.
fn value(record: &[Cow<'_, str>], place: usize) -> String {
    let text = record.get(place).map(AsRef::as_ref).unwrap_or_default();
    let mut several = text.split(SEVERAL).map(str::trim);
    let text = several.find(|text| !text.is_empty()).unwrap_or_default();
    let protected = text
        .strip_prefix('\'')
        .filter(|rest| rest.starts_with(['=', '+', '-', '@']));
    protected.unwrap_or(text).to_owned()
}

/// A header without case, accents and punctuation.
fn plain(header: &str) -> String {
    let letters = header
        .nfkd()
        .filter(|letter| !is_combining_mark(*letter))
        .flat_map(char::to_lowercase);
    let letters: String = letters
        .map(|letter| if letter.is_alphanumeric() { letter } else { ' ' })
        .collect();
    letters.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn meaning(header: &str) -> Option<Meaning> {
    let known = KNOWN.iter().find(|(_, names)| names.contains(&header));
    known.map(|(meaning, _)| *meaning).or_else(|| numbered(header))
}

/// Google's columns, such as "Phone 1 - Value" and "Phone 1 - Type".
fn numbered(header: &str) -> Option<Meaning> {
    let words: Vec<_> = header.split(' ').collect();
    let (of, number, what) = match *words.as_slice() {
        ["phone", number, what] => ("phone", number, what),
        ["e", "mail", number, what] => ("e mail", number, what),
        _ => return None,
    };
    let number = number.parse().ok()?;
    match (of, what) {
        ("phone", "value") => Some(Meaning::Phone(Rank::Numbered(number))),
        ("phone", "type" | "label") => Some(Meaning::PhoneKind(number)),
        ("e mail", "value") => Some(Meaning::Email),
        _ => None,
    }
}

/// The field of a contact that a column goes into.
fn field(meaning: Meaning) -> Option<&'static str> {
    match meaning {
        Meaning::WholeName | Meaning::Name | Meaning::First | Meaning::Middle | Meaning::Last => Some("name"),
        Meaning::AreaCode | Meaning::Phone(_) => Some("phone"),
        Meaning::PhoneKind(_) => None,
        Meaning::Email => Some("email"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, row: &str) -> [String; 3] {
        let cut = |line: &str| {
            line.split(',')
                .map(|field| Cow::Owned(field.to_owned()))
                .collect::<Vec<_>>()
        };
        let fields = Columns::of_headers(&cut(header)).unwrap().fields_of(&cut(row));
        [fields.name, fields.phone, fields.email]
    }

    #[test]
    fn every_known_header_is_in_its_plain_form_once() {
        let mut names: Vec<_> = KNOWN
            .iter()
            .flat_map(|(_, names)| names.iter().copied())
            .collect();
        assert!(names.iter().all(|name| plain(name) == **name));
        names.sort_unstable();
        assert!(names.windows(2).all(|pair| pair[0] != pair[1]));
    }

    #[test]
    fn headers_are_read_whatever_their_case_accents_and_punctuation() {
        let expected = [
            "Ana".to_owned(),
            "(11) 98765-4301".to_owned(),
            "a@example.com".to_owned(),
        ];
        let row = "Ana,11,98765-4301,a@example.com";
        assert_eq!(read("NOME,DDD,Telefone,E-mail", row), expected);
        assert_eq!(
            read(
                "nome_completo,Código de Área,Nº,Endereço de e-mail"
                    .replace("Nº", "Fone")
                    .as_str(),
                row
            ),
            expected
        );
    }

    #[test]
    fn parts_of_a_name_are_joined_in_order_and_a_whole_one_goes_before() {
        let row = "Ana,Souza,a@example.com";
        assert_eq!(read("Nome,Sobrenome,E-mail", row)[0], "Ana Souza");
        assert_eq!(read("Nome completo,Sobrenome,E-mail", row)[0], "Ana");
        assert_eq!(read("Last Name,First Name,E-mail", row)[0], "Souza Ana");
        assert_eq!(
            read("Name,Family Name,Given Name,E-mail", "A B,B,A,a@example.com")[0],
            "A B"
        );
    }

    #[test]
    fn a_mobile_phone_goes_before_others() {
        assert_eq!(read("Nome,Telefone,Celular", "A,1,2")[1], "2");
        assert_eq!(read("Nome,Telefone,Celular", "A,1,")[1], "1");
        let google = "Name,Phone 1 - Type,Phone 1 - Value,Phone 2 - Label,Phone 2 - Value";
        assert_eq!(read(google, "A,Home,1,Mobile,2")[1], "2");
        assert_eq!(read(google, "A,Home,1 ::: 3,Work,2")[1], "1");
    }

    #[test]
    fn an_area_code_is_for_local_numbers_only() {
        assert_eq!(read("Nome,DDD,Fone", "A,(11),2345-6789")[1], "(11) 2345-6789");
        assert_eq!(read("Nome,DDD,Fone", "A,11,21 2345-6789")[1], "21 2345-6789");
        assert_eq!(read("Nome,DDD,Fone", "A,11,+4930123")[1], "+4930123");
    }

    #[test]
    fn what_an_export_protects_is_taken_as_it_was() {
        assert_eq!(read("Nome,Fone", "A,'+5511987654301")[1], "+5511987654301");
        assert_eq!(read("Nome,Fone", "'Ana,1")[0], "'Ana");
    }

    #[test]
    fn a_header_that_says_too_little_is_none() {
        for header in [&["Ana", "11987654301"][..], &["Nome"], &["Fone", "E-mail"], &[]] {
            let headers: Vec<_> = header.iter().map(|header| Cow::Borrowed(*header)).collect();
            assert!(Columns::of_headers(&headers).is_none(), "{header:?}");
        }
    }
}
