//! Which entries a page is about, as it stands in its address.

use actix_web::HttpRequest;
use shared::{http::json::Field, store::audit::AuditFilter};

use crate::{
    console::{Trouble, address::Parameters},
    routes::{audit::filter::AuditFields, paging},
};

/// The names of the filters, as the API has them.
const NAMES: [&str; 6] = [
    "action",
    "principal",
    "deadLetterId",
    "replayId",
    "since",
    "until",
];

/// The filters, as typed and as understood.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) filter: AuditFilter,
    typed: Parameters,
    others: Parameters,
}

impl Asked {
    /// Whether a filter is set.
    pub(super) fn is_something(&self) -> bool {
        !self.typed.pairs().is_empty()
    }

    /// Reads the address; `others` are the parameters that it takes besides.
    ///
    /// # Errors
    /// If a parameter is not known, there twice, or breaks a rule.
    pub(super) fn read(request: &HttpRequest, others: &[&str]) -> Result<Self, Trouble> {
        let (others, typed) = Parameters::of(request).parted(others);
        let mut members = typed.members(&NAMES)?;
        let fields = AuditFields::take(&mut members);
        paging::check(&fields, members)?;
        Ok(Self {
            filter: fields.filter().map_err(|_| paging::broken())?,
            typed,
            others,
        })
    }

    /// What was typed into a filter.
    pub(super) fn value(&self, name: &str) -> &str {
        self.typed.get(name).unwrap_or_default()
    }

    /// Where the page starts.
    pub(super) fn cursor(&self) -> Field {
        self.others.cursor()
    }

    /// A page about the same entries.
    pub(super) fn path(&self, page: &str, more: &[(&str, &str)]) -> String {
        self.typed.path(page, more)
    }
}
