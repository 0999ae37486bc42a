//! Which dead letters a page is about: filters as they stand in its address, so that a page can be sent to a colleague.

use actix_web::HttpRequest;
use chrono::{DateTime, Utc};
use shared::{
    domain::Operation,
    http::query,
    store::dead_letters::{DeadLetterFilter, DeadLetterState},
    wire::{Reason, rfc3339},
};

use super::{Form, Trouble, language::Language, pages::path_with, texts};
use crate::{
    actions::Selection,
    routes::{filter::FilterFields, pages},
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
    typed: Vec<(String, String)>,
    others: Vec<(String, String)>,
}

impl Filters {
    /// Reads the address of a page; `others` are the parameters that it takes besides. What was left blank is not there.
    ///
    /// # Errors
    /// If a parameter is not known, there twice, or breaks a rule.
    pub(crate) fn read(request: &HttpRequest, language: Language, others: &[&str]) -> Result<Self, Trouble> {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        Self::of(pairs.into_owned(), language, others)
    }

    /// The same of pairs, such as the fields of a form.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(crate) fn of(
        pairs: impl Iterator<Item = (String, String)>,
        language: Language,
        others: &[&str],
    ) -> Result<Self, Trouble> {
        let pairs = pairs
            .map(|(name, value)| (name, value.trim().to_owned()))
            .filter(|(_, value)| !value.is_empty());
        let (others, typed): (Vec<_>, Vec<_>) = pairs.partition(|(name, _)| others.contains(&name.as_str()));
        let understood = typed
            .iter()
            .map(|(name, value)| (name.clone(), in_utc(name, value)))
            .collect();
        let mut members = query::of_pairs(understood, &NAMES)?;
        let fields = FilterFields::take(&mut members);
        pages::check(&fields, members)?;
        Ok(Self {
            filter: fields.filter().map_err(|_| pages::broken())?,
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
        Self::of(NAMES.iter().filter_map(typed), language, &[])
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
        let others = self
            .typed
            .into_iter()
            .filter(|(name, _)| name != "state" && name != "until");
        Self::of(others.chain(frozen.into_iter().flatten()), self.language, &[])
    }

    /// The filters that are set, as their names and what was typed.
    pub(crate) fn named(&self) -> Vec<(&'static str, &str)> {
        let t = self.t;
        let names = [
            t.reason,
            t.operation,
            t.group,
            t.contact,
            t.command,
            t.since,
            t.until,
            t.state,
        ];
        let names = NAMES.iter().zip(names);
        names
            .map(|(name, shown)| (shown, self.value(name)))
            .filter(|(_, value)| !value.is_empty())
            .collect()
    }

    /// What was typed into a filter.
    pub(crate) fn value(&self, name: &str) -> &str {
        value(&self.typed, name).unwrap_or_default()
    }

    /// A time as browsers' controls take it, which know of no zone.
    pub(crate) fn local(&self, name: &str) -> &str {
        let value = self.value(name);
        value.strip_suffix('Z').unwrap_or(value)
    }

    /// One of the other parameters.
    pub(crate) fn other(&self, name: &str) -> Option<&str> {
        value(&self.others, name)
    }

    /// The filters that are set, for the hidden fields of a form.
    pub(crate) fn fields(&self) -> &[(String, String)] {
        &self.typed
    }

    /// A page about the same dead letters.
    pub(crate) fn path(&self, page: &str, more: &[(&str, &str)]) -> String {
        let typed = self
            .typed
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()));
        path_with(page, &typed.chain(more.iter().copied()).collect::<Vec<_>>())
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

fn value<'a>(pairs: &'a [(String, String)], name: &str) -> Option<&'a str> {
    let found = pairs.iter().find(|(known, _)| known == name);
    found.map(|(_, value)| value.as_str())
}

/// A time as browsers' controls give it (HTML, "local date and time") is meant as UTC here.
pub(in crate::console) fn in_utc(name: &str, value: &str) -> String {
    let local = matches!(name, "since" | "until")
        && !value.contains('Z')
        && value.rfind(['+', '-']).is_none_or(|at| at < "2026-11-25T".len());
    match (local, value.matches(':').count()) {
        (true, 1) => format!("{value}:00Z"),
        (true, _) => format!("{value}Z"),
        (false, _) => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_without_a_zone_are_utc() {
        for (typed, understood) in [
            ("2026-11-25T20:43", "2026-11-25T20:43:00Z"),
            ("2026-11-25T20:43:07.5", "2026-11-25T20:43:07.5Z"),
            ("2026-11-25T20:43:07Z", "2026-11-25T20:43:07Z"),
            ("2026-11-25T20:43:07-03:00", "2026-11-25T20:43:07-03:00"),
        ] {
            assert_eq!(in_utc("since", typed), understood);
        }
        assert_eq!(in_utc("reason", "2026-11-25T20:43"), "2026-11-25T20:43");
    }

    #[test]
    fn filters_stay_in_links_and_blanks_do_not() {
        let pairs = [("reason", "expired"), ("state", " "), ("cursor", "abc")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let filters = Filters::of(pairs.into_iter(), Language::English, &["cursor"]).unwrap();
        assert_eq!(filters.filter.reason, Some(Reason::Expired));
        assert_eq!(filters.other("cursor"), Some("abc"));
        assert_eq!(
            filters.path("/inbox", &[("cursor", "d e")]),
            "/inbox?reason=expired&cursor=d+e"
        );
    }

    #[test]
    fn frozen_filters_say_until_when_and_of_which_state() {
        let filters = |pairs: &[(&str, &str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            Filters::of(pairs, Language::English, &[]).unwrap()
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
