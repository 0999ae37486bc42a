//! Dead letters as they are shown: JSON for programs, without personal data.

use serde::Serialize;
use serde_json::Value;
use shared::{
    http::openapi::schema::{OperationText, TimeText, UuidText, or_null},
    store::dead_letters::StoredDeadLetter,
    wire::rfc3339,
};
use utoipa::ToSchema;

use crate::openapi::schemas::{
    CountNumber, DetailText, GroupText, ReasonText, SizeNumber, StateText, WordText, history, masked_body,
};

/// A dead letter in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub(crate) struct DeadLetterView {
    #[schema(value_type = UuidText, inline)]
    pub(crate) id: String,
    #[schema(value_type = ReasonText, inline)]
    pub(crate) reason: &'static str,
    #[schema(value_type = DetailText, inline)]
    pub(crate) detail: String,
    #[schema(value_type = StateText, inline)]
    pub(crate) state: &'static str,
    #[schema(schema_with = or_null::<OperationText>, required = true)]
    pub(crate) operation: Option<&'static str>,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) command_id: Option<String>,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) contact_id: Option<String>,
    #[schema(value_type = GroupText, inline)]
    pub(crate) group: String,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) attempt: u32,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) replay: u32,
    #[schema(value_type = TimeText, inline)]
    pub(crate) failed_at: String,
    #[schema(value_type = TimeText, inline)]
    pub(crate) received_at: String,
    #[schema(value_type = TimeText, inline)]
    pub(crate) state_changed_at: String,
    #[schema(value_type = WordText, inline)]
    pub(crate) worker: String,
    #[schema(schema_with = or_null::<WordText>, required = true)]
    pub(crate) traceparent: Option<String>,
    #[schema(value_type = WordText, inline)]
    pub(crate) content_type: String,
    #[schema(value_type = SizeNumber, inline)]
    pub(crate) body_bytes: u32,
    pub(crate) erased: bool,
}

/// One dead letter with all that is known of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterDetail {
    #[serde(flatten)]
    pub(crate) letter: DeadLetterView,
    /// The message with its personal data masked; `null` if it is not JSON.
    #[schema(schema_with = masked_body, required = true)]
    pub(crate) masked_body: Option<Value>,
    /// What a replay would come to now.
    pub(crate) replay_would: crate::actions::Prediction,
    /// Every dead letter of the same command, oldest first.
    #[schema(schema_with = history, required = true)]
    pub(crate) history: Vec<DeadLetterView>,
}

impl From<&StoredDeadLetter> for DeadLetterView {
    fn from(stored: &StoredDeadLetter) -> Self {
        let letter = &stored.letter;
        Self {
            id: stored.id.to_string(),
            reason: letter.reason.as_str(),
            detail: letter.detail.clone(),
            state: stored.state.as_str(),
            operation: stored.operation.map(|operation| operation.as_str()),
            command_id: stored.command_id.map(|id| id.to_string()),
            contact_id: stored.contact_id.map(|id| id.to_string()),
            group: stored.fingerprint.clone(),
            attempt: letter.attempt,
            replay: letter.replay,
            failed_at: rfc3339(letter.failed_at),
            received_at: rfc3339(stored.received_at),
            state_changed_at: rfc3339(stored.state_changed_at),
            worker: letter.worker.clone(),
            traceparent: letter.traceparent.clone(),
            content_type: letter.content_type.clone(),
            body_bytes: stored.body_bytes,
            erased: stored.erased,
        }
    }
}

/// The members of an envelope that are no personal data and are shown as they are; all other texts and numbers are masked.
const SHOWN: [&str; 9] = [
    "v",
    "operation",
    "id",
    "contactId",
    "stamp",
    "keyHash",
    "requestHash",
    "ifMatch",
    "traceparent",
];
const MASK: &str = "***";

/// The payload with every value masked that may be personal; `None` if it is no JSON object.
pub(crate) fn masked(body: &[u8]) -> Option<Value> {
    let Value::Object(members) = serde_json::from_slice(body).ok()? else {
        return None;
    };
    // A member that an envelope does not have may have any name: it is counted, not shown.
    let known = |name: &str| SHOWN.contains(&name) || ["principal", "contact", "changes"].contains(&name);
    let unknown = members.keys().filter(|name| !known(name)).count();
    let mut shown: serde_json::Map<String, Value> = members
        .into_iter()
        .filter(|(name, _)| known(name))
        .map(|(name, value)| {
            let value = if SHOWN.contains(&name.as_str()) {
                short(value)
            } else {
                mask(value)
            };
            (name, value)
        })
        .collect();
    if unknown > 0 {
        shown.insert("(unknown members)".to_owned(), unknown.into());
    }
    Some(Value::Object(shown))
}

/// A value of a known member, unless it is not of the kind that the member has.
fn short(value: Value) -> Value {
    const LONGEST: usize = 128;
    let plain =
        |text: &str| text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_hexdigit() || "-*".contains(c));
    let word = |text: &str| ["create", "update", "delete"].contains(&text);
    match value {
        Value::String(text) if plain(&text) || word(&text) => Value::String(text),
        Value::Array(values) if values.len() <= 16 => values.into_iter().map(short).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
        Value::String(_) | Value::Array(_) | Value::Object(_) => MASK.into(),
    }
}

fn mask(value: Value) -> Value {
    const FIELDS: [&str; 3] = ["name", "phone", "email"];
    match value {
        Value::Null => Value::Null,
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, _)| FIELDS.contains(&name.as_str()))
            .map(|(name, value)| (name, if value.is_null() { Value::Null } else { MASK.into() }))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => MASK.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_is_shown() {
        let body = br#"{"v":1,"operation":"Ana Souza","id":"0198","principal":"ana@example.com",
            "contact":{"name":"Ana","phone":null,"Ana Souza":1},"Souza":"x","stamp":["ana",{"a":"ana"}]}"#;
        let shown = masked(body).unwrap();
        let text = shown.to_string().to_lowercase();
        assert!(!text.contains("ana") && !text.contains("souza"), "{text}");
        assert_eq!(shown["id"], "0198");
        assert_eq!(shown["contact"]["name"], MASK);
        assert_eq!(shown["contact"]["phone"], Value::Null);
        assert_eq!(masked(b"not json"), None);
        assert_eq!(masked(b"[1]"), None);
    }
}
