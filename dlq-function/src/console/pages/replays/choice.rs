//! Which dead letters a replay is to be of, frozen: as it is acted on, as hidden fields of a form, and in words.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::http::problem::Problem;

use crate::{
    actions::Selection,
    console::{
        Form, Trouble,
        filters::Filters,
        language::Language,
        selections::{Fact, ID, facts, ids},
    },
};

/// Which dead letters: what arrives later is not among them.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) selection: Selection,
    frozen: Value,
}

impl Choice {
    fn new(selection: &Selection, now: DateTime<Utc>) -> Self {
        let selection = selection.as_of(now);
        Self {
            frozen: selection.members(),
            selection,
        }
    }

    /// Those that filters let through.
    pub(super) fn of_filters(filters: &Filters, now: DateTime<Utc>) -> Self {
        Self::new(&Selection::Matching(filters.filter.clone()), now)
    }

    /// Those whose boxes were ticked: none if none was.
    ///
    /// # Errors
    /// If an id is none, or they are too many.
    pub(super) fn of_ids(form: &Form, now: DateTime<Utc>) -> Result<Self, Trouble> {
        Ok(Self::new(&Selection::Ids(ids(form)?), now))
    }

    /// Those of the hidden fields of a form.
    ///
    /// # Errors
    /// If they are not as we wrote them.
    pub(super) fn of_form(form: &Form, language: Language, now: DateTime<Utc>) -> Result<Self, Trouble> {
        if form.text(ID).is_some() {
            return Self::of_ids(form, now);
        }
        let filters = Filters::of_form(form, language)?;
        // A form that had lost its fields would else be one for all that waits now.
        if filters.filter.until.is_none() || filters.filter.state.is_none() {
            return Err(Problem::malformed("The form does not say which dead letters.").into());
        }
        Ok(Self::of_filters(&filters, now))
    }

    /// The hidden fields of a form that is to be about the same.
    pub(super) fn fields(&self) -> Vec<(&str, &str)> {
        let Value::Object(members) = &self.frozen else {
            return Vec::new();
        };
        let values = members.iter().flat_map(|(name, value)| match value {
            Value::Array(ids) => ids.iter().map(|id| (ID, id.as_str())).collect::<Vec<_>>(),
            value => vec![(name.as_str(), value.as_str())],
        });
        values.filter_map(|(name, value)| Some((name, value?))).collect()
    }

    /// The same in words.
    pub(super) fn facts(&self, language: Language) -> Vec<Fact> {
        facts(language, &self.frozen)
    }
}
