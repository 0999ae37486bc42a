//! Which entries a page is about, as it stands in its address.

use actix_web::HttpRequest;
use shared::{http::query, store::audit::AuditFilter};

use crate::{
    console::{Trouble, filters::in_utc, pages::path_with},
    routes::{audit::filter::AuditFields, pages},
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
    typed: Vec<(String, String)>,
    others: Vec<(String, String)>,
}

impl Asked {
    /// Reads the address; `others` are the parameters that it takes besides. What was left blank is not there.
    ///
    /// # Errors
    /// If a parameter is not known, there twice, or breaks a rule.
    pub(super) fn read(request: &HttpRequest, others: &[&str]) -> Result<Self, Trouble> {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes())
            .map(|(name, value)| (name.into_owned(), value.trim().to_owned()))
            .filter(|(_, value)| !value.is_empty());
        let (others, typed): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| others.contains(&name.as_str()));
        let understood = typed
            .iter()
            .map(|(name, value)| (name.clone(), in_utc(name, value)))
            .collect();
        let mut members = query::of_pairs(understood, &NAMES)?;
        let fields = AuditFields::take(&mut members);
        pages::check(&fields, members)?;
        Ok(Self {
            filter: fields.filter().map_err(|_| pages::broken())?,
            typed,
            others,
        })
    }

    /// What was typed into a filter.
    pub(super) fn value(&self, name: &str) -> &str {
        let found = self.typed.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    pub(super) fn cursor(&self) -> Option<&str> {
        let found = self.others.iter().find(|(known, _)| known == "cursor");
        found.map(|(_, value)| value.as_str())
    }

    /// A page about the same entries.
    pub(super) fn path(&self, page: &str, more: &[(&str, &str)]) -> String {
        let typed = self
            .typed
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        path_with(page, &typed.chain(more.iter().copied()).collect::<Vec<_>>())
    }
}
