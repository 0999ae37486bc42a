//! Accepting a command: ids, envelope, publish.
//!
//! **Invariant:** an [`Accepted`] exists only after the broker has confirmed the command.

use actix_web::web::Data;
use chrono::{DateTime, Utc};
use shared::{
    clock::time_of_ms,
    domain::{Action, Command, CommandId, ContactId, IdKey, IssuedIds, KeyHash, Operation, RequestHash},
    http::{access::Caller, problem::Problem},
    planned_fault::{Place, pass},
    wire::Envelope,
};

use crate::{api::Api, idempotency_key::IdempotencyKey, received::Received, server::CONTACTS};

/// Who asks where nobody has to say.
const NOBODY: &str = "";

/// Which contact a command is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// The one it makes.
    New,
    /// This one.
    Existing(ContactId),
}

/// A command that the broker has stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// Which command.
    pub id: CommandId,
    /// What it does.
    pub operation: Operation,
    /// Which contact.
    pub contact_id: ContactId,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
}

/// The hashes and ids of a request with an idempotency key.
struct Keyed {
    key_hash: KeyHash,
    ids: IssuedIds,
}

/// Publishes a command.
///
/// # Errors
/// `contact-not-found` or `store-unavailable` for a contact id that is not one of ours; `broker-unavailable` or
/// `publish-unconfirmed` without a confirm.
pub async fn accept(
    api: &Data<Api>,
    caller: &Caller,
    received: &Received,
    action: Action,
    target: Target,
) -> Result<Accepted, Problem> {
    if let Target::Existing(contact) = target {
        must_be_known(api, contact).await?;
    }
    let sending = api.sending();
    let mut envelope = envelope(api, caller.principal(), received, action, target);
    envelope.traceparent = sending.traceparent().or(envelope.traceparent);
    let Command {
        id,
        contact_id,
        stamp,
        ref action,
        ..
    } = envelope.command;
    let operation = action.operation();
    let outcome = api.coalescer.publish(&envelope, sending).await;
    api.metrics.published(operation, 1, outcome);
    outcome.map_err(|error| Problem::publish(error, id))?;
    pass(Place::PublishedNotAnswered);
    Ok(Accepted {
        id,
        operation,
        contact_id,
        accepted_at: time_of_ms(stamp.ms()),
    })
}

/// The only read on the way of a write, and only for an id without our tag.
async fn must_be_known(api: &Data<Api>, contact: ContactId) -> Result<(), Problem> {
    if api.id_key().proves(contact) {
        return Ok(());
    }
    let store = api.store.clone();
    let found = api
        .runtime
        .run(async move { store.contact_has_row(contact).await })
        .await;
    match found {
        Ok(true) => Ok(()),
        Ok(false) => Err(Problem::contact_not_found()),
        Err(error) => Err(Problem::store(&error)),
    }
}

fn envelope(api: &Api, principal: &str, received: &Received, action: Action, target: Target) -> Envelope {
    let ids = api.id_key();
    let request_hash = ids.request_hash(
        principal,
        &received.method,
        &received.path,
        &received.if_match_text,
        &received.body,
    );
    let keyed = received
        .key
        .as_ref()
        .map(|key| keyed(ids, principal, key, request_hash));
    let issued = match &keyed {
        Some(keyed) => keyed.ids,
        None => api.ids.issue(api.clock.now_ms(), rand::random()),
    };
    let command = Command {
        id: issued.command,
        contact_id: match target {
            Target::New => issued.contact,
            Target::Existing(contact) => contact,
        },
        stamp: api.stamps.next(),
        if_match: received.if_match.clone(),
        action,
    };
    Envelope {
        command,
        principal: principal.to_owned(),
        key_hash: keyed.map(|keyed| keyed.key_hash),
        request_hash,
        traceparent: received.traceparent.clone(),
    }
}

fn keyed(ids: &IdKey, principal: &str, key: &IdempotencyKey, request: RequestHash) -> Keyed {
    let key_hash = ids.key_hash(principal, key.as_str());
    Keyed {
        key_hash,
        ids: IssuedIds {
            command: ids.keyed_command_id(key_hash, request),
            contact: ids.keyed_contact_id(key_hash),
        },
    }
}

/// The ids that the API answers to a `POST /v1/contacts` with this `Idempotency-Key` and exactly these bytes as body, no
/// `If-Match`, and nobody who had to say who they are. `None` if the key is not one.
pub fn ids_of_keyed_create(ids: &IdKey, idempotency_key: &str, body: &[u8]) -> Option<IssuedIds> {
    let key = IdempotencyKey::parse(idempotency_key)?;
    let request = ids.request_hash(NOBODY, "POST", CONTACTS, "", body);
    Some(keyed(ids, NOBODY, &key, request).ids)
}
