//! The versioned wire format: [`Envelope`] (a command on the queue) and [`DeadLetter`] (a message that could not be
//! processed).
//!
//! JSON in UTF-8. What was ever emitted is decoded for ever; `tests/wire/v1/` holds an example of each shape. The
//! wire structs are private to this module: the rest of the code sees domain types.
//!
//! **Invariant:** no error text in here repeats anything of a message's content.

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::value::RawValue;

use crate::domain::{
    Action, Changes, Command, ETag, Email, Entry, IdKey, IfMatch, KeyHash, Name, NewContact, Operation,
    Phone, Rejection, RequestHash,
};

mod dead_letter;
mod traceparent;

pub use self::{
    dead_letter::{DeadLetter, DeadLetterError, Payload, Reason},
    traceparent::is_traceparent,
};

/// The version that is emitted.
pub const VERSION: u64 = 1;
/// The most envelopes in one message.
pub const MAX_ENVELOPES: usize = 500;
/// The largest message, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 256 * 1024;
/// The longest principal, in characters.
pub const MAX_PRINCIPAL_CHARS: usize = 255;
/// The longest `traceparent` (W3C Trace Context), in characters.
pub const MAX_TRACEPARENT_CHARS: usize = 128;

/// A command on the wire, with what travels beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// The command.
    pub command: Command,
    /// Who asked for it; empty while nobody had to say.
    pub principal: String,
    /// The hash of principal and idempotency key, if there was one.
    pub key_hash: Option<KeyHash>,
    /// The hash of the request.
    pub request_hash: RequestHash,
    /// The W3C trace context of the request.
    pub traceparent: Option<String>,
}

/// Why bytes are not an envelope. The reasons are those of the dead letter that follows.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}: {detail}")]
pub struct DecodeError {
    /// The reason.
    pub reason: Reason,
    /// What is wrong and where; never what was in the message.
    pub detail: String,
}

impl DecodeError {
    fn new(reason: Reason, detail: impl Into<String>) -> Self {
        Self {
            reason,
            detail: detail.into(),
        }
    }

    fn json(error: &serde_json::Error) -> Self {
        let what = match error.classify() {
            serde_json::error::Category::Syntax => "not JSON",
            serde_json::error::Category::Eof => "the JSON ends too early",
            serde_json::error::Category::Data | serde_json::error::Category::Io => {
                "not the shape of an envelope"
            }
        };
        let detail = format!("{what} at line {}, column {}", error.line(), error.column());
        Self::new(Reason::Undecodable, detail)
    }
}

/// The AMQP `type` of an array of envelopes.
pub const MESSAGE_TYPE_BATCH: &str = "contato.batch";

/// The body of a message that carries these envelopes, each as [`Envelope::encode`] gives it: at most [`MAX_ENVELOPES`],
/// and [`MAX_MESSAGE_BYTES`] in all.
pub fn encode_batch(envelopes: &[Vec<u8>]) -> Vec<u8> {
    [b"[", envelopes.join(&b',').as_slice(), b"]"].concat()
}

/// One element of a message: its bytes as they stood, and the envelope in them or why there is none.
#[derive(Clone, Debug)]
pub struct Element<'a> {
    /// The bytes of this element.
    pub body: &'a [u8],
    /// What they say.
    pub envelope: Result<Envelope, DecodeError>,
}

/// Splits a message body, one envelope or an array of them, into its elements. Poison in an array is isolated per
/// element; a message that as a whole is no such thing is one poisonous element.
pub fn decode_message(body: &[u8]) -> Vec<Element<'_>> {
    let whole = |error| {
        vec![Element {
            body,
            envelope: Err(error),
        }]
    };
    let is_array = body.iter().find(|byte| !byte.is_ascii_whitespace()) == Some(&b'[');
    if !is_array {
        return vec![Element {
            body,
            envelope: Envelope::decode(body),
        }];
    }
    if body.len() > MAX_MESSAGE_BYTES {
        return whole(DecodeError::new(
            Reason::TooLarge,
            format!("an array of over {MAX_MESSAGE_BYTES} bytes"),
        ));
    }
    let elements: Vec<&RawValue> = match serde_json::from_slice(body) {
        Ok(elements) => elements,
        Err(error) => return whole(DecodeError::json(&error)),
    };
    if elements.len() > MAX_ENVELOPES {
        return whole(DecodeError::new(
            Reason::TooLarge,
            format!("an array of over {MAX_ENVELOPES} envelopes"),
        ));
    }
    if elements.is_empty() {
        return whole(DecodeError::new(Reason::Undecodable, "an array of no envelopes"));
    }
    let decode = |element: &'_ &RawValue| Envelope::decode(element.get().as_bytes());
    elements
        .iter()
        .map(|element| Element {
            body: element.get().as_bytes(),
            envelope: decode(element),
        })
        .collect()
}

impl Envelope {
    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        serde_json::to_vec(&EnvelopeV1::from(self)).expect("strings and numbers always become JSON")
    }

    /// Reads one envelope.
    ///
    /// # Errors
    /// With the reason for the dead letter: not JSON or another shape, an unknown version or operation, or values
    /// that SQL cannot hold.
    pub fn decode(body: &[u8]) -> Result<Self, DecodeError> {
        if body.len() > MAX_MESSAGE_BYTES {
            return Err(DecodeError::new(
                Reason::TooLarge,
                format!("over {MAX_MESSAGE_BYTES} bytes"),
            ));
        }
        match serde_json::from_slice::<EnvelopeV1>(body) {
            Ok(wire) if wire.v == VERSION => Self::try_from(wire),
            Ok(wire) => Err(unknown_version(wire.v)),
            Err(error) => Err(Self::why_not(body, &error)),
        }
    }

    /// The command as the inbox takes it, at an attempt (from 1).
    pub fn entry(&self, attempt: u32, key: &IdKey) -> Entry {
        Entry {
            command: self.command.clone(),
            key_hash: self.key_hash,
            request_hash: self.request_hash,
            contact_is_ours: key.proves(self.command.contact_id),
            attempt,
        }
    }

    /// Tells an unknown version or operation from a broken shape.
    fn why_not(body: &[u8], error: &serde_json::Error) -> DecodeError {
        match serde_json::from_slice::<Probe>(body) {
            Ok(Probe { v, .. }) if v != VERSION => unknown_version(v),
            Ok(Probe {
                operation: Some(operation),
                ..
            }) if operation.parse::<Operation>().is_err() => DecodeError::new(
                Reason::UnknownOperation,
                "the operation is none of create, update, delete",
            ),
            _ => DecodeError::json(error),
        }
    }
}

fn unknown_version(v: u64) -> DecodeError {
    DecodeError::new(
        Reason::UnknownVersion,
        format!("version {v} is not known to this worker, {VERSION} is"),
    )
}

/// What decides how the rest is read.
#[derive(Deserialize)]
struct Probe {
    v: u64,
    operation: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EnvelopeV1 {
    v: u64,
    operation: OperationV1,
    id: String,
    contact_id: String,
    stamp: String,
    principal: String,
    key_hash: Option<String>,
    request_hash: String,
    if_match: Option<IfMatchV1>,
    traceparent: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<ContactV1>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    changes: Option<ChangesV1>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum OperationV1 {
    Create,
    Update,
    Delete,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum IfMatchV1 {
    Any(String),
    Tags(Vec<String>),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ContactV1 {
    name: String,
    phone: Option<String>,
    email: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangesV1 {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    phone: Option<Option<String>>,
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    email: Option<Option<String>>,
}

/// Tells a member that is `null` from one that is absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(deserializer).map(Some)
}

const ANY: &str = "*";

impl From<&Envelope> for EnvelopeV1 {
    fn from(envelope: &Envelope) -> Self {
        let command = &envelope.command;
        let text = |value: &str| value.to_owned();
        let (contact, changes) = match &command.action {
            Action::Create(contact) => {
                let contact = ContactV1 {
                    name: text(contact.name.as_str()),
                    phone: contact.phone.as_ref().map(|phone| text(phone.as_str())),
                    email: contact.email.as_ref().map(|email| text(email.as_str())),
                };
                (Some(contact), None)
            }
            Action::Update(changes) => {
                let changes = ChangesV1 {
                    name: changes.name.as_ref().map(|name| text(name.as_str())),
                    phone: changes
                        .phone
                        .as_ref()
                        .map(|phone| phone.as_ref().map(|phone| text(phone.as_str()))),
                    email: changes
                        .email
                        .as_ref()
                        .map(|email| email.as_ref().map(|email| text(email.as_str()))),
                };
                (None, Some(changes))
            }
            Action::Delete => (None, None),
        };
        Self {
            v: VERSION,
            operation: match command.action.operation() {
                Operation::Create => OperationV1::Create,
                Operation::Update => OperationV1::Update,
                Operation::Delete => OperationV1::Delete,
            },
            id: command.id.to_string(),
            contact_id: command.contact_id.to_string(),
            stamp: command.stamp.to_string(),
            principal: envelope.principal.clone(),
            key_hash: envelope.key_hash.map(|hash| hash.to_string()),
            request_hash: envelope.request_hash.to_string(),
            if_match: command.if_match.as_ref().map(|condition| match condition {
                IfMatch::Any => IfMatchV1::Any(ANY.to_owned()),
                IfMatch::Tags(tags) => IfMatchV1::Tags(tags.iter().map(ETag::to_string).collect()),
            }),
            traceparent: envelope.traceparent.clone(),
            contact,
            changes,
        }
    }
}

impl TryFrom<EnvelopeV1> for Envelope {
    type Error = DecodeError;

    fn try_from(wire: EnvelopeV1) -> Result<Self, DecodeError> {
        let undecodable = |what: &str| DecodeError::new(Reason::Undecodable, what);
        let action = match (wire.operation, wire.contact, wire.changes) {
            (OperationV1::Create, Some(contact), None) => Action::Create(contact.try_into()?),
            (OperationV1::Update, None, Some(changes)) => Action::Update(changes.try_into()?),
            (OperationV1::Delete, None, None) => Action::Delete,
            (OperationV1::Create, ..) => return Err(undecodable("a create has a contact and nothing else")),
            (OperationV1::Update, ..) => return Err(undecodable("an update has changes and nothing else")),
            (OperationV1::Delete, ..) => return Err(undecodable("a delete has neither contact nor changes")),
        };
        let command = Command {
            id: wire.id.parse().map_err(|_| undecodable("id is not a UUID"))?,
            contact_id: wire
                .contact_id
                .parse()
                .map_err(|_| undecodable("contactId is not a UUID"))?,
            stamp: wire
                .stamp
                .parse()
                .map_err(|_| undecodable("stamp is not 16 hexadecimal digits"))?,
            if_match: wire.if_match.map(IfMatch::try_from).transpose()?,
            action,
        };
        let key_hash = wire.key_hash.map(|hash| hash.parse()).transpose();
        let envelope = Self {
            command,
            principal: wire.principal,
            key_hash: key_hash.map_err(|_| undecodable("keyHash is not 32 hexadecimal digits"))?,
            request_hash: wire
                .request_hash
                .parse()
                .map_err(|_| undecodable("requestHash is not 32 hexadecimal digits"))?,
            traceparent: wire.traceparent,
        };
        if envelope.principal.contains('\0') || envelope.principal.chars().count() > MAX_PRINCIPAL_CHARS {
            return Err(unstorable("principal"));
        }
        if envelope
            .traceparent
            .as_ref()
            .is_some_and(|text| text.chars().count() > MAX_TRACEPARENT_CHARS || text.contains('\0'))
        {
            return Err(unstorable("traceparent"));
        }
        if !envelope.command.has_its_contact(envelope.key_hash) {
            let detail = "contactId is not the contact that this create may make";
            return Err(DecodeError::new(Reason::Unstorable, detail));
        }
        Ok(envelope)
    }
}

impl TryFrom<IfMatchV1> for IfMatch {
    type Error = DecodeError;

    fn try_from(wire: IfMatchV1) -> Result<Self, DecodeError> {
        let undecodable = || {
            let detail = format!("ifMatch is neither \"*\" nor 1 to {} entity tags", Self::MAX_TAGS);
            DecodeError::new(Reason::Undecodable, detail)
        };
        match wire {
            IfMatchV1::Any(any) if any == ANY => Ok(Self::Any),
            IfMatchV1::Tags(tags) if (1..=Self::MAX_TAGS).contains(&tags.len()) => {
                let tags: Result<_, _> = tags.iter().map(|tag| tag.parse()).collect();
                tags.map(Self::Tags).map_err(|_| undecodable())
            }
            IfMatchV1::Any(_) | IfMatchV1::Tags(_) => Err(undecodable()),
        }
    }
}

fn unstorable(member: &str) -> DecodeError {
    DecodeError::new(
        Reason::Unstorable,
        format!("SQL cannot hold {member}: wrong form or too long"),
    )
}

fn stored_name(text: String) -> Result<Name, DecodeError> {
    Name::from_stored(text).ok_or_else(|| unstorable("name"))
}

fn stored_phone(text: String) -> Result<Phone, DecodeError> {
    Phone::from_stored(text).ok_or_else(|| unstorable("phone"))
}

fn stored_email(text: String) -> Result<Email, DecodeError> {
    Email::from_stored(text).ok_or_else(|| unstorable("email"))
}

impl TryFrom<ContactV1> for NewContact {
    type Error = DecodeError;

    fn try_from(wire: ContactV1) -> Result<Self, DecodeError> {
        Ok(Self {
            name: stored_name(wire.name)?,
            phone: wire.phone.map(stored_phone).transpose()?,
            email: wire.email.map(stored_email).transpose()?,
        })
    }
}

impl TryFrom<ChangesV1> for Changes {
    type Error = DecodeError;

    fn try_from(wire: ChangesV1) -> Result<Self, DecodeError> {
        Ok(Self {
            name: wire.name.map(stored_name).transpose()?,
            phone: wire
                .phone
                .map(|phone| phone.map(stored_phone).transpose())
                .transpose()?,
            email: wire
                .email
                .map(|email| email.map(stored_email).transpose())
                .transpose()?,
        })
    }
}

/// A time as it stands in JSON: RFC 3339, UTC, milliseconds.
pub fn rfc3339(time: DateTime<Utc>) -> String {
    time.trunc_subsecs(3).to_rfc3339_opts(SecondsFormat::Millis, true)
}

/// How a command stands, as told to clients and kept in SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CommandStatus {
    /// Issued, no outcome recorded.
    Pending,
    /// Ended: it did what it asked for.
    Applied,
    /// Ended: newer commands had decided everything it sets.
    Superseded,
    /// Ended: a business answer.
    Rejected(Rejection),
    /// Waits as a dead letter for a person or a policy.
    DeadLettered,
}

impl CommandStatus {
    /// The word in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Applied => "applied",
            Self::Superseded => "superseded",
            Self::Rejected(_) => "rejected",
            Self::DeadLettered => "deadLettered",
        }
    }
}
