//! What somebody types to correct a message, and which rules it breaks.

use shared::http::{
    json::{Field, Members},
    problem::Problem,
};

use crate::{
    actions::{BrokenRule, Correction},
    console::Form,
    routes::dead_letters::edit_and_replay,
};

/// The fields of a contact, and whether they may be empty.
pub(super) const FIELDS: [(&str, bool); 3] = [("name", false), ("phone", true), ("email", true)];
/// The field for the whole message.
pub(super) const MESSAGE: &str = "message";
/// The boxes of the fields that are to be emptied.
pub(super) const CLEAR: &str = "clear";

/// A correction as it was typed.
#[derive(Default)]
pub(super) struct Typed {
    /// Of each field of [`FIELDS`] the value, if any was typed, and whether it is to be emptied.
    pub(super) fields: [(Option<String>, bool); FIELDS.len()],
    /// The whole message.
    pub(super) message: Option<String>,
}

/// Personal data stays out of logs.
impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(..)")
    }
}

/// A rule that is broken.
#[derive(Debug)]
pub(super) struct Wrong {
    /// The field; empty for all of them.
    pub(super) field: String,
    /// The rule, its code and in English; `None` if a field was both filled in and marked to be emptied.
    pub(super) rule: Option<(String, String)>,
}

impl Typed {
    pub(super) fn read(form: &Form) -> Self {
        let field = |(name, may_be_empty): (&str, bool)| {
            let cleared = may_be_empty && form.texts(CLEAR).any(|cleared| cleared == name);
            (form.text(name).map(str::to_owned), cleared)
        };
        Self {
            fields: FIELDS.map(field),
            message: form.text(MESSAGE).map(str::to_owned),
        }
    }

    /// What was typed into each field, and whether it is to be emptied.
    pub(super) fn fields(&self) -> impl Iterator<Item = (&'static str, &str, bool)> {
        let fields = FIELDS.iter().zip(&self.fields);
        fields.map(|((name, _), (value, cleared))| (*name, value.as_deref().unwrap_or_default(), *cleared))
    }

    /// The fields of a form that says the same.
    pub(super) fn hidden(&self) -> Vec<(&'static str, &str)> {
        let typed = self
            .fields()
            .filter(|(_, value, _)| !value.is_empty())
            .map(|(name, value, _)| (name, value));
        let cleared = self
            .fields()
            .filter(|(_, _, cleared)| *cleared)
            .map(|(name, _, _)| (CLEAR, name));
        let message = self.message.as_deref().map(|message| (MESSAGE, message));
        typed.chain(cleared).chain(message).collect()
    }

    /// The correction.
    ///
    /// # Errors
    /// The rules that it breaks by itself.
    pub(super) fn correction(&self) -> Result<Correction, Vec<Wrong>> {
        let torn = self
            .fields()
            .filter(|(_, value, cleared)| *cleared && !value.is_empty());
        let torn: Vec<_> = torn
            .map(|(name, _, _)| Wrong {
                field: name.to_owned(),
                rule: None,
            })
            .collect();
        if !torn.is_empty() {
            return Err(torn);
        }
        let value = |(name, value, cleared): (&str, &str, bool)| match (value, cleared) {
            (_, true) => Some((name.to_owned(), Field::Null)),
            ("", false) => None,
            (value, false) => Some((name.to_owned(), Field::Text(value.to_owned()))),
        };
        let message = self.message.clone();
        let message = message.map(|message| (MESSAGE.to_owned(), Field::Text(message)));
        let members = Members::from_pairs(self.fields().filter_map(value).chain(message));
        let (correction, _) = edit_and_replay::read(members).map_err(|problem| wrong(&problem))?;
        Ok(correction)
    }
}

/// The faults of a problem.
fn wrong(problem: &Problem) -> Vec<Wrong> {
    let faults = problem.faults().iter();
    let wrong = faults.map(|fault| Wrong {
        field: fault.pointer.trim_start_matches('/').to_owned(),
        rule: Some((fault.code.to_string(), fault.detail.to_string())),
    });
    wrong.collect()
}

impl From<BrokenRule> for Wrong {
    fn from(rule: BrokenRule) -> Self {
        Self {
            field: rule.member.to_owned(),
            rule: Some((rule.code.to_owned(), rule.detail)),
        }
    }
}
