//! From a message of `contato.dlq` to rows: what kind of dead letter it is, whose command, and what groups it with its
//! like.
//!
//! Our workers send dead letters of ours. What the broker dead-letters by itself (delivery limit, expiry, a rejection) comes
//! raw, as it was published; an array of envelopes is then split into its elements.

use std::panic::AssertUnwindSafe;

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use shared::{
    broker::{BrokerReason, Delivery, Message},
    store::dead_letters::{Collected, DeadCommand},
    wire::{DeadLetter, DecodeError, Envelope, Payload, Reason, decode_message},
};
use uuid::Uuid;

/// Who gave up what the broker dead-lettered by itself.
const BROKER: &str = "broker";

/// A message that came to the dead letters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    /// The message.
    pub(crate) message: &'a Message,
    /// Why the broker moved it, if the broker did.
    pub(crate) broker_reason: Option<BrokerReason>,
}

impl<'a> From<&'a Delivery> for Arrived<'a> {
    fn from(delivery: &'a Delivery) -> Self {
        Self {
            message: &delivery.message,
            broker_reason: delivery.broker_reason,
        }
    }
}

/// What a message holds, to be stored. If reading it panics it is kept whole: what is poison to the worker's reader is
/// poison to this one.
pub(crate) fn collect(arrived: Arrived<'_>, now: DateTime<Utc>) -> Vec<Collected> {
    std::panic::catch_unwind(AssertUnwindSafe(|| read(arrived, now))).unwrap_or_else(|_| {
        let detail = "reading the message panicked".to_owned();
        vec![collected(
            letter(
                arrived,
                now,
                Reason::HandlerPanic,
                detail,
                None,
                &arrived.message.body,
            ),
            None,
        )]
    })
}

fn read(arrived: Arrived<'_>, now: DateTime<Utc>) -> Vec<Collected> {
    let message = arrived.message;
    match DeadLetter::decode(&message.body) {
        Ok(letter) => {
            let command = command_in(&letter.payload.0);
            vec![collected(letter, command)]
        }
        Err(_) => raw(arrived, now),
    }
}

fn raw(arrived: Arrived<'_>, now: DateTime<Utc>) -> Vec<Collected> {
    decode_message(&arrived.message.body)
        .into_iter()
        .map(|element| {
            let (reason, detail) = why(arrived.broker_reason, element.envelope.as_ref().err());
            let envelope = element.envelope.ok();
            let traceparent = envelope
                .as_ref()
                .and_then(|envelope| envelope.traceparent.clone());
            let command = envelope.as_ref().map(command_of);
            collected(
                letter(arrived, now, reason, detail, traceparent, element.body),
                command,
            )
        })
        .collect()
}

/// A dead letter of what came raw.
fn letter(
    arrived: Arrived<'_>,
    now: DateTime<Utc>,
    reason: Reason,
    detail: String,
    traceparent: Option<String>,
    body: &[u8],
) -> DeadLetter {
    let message = arrived.message;
    DeadLetter {
        reason,
        detail,
        attempt: message.attempt,
        replay: message.replay,
        failed_at: now,
        worker: BROKER.to_owned(),
        traceparent,
        content_type: message.content_type.clone(),
        payload: Payload(body.to_vec()),
    }
}

/// The reason of what the broker dead-lettered: the broker's word for it, or what is wrong with the bytes.
fn why(broker: Option<BrokerReason>, fault: Option<&DecodeError>) -> (Reason, String) {
    match (broker, fault) {
        (Some(BrokerReason::DeliveryLimit), _) => {
            let detail = "delivered too often without being settled: the worker may not survive it";
            (Reason::DeliveryLimit, detail.to_owned())
        }
        (Some(BrokerReason::Expired), _) => (Reason::Expired, "its time to live had passed".to_owned()),
        (_, Some(fault)) => (fault.reason, fault.detail.clone()),
        (Some(BrokerReason::Rejected | BrokerReason::Other) | None, None) => (
            Reason::Unknown,
            "came to the dead letters without a reason".to_owned(),
        ),
    }
}

fn command_in(body: &[u8]) -> Option<DeadCommand> {
    let envelope = Envelope::decode(body).ok()?;
    Some(command_of(&envelope))
}

/// What a message becomes if it fails once more, after so many replays: its command, where one can be read, and the identity
/// of that dead letter.
pub(crate) fn next_failure(body: &[u8], replay: u32) -> (Option<DeadCommand>, [u8; 32]) {
    // What panics when it is read is kept whole, without a command.
    let command = std::panic::catch_unwind(|| command_in(body)).unwrap_or_default();
    (command, identity(body, command.as_ref(), replay))
}

/// The command in an envelope.
pub(crate) fn command_of(envelope: &Envelope) -> DeadCommand {
    DeadCommand {
        id: envelope.command.id,
        contact_id: envelope.command.contact_id,
        operation: envelope.command.action.operation(),
        stamp: envelope.command.stamp,
        request_hash: envelope.request_hash,
    }
}

fn collected(letter: DeadLetter, command: Option<DeadCommand>) -> Collected {
    Collected {
        id: Uuid::now_v7(),
        identity: identity(&letter.payload.0, command.as_ref(), letter.replay),
        fingerprint: fingerprint(&letter, command.as_ref()),
        command,
        letter,
    }
}

/// A hash of (command id or body, request hash, replay): a second failure after a replay is new, a second copy is not.
fn identity(body: &[u8], command: Option<&DeadCommand>, replay: u32) -> [u8; 32] {
    let mut hash = Sha256::new();
    match command {
        Some(command) => {
            hash.update(b"command");
            hash.update(command.id.as_uuid().as_bytes());
            hash.update(command.request_hash.as_bytes());
        }
        None => {
            hash.update(b"body");
            hash.update(Sha256::digest(body));
        }
    }
    hash.update(replay.to_be_bytes());
    hash.finalize().into()
}

/// What groups dead letters: a hash of reason, operation and detail with its variable parts (numbers) removed.
fn fingerprint(letter: &DeadLetter, command: Option<&DeadCommand>) -> String {
    let detail: String = letter.detail.chars().filter(|c| !c.is_ascii_digit()).collect();
    let operation = command.map_or("", |command| command.operation.as_str());
    let digest = Sha256::digest(format!("{}\0{operation}\0{detail}", letter.reason));
    digest[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn undecodable(detail: &str, replay: u32, body: &[u8]) -> DeadLetter {
        DeadLetter {
            reason: Reason::Undecodable,
            detail: detail.to_owned(),
            attempt: 1,
            replay,
            failed_at: DateTime::UNIX_EPOCH,
            worker: "w".to_owned(),
            traceparent: None,
            content_type: String::new(),
            payload: Payload(body.to_vec()),
        }
    }

    #[test]
    fn copies_are_one_and_a_failure_after_a_replay_is_new() {
        let first = collected(undecodable("not JSON at line 1", 0, b"x"), None);
        let copy = collected(undecodable("not JSON at line 1", 0, b"x"), None);
        assert_eq!(first.identity, copy.identity);
        assert_ne!(
            first.identity,
            collected(undecodable("not JSON at line 1", 1, b"x"), None).identity
        );
        assert_ne!(
            first.identity,
            collected(undecodable("not JSON at line 1", 0, b"y"), None).identity
        );
    }

    #[test]
    fn the_next_failure_is_known_before_it_comes() {
        let again = collected(undecodable("not JSON", 3, b"x"), None);
        assert_eq!(next_failure(b"x", 3), (None, again.identity));
    }

    #[test]
    fn groups_ignore_numbers() {
        let group = |detail| collected(undecodable(detail, 0, b"x"), None).fingerprint;
        assert_eq!(
            group("not JSON at line 1, column 7"),
            group("not JSON at line 22, column 1")
        );
        assert_ne!(group("not JSON"), group("another shape"));
    }
}
