//! Which dead letters a replay is to be of, frozen: as it is acted on, as hidden fields of a form, and in words.

use chrono::{DateTime, Utc};
use serde_json::Value;
use shared::{domain::Operation, http::problem::Problem, store::dead_letters::DeadLetterState};
use uuid::Uuid;

use crate::{
    actions::Selection,
    console::{
        Form, Trouble,
        filters::Filters,
        language::Language,
        texts,
        times::{Time, of_view},
    },
    routes::IDS_MAX,
};

/// The field that has an id, once for each.
pub(super) const ID: &str = "id";

texts! {
    reason: "Reason", "Motivo";
    reasons: "Reasons", "Motivos";
    operation: "Operation", "Operação";
    state: "State", "Estado";
    group: "Group", "Grupo";
    contact: "Contact id", "Id do contato";
    command: "Command id", "Id do comando";
    since: "Received since", "Recebidas desde";
    until: "Received before", "Recebidas antes de";
    ids: "Chosen one by one", "Escolhidas uma a uma";
    sent_before: "Sent again before", "Reenviadas antes";
}

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
            frozen: serde_json::from_str(&selection.to_json()).unwrap_or_default(),
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
        let ids: Result<Vec<_>, _> = form.texts(ID).map(Uuid::try_parse).collect();
        match ids {
            Ok(ids) if ids.len() <= IDS_MAX => Ok(Self::new(&Selection::Ids(ids), now)),
            Ok(_) | Err(_) => {
                let rule = format!("At most {IDS_MAX} ids of dead letters can be chosen one by one.");
                Err(Problem::malformed(rule).into())
            }
        }
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

/// One thing that is said of a selection.
#[derive(Debug)]
pub(super) struct Fact {
    pub(super) label: &'static str,
    pub(super) value: String,
    /// If it is a time.
    pub(super) time: Option<Time>,
}

/// A selection, as it stands in a replay, in words.
pub(super) fn facts(language: Language, selection: &Value) -> Vec<Fact> {
    let Value::Object(members) = selection else {
        return Vec::new();
    };
    let fact = |(name, value): (&String, &Value)| fact(language, name, value);
    members.iter().filter_map(fact).collect()
}

fn fact(language: Language, name: &str, value: &Value) -> Option<Fact> {
    let t = Texts::of(language);
    let text = value.as_str().unwrap_or_default().to_owned();
    let said = |label, value: &str| Fact {
        label,
        value: value.to_owned(),
        time: None,
    };
    let timed = |label| Fact {
        label,
        time: of_view(&text),
        value: text.clone(),
    };
    let count = |count: usize| language.number(count.try_into().unwrap_or(u64::MAX));
    Some(match name {
        "reason" => said(t.reason, &text),
        "operation" => {
            let operation = text.parse::<Operation>().ok();
            said(
                t.operation,
                operation.map_or(&text, |operation| language.operation(operation)),
            )
        }
        "state" => {
            let state = DeadLetterState::from_word(&text);
            said(t.state, state.map_or(&text, |state| language.state(state)))
        }
        "group" => said(t.group, &text),
        "contactId" => said(t.contact, &text),
        "commandId" => said(t.command, &text),
        "since" => timed(t.since),
        "until" => timed(t.until),
        "ids" => said(t.ids, &count(value.as_array()?.len())),
        "reasons" => {
            let reasons: Vec<_> = value.as_array()?.iter().filter_map(Value::as_str).collect();
            said(t.reasons, &reasons.join(", "))
        }
        "replay" => said(t.sent_before, &format!("{}×", value.as_u64()?)),
        _ => return None,
    })
}
