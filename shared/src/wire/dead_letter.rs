//! [`DeadLetter`]: a message that could not be processed, as a message of ours.
//!
//! It carries all that its collector needs, so it survives brokers and hosts that drop headers.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{VERSION, rfc3339};

/// Why a message became a dead letter. A closed list; the first ten are the worker's, the last three are worked out
/// by the collector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// Not JSON, or not the shape of an envelope.
    Undecodable,
    /// An envelope of a version that this worker does not know.
    UnknownVersion,
    /// An operation that is none of ours.
    UnknownOperation,
    /// Values that SQL cannot hold.
    Unstorable,
    /// More bytes or more envelopes than a message may have.
    TooLarge,
    /// A contact without a row and with an id that is not ours.
    ContactUnknown,
    /// Stamped too far ahead of the worker's clock.
    StampAhead,
    /// A command id that had ended with another request.
    IdConflict,
    /// SQL refused it at every attempt.
    StoreRefused,
    /// Handling it panicked.
    HandlerPanic,
    /// The broker gave up after too many deliveries.
    DeliveryLimit,
    /// The broker let it expire.
    Expired,
    /// Dead-lettered by the broker for no reason that we know.
    Unknown,
}

impl Reason {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::Undecodable,
        Self::UnknownVersion,
        Self::UnknownOperation,
        Self::Unstorable,
        Self::TooLarge,
        Self::ContactUnknown,
        Self::StampAhead,
        Self::IdConflict,
        Self::StoreRefused,
        Self::HandlerPanic,
        Self::DeliveryLimit,
        Self::Expired,
        Self::Unknown,
    ];

    /// The code on the wire, in SQL, in metrics and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Undecodable => "undecodable",
            Self::UnknownVersion => "unknown-version",
            Self::UnknownOperation => "unknown-operation",
            Self::Unstorable => "unstorable",
            Self::TooLarge => "too-large",
            Self::ContactUnknown => "contact-unknown",
            Self::StampAhead => "stamp-ahead",
            Self::IdConflict => "id-conflict",
            Self::StoreRefused => "store-refused",
            Self::HandlerPanic => "handler-panic",
            Self::DeliveryLimit => "delivery-limit",
            Self::Expired => "expired",
            Self::Unknown => "unknown",
        }
    }

    /// The reason of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == code)
    }
}

impl std::fmt::Display for Reason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The original bytes of a dead letter.
#[derive(Clone, PartialEq, Eq)]
pub struct Payload(pub Vec<u8>);

/// Personal data stays out of logs: only the length is shown.
impl std::fmt::Debug for Payload {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Payload({} bytes)", self.0.len())
    }
}

/// A message that could not be processed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    /// Why.
    pub reason: Reason,
    /// What exactly, without anything of the content.
    pub detail: String,
    /// The attempt that failed, from 1.
    pub attempt: u32,
    /// How often it had been replayed before, from 0.
    pub replay: u32,
    /// When it failed.
    pub failed_at: DateTime<Utc>,
    /// The worker that gave it up.
    pub worker: String,
    /// The W3C trace context of the request, where known.
    pub traceparent: Option<String>,
    /// The content type that the message had.
    pub content_type: String,
    /// The bytes of the message.
    pub payload: Payload,
}

/// The bytes are not a dead letter of ours: the broker made it, or somebody else did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a dead letter of a known version")]
pub struct DeadLetterError;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeadLetterV1 {
    v: u64,
    reason: Reason,
    detail: String,
    attempt: u32,
    replay: u32,
    failed_at: String,
    worker: String,
    traceparent: Option<String>,
    content_type: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body_base64: Option<String>,
}

impl DeadLetter {
    /// The AMQP `type` of a dead letter.
    pub const MESSAGE_TYPE: &'static str = "contato.dead-letter";

    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        let text = std::str::from_utf8(&self.payload.0).ok();
        let wire = DeadLetterV1 {
            v: VERSION,
            reason: self.reason,
            detail: self.detail.clone(),
            attempt: self.attempt,
            replay: self.replay,
            failed_at: rfc3339(self.failed_at),
            worker: self.worker.clone(),
            traceparent: self.traceparent.clone(),
            content_type: self.content_type.clone(),
            body: text.map(str::to_owned),
            body_base64: text.is_none().then(|| BASE64.encode(&self.payload.0)),
        };
        serde_json::to_vec(&wire).expect("strings and numbers always become JSON")
    }

    /// Reads a dead letter.
    ///
    /// # Errors
    /// If the bytes are no dead letter of a known version.
    pub fn decode(body: &[u8]) -> Result<Self, DeadLetterError> {
        let wire: DeadLetterV1 = serde_json::from_slice(body).map_err(|_| DeadLetterError)?;
        let payload = match (wire.body, wire.body_base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(text)) => BASE64.decode(text).map_err(|_| DeadLetterError)?,
            _ => return Err(DeadLetterError),
        };
        if wire.v != VERSION {
            return Err(DeadLetterError);
        }
        Ok(Self {
            reason: wire.reason,
            detail: wire.detail,
            attempt: wire.attempt,
            replay: wire.replay,
            failed_at: DateTime::parse_from_rfc3339(&wire.failed_at)
                .map_err(|_| DeadLetterError)?
                .with_timezone(&Utc),
            worker: wire.worker,
            traceparent: wire.traceparent,
            content_type: wire.content_type,
            payload: Payload(payload),
        })
    }
}
