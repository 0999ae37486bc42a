//! The parameters in the address of a page, or in a form that says the same, as somebody typed them.

use actix_web::HttpRequest;
use shared::http::{
    json::{Field, Members},
    problem::Problem,
    query,
};

use super::pages::{CURSOR, path_with};

/// Names and values; what was left blank is not there.
#[derive(Clone, Default)]
pub(crate) struct Parameters(Vec<(String, String)>);

/// What people type stays out of logs.
impl std::fmt::Debug for Parameters {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Parameters({})", self.0.len())
    }
}

impl Parameters {
    /// Those in the address of a request.
    pub(crate) fn of(request: &HttpRequest) -> Self {
        let pairs = form_urlencoded::parse(request.query_string().as_bytes());
        Self::of_pairs(pairs.into_owned())
    }

    /// Those of pairs, such as the fields of a form.
    pub(crate) fn of_pairs(pairs: impl Iterator<Item = (String, String)>) -> Self {
        let trimmed = pairs.map(|(name, value)| (name, value.trim().to_owned()));
        Self(trimmed.filter(|(_, value)| !value.is_empty()).collect())
    }

    /// Those with one of these names, and the others.
    pub(crate) fn parted(self, names: &[&str]) -> (Self, Self) {
        let (named, others) = self
            .0
            .into_iter()
            .partition(|(name, _)| names.contains(&name.as_str()));
        (Self(named), Self(others))
    }

    /// What was typed for a name, first.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// Where the page starts, as the API reads it.
    pub(crate) fn cursor(&self) -> Field {
        self.get(CURSOR)
            .map_or(Field::Absent, |cursor| Field::Text(cursor.to_owned()))
    }

    /// All of them, such as for the hidden fields of a form.
    pub(crate) fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// A page with these in its address, and more.
    pub(crate) fn path(&self, page: &str, more: &[(&str, &str)]) -> String {
        let typed = self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        path_with(page, &typed.chain(more.iter().copied()).collect::<Vec<_>>())
    }

    /// The same as the API reads them.
    ///
    /// # Errors
    /// If one is not among `known`, or is there twice.
    pub(crate) fn members(&self, known: &[&str]) -> Result<Members, Problem> {
        let understood = self
            .0
            .iter()
            .map(|(name, value)| (name.clone(), in_utc(name, value)));
        query::of_pairs(understood.collect(), known)
    }
}

/// A time as browsers' controls give it (HTML, "local date and time") is meant as UTC here.
fn in_utc(name: &str, value: &str) -> String {
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
    fn what_was_left_blank_is_not_there() {
        let pairs = [("reason", " expired "), ("state", " "), ("cursor", "abc")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let (others, typed) = Parameters::of_pairs(pairs.into_iter()).parted(&["cursor"]);
        assert_eq!((typed.get("reason"), typed.get("state")), (Some("expired"), None));
        assert_eq!(
            typed.path("/inbox", &[("cursor", "d e")]),
            "/inbox?reason=expired&cursor=d+e"
        );
        assert_eq!(others.cursor(), Field::Text("abc".to_owned()));
        assert_eq!(typed.cursor(), Field::Absent);
    }
}
