//! In which form contacts are exported: CSV for spreadsheets, JSON lines for programs, vCard for address books.

use actix_web::{HttpRequest, mime};
use shared::{http::contact::ContactItem, store::contacts::Contact};

use crate::{
    contacts_csv::{BYTE_ORDER_MARK, Dialect},
    media::{self, Offer},
    vcard::{self, TEXT_VCARD, vcards},
};

/// The media type of CSV.
pub const TEXT_CSV: &str = "text/csv; charset=utf-8";
/// The media type of JSON lines: one JSON text a line.
pub const NDJSON: &str = "application/x-ndjson";

/// The form of an export.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportForm {
    /// `text/csv`.
    Csv(Dialect),
    /// `application/x-ndjson`; the only one that tells of deletes.
    NdJson,
    /// `text/vcard`, version 4.0.
    VCard,
}

impl ExportForm {
    /// What a request asks for: CSV, unless another is wanted more.
    pub fn wanted(request: &HttpRequest) -> Self {
        let csv = Self::Csv(Dialect::wanted(request));
        media::wanted(request, csv, &[Self::NdJson, Self::VCard], |form| match form {
            Self::Csv(_) => Offer {
                main: mime::TEXT,
                sub: mime::CSV.as_str(),
                version: None,
            },
            Self::NdJson => Offer {
                main: mime::APPLICATION,
                sub: "x-ndjson",
                version: None,
            },
            Self::VCard => vcard::OFFER,
        })
    }

    /// Its media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Csv(_) => TEXT_CSV,
            Self::NdJson => NDJSON,
            Self::VCard => TEXT_VCARD,
        }
    }

    /// What the names of such files end with.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv(_) => "csv",
            Self::NdJson => "ndjson",
            Self::VCard => "vcf",
        }
    }

    /// What goes before all contacts.
    pub fn head(self) -> Vec<u8> {
        match self {
            Self::Csv(dialect) => [BYTE_ORDER_MARK.as_bytes(), &dialect.header_row()].concat(),
            Self::NdJson | Self::VCard => Vec::new(),
        }
    }

    /// These contacts.
    pub fn contacts(self, contacts: &[Contact]) -> Vec<u8> {
        match self {
            Self::Csv(dialect) => dialect.rows(contacts),
            Self::NdJson => lines(contacts),
            Self::VCard => vcards(contacts).into_bytes(),
        }
    }
}

fn lines(contacts: &[Contact]) -> Vec<u8> {
    let mut lines = Vec::new();
    for contact in contacts {
        serde_json::to_writer(&mut lines, &ContactItem::from(contact))
            .expect("writing texts to memory does not fail");
        lines.push(b'\n');
    }
    lines
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn the_form_is_the_one_that_is_wanted_most() {
        let csv = ExportForm::Csv(Dialect::English);
        for (accept, wanted) in [
            ("", csv),
            ("*/*", csv),
            ("text/html,application/xhtml+xml,*/*;q=0.8", csv),
            ("text/*", csv),
            ("application/json", csv),
            ("text/csv, application/x-ndjson", csv),
            ("application/x-ndjson", ExportForm::NdJson),
            ("application/*", ExportForm::NdJson),
            ("text/csv;q=0.5, application/x-ndjson", ExportForm::NdJson),
            ("text/vcard", ExportForm::VCard),
            ("text/vcard, */*;q=0.1", ExportForm::VCard),
            ("text/vcard;version=3.0", csv),
        ] {
            let request = TestRequest::get()
                .insert_header(("accept", accept))
                .to_http_request();
            assert_eq!(ExportForm::wanted(&request), wanted, "{accept}");
        }
    }
}
