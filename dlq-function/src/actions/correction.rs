//! A correction of a message: held against the rules, put into the message, and shown as a diff. Pure.
//!
//! **Invariant:** what comes out is an envelope that a worker takes, and where the original was one, all but the fields of the
//! contact is the same. Nothing in a fault repeats a value.

use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    domain::{Action, Changes, Command, Email, IdKey, Name, Operation, Phone},
    wire::Envelope,
};
use utoipa::ToSchema;

use crate::{
    masking::{SHOWN, masked},
    openapi::schemas::{FieldText, MaskedText},
};

/// What is corrected in a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Correction {
    /// Fields of its contact; where it is `Some(None)` a field is cleared.
    Fields(Changes),
    /// All of it: an envelope as JSON.
    Message(Message),
}

/// A whole message.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Message(pub(crate) String);

/// Personal data stays out of logs.
impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Message({} bytes)", self.0.len())
    }
}

/// One difference, personal data masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FieldChange {
    // Of the contact, or a member of the message.
    #[schema(value_type = FieldText, inline)]
    pub(crate) field: String,
    /// How it stood, masked; `null` is empty, and it is absent where the message said nothing of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = shared::http::openapi::schema::or_null::<MaskedText>)]
    pub(crate) before: Option<Option<String>>,
    /// How it stands after, in the same way.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(schema_with = shared::http::openapi::schema::or_null::<MaskedText>)]
    pub(crate) after: Option<Option<String>>,
}

/// A rule that a correction breaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BrokenRule {
    /// The member of the correction; empty for all of it.
    pub(crate) member: &'static str,
    pub(crate) code: &'static str,
    /// The rule in a sentence; never a value.
    pub(crate) detail: String,
}

impl BrokenRule {
    fn new(member: &'static str, code: &'static str, detail: impl Into<String>) -> Self {
        Self {
            member,
            code,
            detail: detail.into(),
        }
    }
}

/// The corrected message.
#[derive(Debug)]
pub(super) struct CorrectedMessage {
    pub(super) envelope: Envelope,
    pub(super) changes: Vec<FieldChange>,
}

const MESSAGE: &str = "message";
const FIELDS: [&str; 3] = ["name", "phone", "email"];

/// Corrects a message.
///
/// # Errors
/// All rules that the correction breaks.
pub(super) fn corrected(
    original: &[u8],
    correction: &Correction,
    key: &IdKey,
) -> Result<CorrectedMessage, Vec<BrokenRule>> {
    let before = object(original);
    let (member, after) = match correction {
        Correction::Fields(changes) => ("", with_fields(before.as_ref(), changes)?),
        Correction::Message(message) => (MESSAGE, with_rules(&message.0, before.as_ref())?),
    };
    let envelope = Envelope::decode(&bytes(after))
        .map_err(|error| vec![BrokenRule::new(member, error.reason.as_str(), error.detail)])?;
    let was = Envelope::decode(original).ok();
    let broken = held_against(&envelope, was.as_ref(), member, key);
    if !broken.is_empty() {
        return Err(broken);
    }
    let after = object(&envelope.encode()).unwrap_or_default();
    Ok(CorrectedMessage {
        changes: differences(before.unwrap_or_default(), after),
        envelope,
    })
}

/// The message with other fields. Those that are kept must be such that a worker takes them.
fn with_fields(
    before: Option<&Map<String, Value>>,
    changes: &Changes,
) -> Result<Map<String, Value>, Vec<BrokenRule>> {
    let broken = |code, detail: &str| vec![BrokenRule::new("", code, detail)];
    if *changes == Changes::default() {
        let detail = "must have a name, a phone, an e-mail address or a message";
        return Err(broken("changes-nothing", detail));
    }
    let unreadable = || {
        let detail = "the fields of the message cannot be read: give all of it as the member message";
        broken("unreadable", detail)
    };
    let mut message = before.cloned().ok_or_else(unreadable)?;
    let payload = match operation(&message) {
        Some(operation) => payload_of(operation).ok_or_else(|| {
            let detail = "a delete has no fields: it is sent again as it is, or discarded";
            broken("changes-nothing", detail)
        })?,
        None => return Err(unreadable()),
    };
    let fields = message.get_mut(payload).and_then(Value::as_object_mut);
    let fields = fields.ok_or_else(unreadable)?;
    let text = |text: Option<&str>| text.map_or(Value::Null, Value::from);
    let corrections = [
        (
            "name",
            changes.name.as_ref().map(|name| text(Some(name.as_str()))),
        ),
        (
            "phone",
            (changes.phone.as_ref()).map(|phone| text(phone.as_ref().map(Phone::as_str))),
        ),
        (
            "email",
            (changes.email.as_ref()).map(|email| text(email.as_ref().map(Email::as_str))),
        ),
    ];
    let mut faults = Vec::new();
    for (field, correction) in corrections {
        match correction {
            Some(value) => drop(fields.insert(field.to_owned(), value)),
            None if fields.get(field).is_some_and(|kept| !storable(field, kept)) => {
                let detail = "cannot be processed as it stands: it must be corrected, too";
                faults.push(BrokenRule::new(field, "unstorable", detail));
            }
            None => {}
        }
    }
    if faults.is_empty() {
        Ok(message)
    } else {
        Err(faults)
    }
}

/// A whole message, its fields held against the rules of today and brought into their form, but for those that stand so in the
/// original.
fn with_rules(
    text: &str,
    before: Option<&Map<String, Value>>,
) -> Result<Map<String, Value>, Vec<BrokenRule>> {
    let Some(mut message) = object(text.as_bytes()) else {
        let why = Envelope::decode(text.as_bytes()).err();
        let detail = why.map_or_else(|| "must be an envelope".to_owned(), |why| why.detail);
        return Err(vec![BrokenRule::new(MESSAGE, "undecodable", detail)]);
    };
    let Some(payload) = operation(&message).and_then(payload_of) else {
        return Ok(message);
    };
    let mut faults = Vec::new();
    if let Some(fields) = message.get_mut(payload).and_then(Value::as_object_mut) {
        for (field, value) in fields {
            let stood = before.and_then(|before| before.get(payload)?.get(field));
            let Value::String(text) = &*value else { continue };
            if stood == Some(&*value) {
                continue;
            }
            match parsed(field, text) {
                Ok(text) => *value = text.into(),
                Err((code, rule)) => {
                    faults.push(BrokenRule::new(
                        MESSAGE,
                        code,
                        format!("{payload}.{field} {rule}"),
                    ));
                }
            }
        }
    }
    if faults.is_empty() {
        Ok(message)
    } else {
        Err(faults)
    }
}

/// What is to be said of an envelope that a worker would take, beside the original where that was one.
fn held_against(
    envelope: &Envelope,
    was: Option<&Envelope>,
    member: &'static str,
    key: &IdKey,
) -> Vec<BrokenRule> {
    let mut faults = Vec::new();
    let mut broken = |code, detail| faults.push(BrokenRule::new(member, code, detail));
    let command = &envelope.command;
    match was {
        Some(was) => {
            let kept = Envelope {
                command: Command {
                    action: command.action.clone(),
                    ..was.command.clone()
                },
                ..was.clone()
            };
            let same_operation = command.action.operation() == was.command.action.operation();
            if *envelope != kept || !same_operation {
                let detail = "must keep operation, id, contactId, stamp, principal, keyHash, requestHash, ifMatch and traceparent";
                broken("identity-changed", detail);
            } else if envelope == was {
                broken("changes-nothing", "is the message as it stands");
            }
        }
        None => {
            if !key.proves(command.id) {
                broken("foreign-id", "id must be one that contato has issued");
            }
            if !key.proves(command.contact_id) {
                broken("foreign-id", "contactId must be one that contato has issued");
            }
        }
    }
    let unreachable = |action: &Action| matches!(action, Action::Create(contact) if contact.phone.is_none() && contact.email.is_none());
    if unreachable(&command.action) && !was.is_some_and(|was| unreachable(&was.command.action)) {
        broken(
            "phone-or-email-required",
            "must have a phone or an e-mail address",
        );
    }
    faults
}

fn operation(message: &Map<String, Value>) -> Option<Operation> {
    message.get("operation")?.as_str()?.parse().ok()
}

/// The member that has the fields.
fn payload_of(operation: Operation) -> Option<&'static str> {
    match operation {
        Operation::Create => Some("contact"),
        Operation::Update => Some("changes"),
        Operation::Delete => None,
    }
}

/// Whether a worker takes the value of a field.
fn storable(field: &str, value: &Value) -> bool {
    match (field, value) {
        ("name", Value::String(text)) => Name::from_stored(text.clone()).is_some(),
        ("phone", Value::String(text)) => Phone::from_stored(text.clone()).is_some(),
        ("email", Value::String(text)) => Email::from_stored(text.clone()).is_some(),
        ("phone" | "email", Value::Null) => true,
        _ => false,
    }
}

/// The value of a field in the form in which it is stored; else which rule it breaks. What is no field of a contact is left to
/// who decodes the message.
fn parsed(field: &str, text: &str) -> Result<String, (&'static str, String)> {
    match field {
        "name" => Name::parse(text)
            .map(|name| name.as_str().to_owned())
            .map_err(|error| (error.code(), error.to_string())),
        "phone" => Phone::parse(text)
            .map(|phone| phone.as_str().to_owned())
            .map_err(|error| (error.code(), error.to_string())),
        "email" => Email::parse(text)
            .map(|email| email.as_str().to_owned())
            .map_err(|error| (error.code(), error.to_string())),
        _ => Ok(text.to_owned()),
    }
}

fn object(body: &[u8]) -> Option<Map<String, Value>> {
    match serde_json::from_slice(body).ok()? {
        Value::Object(members) => Some(members),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

fn bytes(message: Map<String, Value>) -> Vec<u8> {
    Value::Object(message).to_string().into_bytes()
}

/// What of two messages is not the same, masked.
fn differences(before: Map<String, Value>, after: Map<String, Value>) -> Vec<FieldChange> {
    let masks = |message: &Map<String, Value>| {
        let masked = masked(&bytes(message.clone()));
        masked
            .as_ref()
            .and_then(Value::as_object)
            .cloned()
            .unwrap_or_default()
    };
    let (masked_before, masked_after) = (masks(&before), masks(&after));
    let has_changes = after.contains_key("changes");
    let differ = |field: &&str| {
        let (before, after) = (leaf(&before, field), leaf(&after, field));
        // What is absent is empty, but in an update, which keeps what it does not name.
        let absence_tells = has_changes && FIELDS.contains(field);
        let empty = |value: Option<&Value>| value.is_none_or(Value::is_null);
        before != after && (absence_tells || !(empty(before) && empty(after)))
    };
    all_fields()
        .filter(differ)
        .map(|field| FieldChange {
            field: field.to_owned(),
            before: leaf(&masked_before, field).map(shown),
            after: leaf(&masked_after, field).map(shown),
        })
        .collect()
}

/// All that a difference may be in, in the order in which it is told.
pub(crate) fn all_fields() -> impl Iterator<Item = &'static str> {
    FIELDS.into_iter().chain(["principal"]).chain(SHOWN)
}

/// A field of the contact, or a member of the message.
fn leaf<'a>(message: &'a Map<String, Value>, field: &str) -> Option<&'a Value> {
    if !FIELDS.contains(&field) {
        return message.get(field);
    }
    let payloads = Operation::ALL.into_iter().filter_map(payload_of);
    let mut payloads = payloads.filter_map(|payload| message.get(payload));
    payloads.find_map(|payload| payload.get(field))
}

fn shown(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}
