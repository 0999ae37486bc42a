//! Which dead letters an act is of: the boxes of a form that were ticked, and selections in words.

use serde_json::Value;
use shared::http::problem::Problem;
use uuid::Uuid;

use super::{
    Form, Trouble,
    language::Language,
    texts,
    times::{Time, of_view},
};
use crate::routes::IDS_MAX;

/// The field that has an id, once for each.
pub(crate) const ID: &str = "id";

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
    sent_before: "Sent again before", "Já reenviadas";
}

/// The ids whose boxes were ticked: none if none was.
///
/// # Errors
/// If an id is none, or they are too many.
pub(crate) fn ids(form: &Form) -> Result<Vec<Uuid>, Trouble> {
    let ids: Result<Vec<_>, _> = form.texts(ID).map(Uuid::try_parse).collect();
    match ids {
        Ok(ids) if ids.len() <= IDS_MAX => Ok(ids),
        Ok(_) | Err(_) => {
            let rule = format!("At most {IDS_MAX} ids of dead letters can be chosen one by one.");
            Err(Problem::malformed(rule).into())
        }
    }
}

/// One thing that is said of a selection.
#[derive(Debug)]
pub(crate) struct Fact {
    pub(crate) label: &'static str,
    pub(crate) value: String,
    /// If it is a time.
    pub(crate) time: Option<Time>,
}

/// A selection, as it stands in a replay, in words.
pub(crate) fn facts(language: Language, selection: &Value) -> Vec<Fact> {
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
        "operation" => said(t.operation, language.operation_of(&text)),
        "state" => said(t.state, language.state_of(&text)),
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
