//! Dead letters between rows and what the rest of the code sees.

use chrono::{DateTime, Utc};
use sea_orm::{FromQueryResult, Set};
use uuid::Uuid;

use super::{Collected, DeadCommand, DeadLetterState, StoredDeadLetter};
use crate::{
    clock::time_of_ms,
    domain::{CommandId, ContactId},
    payload_keys::SealedPayload,
    store::{
        StoreError,
        commands::DEAD_LETTERED,
        corrupt,
        entities::{
            commands as command_rows,
            dead_letters::{ActiveModel, Model},
        },
        sql_time,
    },
    wire::{DeadLetter, Payload, Reason},
};

/// A row without its body: lists of many must not load megabytes.
#[derive(FromQueryResult)]
pub(super) struct Listed {
    id: Uuid,
    command_id: Option<Uuid>,
    contact_id: Option<Uuid>,
    operation: Option<String>,
    reason: String,
    detail: String,
    fingerprint: String,
    attempt: i32,
    replay: i32,
    failed_at: DateTime<Utc>,
    received_at: DateTime<Utc>,
    worker: String,
    traceparent: Option<String>,
    content_type: String,
    body_bytes: i32,
    state: String,
    state_changed_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
    replaced_by: Option<Uuid>,
    erased: bool,
}

pub(super) fn command_row(
    command: &DeadCommand,
    letter: &DeadLetter,
    now: DateTime<Utc>,
) -> command_rows::ActiveModel {
    command_rows::ActiveModel {
        id: Set(command.id.as_uuid()),
        contact_id: Set(command.contact_id.as_uuid()),
        operation: Set(command.operation.as_str().to_owned()),
        status: Set(DEAD_LETTERED.to_owned()),
        reason: Set(Some(letter.reason.as_str().to_owned())),
        request_hash: Set(command.request_hash.as_bytes().to_vec()),
        key_hash: Set(None),
        accepted_at: Set(time_of_ms(command.stamp.ms())),
        finished_at: Set(now),
        attempts: Set(letter.attempt.try_into().unwrap_or(i32::MAX)),
    }
}

/// A new row. `body` is `None` if its contact is deleted.
pub(super) fn row(collected: &Collected, body: Option<SealedPayload>, now: DateTime<Utc>) -> ActiveModel {
    let Collected { letter, command, .. } = collected;
    let (body, body_key) = match body {
        Some(sealed) => (Some(sealed.bytes), sealed.key),
        None => (None, None),
    };
    let bytes = letter.payload.0.len();
    ActiveModel {
        id: Set(collected.id),
        identity: Set(collected.identity.to_vec()),
        command_id: Set(command.map(|command| command.id.as_uuid())),
        contact_id: Set(command.map(|command| command.contact_id.as_uuid())),
        operation: Set(command.map(|command| command.operation.as_str().to_owned())),
        reason: Set(letter.reason.as_str().to_owned()),
        detail: Set(letter.detail.clone()),
        fingerprint: Set(collected.fingerprint.clone()),
        attempt: Set(letter.attempt.try_into().unwrap_or(i32::MAX)),
        replay: Set(letter.replay.try_into().unwrap_or(i32::MAX)),
        failed_at: Set(sql_time(letter.failed_at)),
        received_at: Set(now),
        worker: Set(letter.worker.clone()),
        traceparent: Set(letter.traceparent.clone()),
        content_type: Set(letter.content_type.clone()),
        body: Set(body),
        body_key: Set(body_key),
        body_bytes: Set(bytes.try_into().unwrap_or(i32::MAX)),
        state: Set(DeadLetterState::Open.stored().to_owned()),
        state_changed_at: Set(now),
        archived_at: Set(None),
        replaced_by: Set(None),
    }
}

impl TryFrom<Model> for StoredDeadLetter {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let body = row.body.map(|bytes| SealedPayload {
            key: row.body_key,
            bytes,
        });
        let mut stored = Self::try_from(Listed {
            id: row.id,
            command_id: row.command_id,
            contact_id: row.contact_id,
            operation: row.operation,
            reason: row.reason,
            detail: row.detail,
            fingerprint: row.fingerprint,
            attempt: row.attempt,
            replay: row.replay,
            failed_at: row.failed_at,
            received_at: row.received_at,
            worker: row.worker,
            traceparent: row.traceparent,
            content_type: row.content_type,
            body_bytes: row.body_bytes,
            state: row.state,
            state_changed_at: row.state_changed_at,
            archived_at: row.archived_at,
            replaced_by: row.replaced_by,
            erased: body.is_none(),
        })?;
        stored.body = body;
        Ok(stored)
    }
}

impl TryFrom<Listed> for StoredDeadLetter {
    type Error = StoreError;

    fn try_from(row: Listed) -> Result<Self, StoreError> {
        let operation = row.operation.map(|operation| operation.parse()).transpose();
        let state = DeadLetterState::from_word(&row.state).ok_or_else(|| corrupt("dead letter"))?;
        let state = match state {
            DeadLetterState::Open if row.archived_at.is_some() => DeadLetterState::Archived,
            DeadLetterState::Discarded if row.replaced_by.is_some() => DeadLetterState::Replaced,
            state => state,
        };
        Ok(Self {
            id: row.id,
            command_id: row.command_id.map(CommandId::from_uuid),
            contact_id: row.contact_id.map(ContactId::from_uuid),
            operation: operation.map_err(|_| corrupt("operation"))?,
            fingerprint: row.fingerprint,
            state,
            state_changed_at: row.state_changed_at,
            received_at: row.received_at,
            body_bytes: row.body_bytes.try_into().unwrap_or_default(),
            body: None,
            erased: row.erased,
            replaced_by: row.replaced_by,
            letter: DeadLetter {
                reason: Reason::from_code(&row.reason).ok_or_else(|| corrupt("reason"))?,
                detail: row.detail,
                attempt: row.attempt.try_into().unwrap_or_default(),
                replay: row.replay.try_into().unwrap_or_default(),
                failed_at: row.failed_at,
                worker: row.worker,
                traceparent: row.traceparent,
                content_type: row.content_type,
                payload: Payload(Vec::new()),
            },
        })
    }
}
