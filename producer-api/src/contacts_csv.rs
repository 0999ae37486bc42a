//! Contacts as CSV (RFC 4180), as spreadsheets open it with a double click.
//!
//! **Invariant:** no cell is a formula. What begins like one gets an apostrophe before it (OWASP, *CSV Injection*), which whoever
//! reads the file takes off again: it stands before one of [`FORMULA_STARTS`] only.

use actix_web::{
    HttpRequest,
    http::header::{AcceptLanguage, Header, Preference, Quality},
};
use csv::{Terminator, Writer, WriterBuilder};
use shared::{
    domain::{AreaCode, Phone, State},
    store::contacts::Contact,
    wire::rfc3339,
};

/// What spreadsheets take for the beginning of a formula.
pub const FORMULA_STARTS: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Says to spreadsheets that the file is UTF-8.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

const COLUMNS: usize = 8;

/// For whom the file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Commas, and the names of the fields in JSON.
    English,
    /// Semicolons, which spreadsheets of Brazil expect since the comma is in their numbers, and Portuguese names.
    Portuguese,
}

impl Dialect {
    /// What a request asks for (`Accept-Language`): English, unless Portuguese is wanted more.
    pub fn wanted(request: &HttpRequest) -> Self {
        let languages = AcceptLanguage::parse(request).map(|languages| languages.0);
        let quality = |language: &str| {
            let named = languages.iter().flatten().filter(|range| match &range.item {
                Preference::Any => false,
                Preference::Specific(tag) => tag.primary_language().eq_ignore_ascii_case(language),
            });
            named.map(|range| range.quality).max().unwrap_or(Quality::ZERO)
        };
        if quality("pt") > quality("en") {
            Self::Portuguese
        } else {
            Self::English
        }
    }

    fn delimiter(self) -> u8 {
        match self {
            Self::English => b',',
            Self::Portuguese => b';',
        }
    }

    fn header(self) -> [&'static str; COLUMNS] {
        match self {
            Self::English => [
                "id",
                "name",
                "phone",
                "areaCode",
                "state",
                "email",
                "createdAt",
                "updatedAt",
            ],
            Self::Portuguese => [
                "id",
                "nome",
                "telefone",
                "ddd",
                "uf",
                "e-mail",
                "criado em",
                "atualizado em",
            ],
        }
    }

    fn writer(self) -> Writer<Vec<u8>> {
        WriterBuilder::new()
            .delimiter(self.delimiter())
            .terminator(Terminator::CRLF)
            .from_writer(Vec::new())
    }

    /// The row that names the columns.
    pub fn header_row(self) -> Vec<u8> {
        rows(self, [self.header().map(str::to_owned)])
    }

    /// The rows of these contacts. A tombstone has none.
    pub fn rows(self, contacts: &[Contact]) -> Vec<u8> {
        let shown = contacts.iter().filter(|contact| contact.deleted_at.is_none());
        rows(self, shown.map(cells))
    }
}

fn rows(dialect: Dialect, rows: impl IntoIterator<Item = [String; COLUMNS]>) -> Vec<u8> {
    let mut writer = dialect.writer();
    for row in rows {
        writer
            .write_record(row)
            .expect("writing rows of one length to memory does not fail");
    }
    writer.into_inner().expect("flushing to memory does not fail")
}

fn cells(contact: &Contact) -> [String; COLUMNS] {
    let state = &contact.state;
    let phone = state.phone.value.as_ref();
    let cells = [
        Some(state.id.to_string()),
        state.name.value.as_ref().map(|name| name.as_str().to_owned()),
        phone.map(Phone::as_dialled),
        phone.and_then(Phone::area_code).as_ref().map(AreaCode::to_string),
        phone
            .and_then(Phone::state)
            .map(|state| State::as_str(state).to_owned()),
        state.email.value.as_ref().map(|email| email.as_str().to_owned()),
        contact.created_at.map(rfc3339),
        contact.updated_at.map(rfc3339),
    ];
    cells.map(|cell| harmless(cell.unwrap_or_default()))
}

fn harmless(cell: String) -> String {
    if cell.starts_with(FORMULA_STARTS) {
        format!("'{cell}")
    } else {
        cell
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_language_that_is_wanted_more_decides() {
        for (languages, dialect) in [
            ("", Dialect::English),
            ("*", Dialect::English),
            ("de, fr;q=0.5", Dialect::English),
            ("en-US,en;q=0.9,pt;q=0.5", Dialect::English),
            ("pt;q=0", Dialect::English),
            ("pt-BR", Dialect::Portuguese),
            ("pt-BR,pt;q=0.9,en-US;q=0.8", Dialect::Portuguese),
            ("de, PT;q=0.3, *;q=0.1", Dialect::Portuguese),
        ] {
            let request = TestRequest::get()
                .insert_header(("accept-language", languages))
                .to_http_request();
            assert_eq!(Dialect::wanted(&request), dialect, "{languages}");
        }
    }

    proptest! {
        #[test]
        fn no_cell_is_a_formula_and_each_reads_back(cell in "[=+\\-@\t\r'a1;,\"\n ]{0,6}") {
            let harmless = harmless(cell.clone());
            prop_assert!(!harmless.starts_with(FORMULA_STARTS));
            let taken_off = harmless.strip_prefix('\'').filter(|rest| rest.starts_with(FORMULA_STARTS));
            if cell.starts_with('\'') && cell[1..].starts_with(FORMULA_STARTS) {
                return Ok(());
            }
            prop_assert_eq!(taken_off.unwrap_or(&harmless), &cell);
        }
    }
}
