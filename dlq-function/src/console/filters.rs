//! Which dead letters a page is about: filters as they stand in its address, so that a page can be sent to a colleague.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use shared::{
    domain::Operation,
    http::json::Field,
    store::dead_letters::{DeadLetterFilter, DeadLetterState},
    wire::{Reason, rfc3339},
};

use super::{Form, Trouble, address::Parameters, language::Language, texts};
use crate::{
    actions::Selection,
    routes::{filter::FilterFields, paging},
};

/// The names of the filters, as the API has them.
const NAMES: [&str; 8] = [
    "reason",
    "operation",
    "group",
    "contactId",
    "commandId",
    "since",
    "until",
    "state",
];

texts! {
    filters: "Filters", "Filtros";
    filter: "Filter", "Filtrar";
    clear: "Clear", "Limpar";
    any: "any", "qualquer";
    reason: "Reason", "Motivo";
    operation: "Operation", "Operação";
    state: "State", "Estado";
    group: "Group", "Grupo";
    contact: "Contact id", "Id do contato";
    command: "Command id", "Id do comando";
    since: "Since (UTC)", "Desde (UTC)";
    until: "Until (UTC)", "Até (UTC)";
}

/// The filters of a page, as typed and as understood.
#[derive(Debug)]
pub(crate) struct Filters {
    /// What they let through.
    pub(crate) filter: DeadLetterFilter,
    pub(crate) t: &'static Texts,
    language: Language,
    typed: Parameters,
    others: Parameters,
}

impl Filters {
    /// Reads the address of a page; `others` are the parameters that it takes besides.
    ///
    /// # Errors
    /// If a parameter is not known, there twice, or breaks a rule.
    pub(crate) fn read(request: &HttpRequest, language: Language, others: &[&str]) -> Result<Self, Trouble> {
        Self::of(Parameters::of(request), language, others)
    }

    fn of(parameters: Parameters, language: Language, others: &[&str]) -> Result<Self, Trouble> {
        let (others, typed) = parameters.parted(others);
        let mut members = typed.members(&NAMES)?;
        let fields = FilterFields::take(&mut members);
        paging::check(&fields, members)?;
        Ok(Self {
            filter: fields.filter().map_err(|_| paging::broken())?,
            t: Texts::of(language),
            language,
            typed,
            others,
        })
    }

    /// The same of the fields of a form.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn of_form(form: &Form, language: Language) -> Result<Self, Trouble> {
        let typed = |name: &&str| Some(((*name).to_owned(), form.text(name)?.to_owned()));
        let typed = Parameters::of_pairs(NAMES.iter().filter_map(typed));
        Self::of(typed, language, &[])
    }

    /// The same as of a time, so that what comes later is out of it; those that stand in a state, unless they say another.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn frozen(self, now: DateTime<Utc>, unless_said: DeadLetterState) -> Result<Self, Trouble> {
        let state = self.filter.state.unwrap_or(unless_said);
        let selection = Selection::Matching(DeadLetterFilter {
            state: Some(state),
            ..self.filter
        });
        let until = match selection.as_of(now) {
            Selection::Matching(frozen) => frozen.until.map(rfc3339),
            Selection::Ids(_) => None,
        };
        let frozen = [("state", Some(state.as_str().to_owned())), ("until", until)];
        let frozen = frozen.map(|(name, value)| Some((name.to_owned(), value?)));
        let (_, others) = self.typed.parted(&["state", "until"]);
        let all = others.pairs().iter().cloned().chain(frozen.into_iter().flatten());
        Self::of(Parameters::of_pairs(all), self.language, &[])
    }

    /// What was typed into a filter.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.typed.get(name).unwrap_or_default()
    }

    /// A time as browsers' controls take it, which know of no zone.
    pub(crate) fn local(&self, name: &str) -> &str {
        let value = self.value(name);
        value.strip_suffix('Z').unwrap_or(value)
    }

    /// Where the page starts.
    pub(crate) fn cursor(&self) -> Field {
        self.others.cursor()
    }

    /// The filters that are set, for the hidden fields of a form.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        self.typed.pairs()
    }

    /// A page about the same dead letters.
    pub(crate) fn path(&self, page: &str, more: &[(&str, &str)]) -> String {
        self.typed.path(page, more)
    }

    pub(crate) fn reasons(&self) -> [&'static str; Reason::ALL.len()] {
        Reason::ALL.map(Reason::as_str)
    }

    pub(crate) fn operations(&self) -> [(&'static str, &'static str); Operation::ALL.len()] {
        Operation::ALL.map(|operation| (operation.as_str(), self.language.operation(operation)))
    }

    pub(crate) fn states(&self) -> [(&'static str, &'static str); DeadLetterState::ALL.len()] {
        DeadLetterState::ALL.map(|state| (state.as_str(), self.language.state(state)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frozen_filters_say_until_when_and_of_which_state() {
        let filters = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Filters::of(Parameters::of_pairs(pairs), Language::English, &[]).unwrap()
        };
        let now = DateTime::parse_from_rfc3339("2026-11-25T20:43:42.874Z")
            .unwrap()
            .to_utc();
        let frozen = |pairs: &[(&str, &str)]| {
            let frozen = filters(pairs).frozen(now, DeadLetterState::Open).unwrap();
            frozen.path("/", &[])
        };
        assert_eq!(
            frozen(&[("reason", "expired")]),
            "/?reason=expired&state=open&until=2026-11-25T20%3A43%3A42.874Z"
        );
        assert_eq!(
            frozen(&[("until", "2026-01-01T00:00"), ("state", "archived")]),
            "/?state=archived&until=2026-01-01T00%3A00%3A00.000Z"
        );
    }
}
