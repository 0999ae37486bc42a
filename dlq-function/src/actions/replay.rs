//! Sending one dead letter again.

use shared::{
    broker::{CONTENT_TYPE_JSON, Message, Queue},
    planned_fault::{Place, pass},
    store::{
        audit::{Act, Entry},
        dead_letters::{DeadLetterState, StoredDeadLetter},
    },
    wire::Payload,
};
use uuid::Uuid;

use super::{ActionError, Actions, By};

impl Actions {
    /// Sends a dead letter's command again, under its own command id.
    pub(crate) async fn replay(&self, id: Uuid, by: &By) -> Result<(), ActionError> {
        let found = self.store.dead_letter(id).await?.ok_or(ActionError::Missing)?;
        may_be_sent(found.state)?;
        let payload = self.payload(&found)?;
        let entry = Entry {
            dead_letter: Some(id),
            before: Some(found.state.as_str().to_owned()),
            after: Some(DeadLetterState::Replayed.as_str().to_owned()),
            ..Entry::new(Act::Replay, &by.0, self.now())
        };
        let noted = self.store.note_sending(id, &entry).await?;
        may_be_sent(noted.ok_or(ActionError::Missing)?)?;
        // Published first: a crash in between leaves it open, and sending it twice changes nothing.
        self.broker
            .publish(Queue::Commands, &again(&found, payload))
            .await?;
        pass(Place::ReplayedNotMarked);
        self.store.mark_replayed(id, self.now()).await?;
        Ok(())
    }

    /// The payload of a dead letter in the clear.
    pub(super) fn payload(&self, found: &StoredDeadLetter) -> Result<Payload, ActionError> {
        let sealed = found.body.as_ref().ok_or(ActionError::Erased)?;
        Ok(self.keys.open(found.id, sealed)?)
    }
}

fn may_be_sent(state: DeadLetterState) -> Result<(), ActionError> {
    match state {
        DeadLetterState::Resolved => Err(ActionError::Resolved),
        DeadLetterState::Discarded => Err(ActionError::Discarded),
        DeadLetterState::Replaced => Err(ActionError::Replaced),
        DeadLetterState::Open | DeadLetterState::Archived | DeadLetterState::Replayed => Ok(()),
    }
}

/// The message that sends a dead letter again: its bytes, first attempt, one replay more. Nothing else of the old message is
/// passed on.
pub(super) fn again(found: &StoredDeadLetter, payload: Payload) -> Message {
    Message {
        body: payload.0,
        kind: found.operation.map_or_else(
            || "contato.replay".to_owned(),
            |operation| format!("contato.{operation}"),
        ),
        message_id: found.command_id.map_or(found.id, |id| id.as_uuid()).to_string(),
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt: 1,
        replay: found.letter.replay.saturating_add(1),
    }
}
