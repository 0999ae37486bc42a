//! Sending dead letters again: which can be, as which message, and one by itself.

use std::collections::HashMap;

use shared::{
    broker::{CONTENT_TYPE_JSON, Message, PublishError, Queue},
    domain::CommandId,
    payload_keys::Locked,
    planned_fault::{Place, pass},
    store::{
        StoreError,
        audit::{Act, Entry},
        dead_letters::{DeadLetterState, StoredDeadLetter},
        replays::{Refusal, Sent},
    },
    traces::Destination,
    wire::{Payload, Reason},
};
use uuid::Uuid;

use super::{ActionError, Actions, By};
use crate::collect::next_failure;

/// A dead letter as a message that may be sent.
#[derive(Debug)]
pub(crate) struct Sendable {
    /// The message.
    pub(crate) message: Message,
    /// The command whose outcome is this message's.
    pub(crate) command: Option<CommandId>,
    /// The identity of the dead letter that it becomes if it fails again.
    pub(crate) next: [u8; 32],
}

/// Why a dead letter cannot be sent, as far as it says by itself.
#[derive(Debug)]
pub(super) enum Unfit {
    Resolved,
    Discarded,
    Replaced,
    Erased,
    Locked(Locked),
}

impl Actions {
    /// Sends a dead letter's command again, under its own command id.
    pub(crate) async fn replay(&self, id: Uuid, by: &By) -> Result<(), ActionError> {
        let found = self.store.dead_letter(id).await?.ok_or(ActionError::Missing)?;
        let sendable = self.as_message(&found)?;
        let newer = self.store.newer_failures(&[sent(&found, &sendable)]).await?;
        if let Some(newer) = newer.into_iter().flatten().next() {
            return Err(ActionError::Newer(newer));
        }
        let entry = Entry {
            dead_letter: Some(id),
            before: Some(found.state.as_str().to_owned()),
            after: Some(DeadLetterState::Replayed.as_str().to_owned()),
            ..Entry::new(Act::Replay, &by.0, self.now())
        };
        let noted = self.store.note_sending(id, &entry).await?;
        may_be_sent(noted.ok_or(ActionError::Missing)?)?;
        // Published first: a crash in between leaves it open, and sending it twice changes nothing.
        self.publish(&sendable.message).await?;
        pass(Place::ReplayedNotMarked);
        self.store.mark_replayed(id, self.now()).await?;
        Ok(())
    }

    /// Publishes a message that sends a dead letter again. It goes on in the trace of whoever asks, or in one of its own, which
    /// names that of the dead letter.
    pub(crate) async fn publish(&self, message: &Message) -> Result<(), PublishError> {
        let (system, queue) = (self.broker.system(), Queue::Commands);
        let sending = self.traces.sending(Destination { system, queue });
        sending.repeats(message.traceparent.as_deref());
        sending.goes_in(Some(&message.message_id), 1);
        let outcome = match sending.traceparent() {
            Some(traceparent) => {
                let message = Message {
                    traceparent: Some(traceparent),
                    ..message.clone()
                };
                self.broker.publish(queue, &message).await
            }
            None => self.broker.publish(queue, message).await,
        };
        sending.sent(outcome);
        outcome
    }

    /// Of each of these dead letters that there is: the message that sends it again, or why it is not to be sent.
    pub(crate) async fn sendable(
        &self,
        ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Result<Sendable, Refusal>>, StoreError> {
        let letters = self.store.dead_letters_by_ids(ids).await?;
        let mut fit = Vec::with_capacity(letters.len());
        let mut known = HashMap::with_capacity(letters.len());
        for letter in letters {
            match self.as_message(&letter) {
                Ok(sendable) => fit.push((letter.id, sent(&letter, &sendable), sendable)),
                Err(unfit) => {
                    known.insert(letter.id, Err(unfit.refusal()));
                }
            }
        }
        let messages: Vec<Sent> = fit.iter().map(|(_, sent, _)| *sent).collect();
        let newer = self.store.newer_failures(&messages).await?;
        for ((id, _, sendable), newer) in fit.into_iter().zip(newer) {
            let result = newer.map_or(Ok(sendable), |_| Err(Refusal::Newer));
            known.insert(id, result);
        }
        Ok(known)
    }

    /// The message that sends a dead letter again. Whether it has failed again since is another question.
    pub(super) fn as_message(&self, found: &StoredDeadLetter) -> Result<Sendable, Unfit> {
        unclosed(found.state)?;
        let payload = self.opened(found)?;
        let (command, next) = next_failure(&payload.0, found.letter.replay.saturating_add(1));
        // An id that conflicts is another request under a used id: the outcome on record is not this one's.
        let has_outcome = found.letter.reason != Reason::IdConflict;
        Ok(Sendable {
            message: again(found, payload),
            command: command.map(|command| command.id).filter(|_| has_outcome),
            next,
        })
    }

    /// The payload of a dead letter in the clear.
    pub(super) fn payload(&self, found: &StoredDeadLetter) -> Result<Payload, ActionError> {
        Ok(self.opened(found)?)
    }

    fn opened(&self, found: &StoredDeadLetter) -> Result<Payload, Unfit> {
        let sealed = found.body.as_ref().ok_or(Unfit::Erased)?;
        self.keys.open(found.id, sealed).map_err(Unfit::Locked)
    }
}

/// Refuses what is closed.
fn unclosed(state: DeadLetterState) -> Result<(), Unfit> {
    match state {
        DeadLetterState::Resolved => Err(Unfit::Resolved),
        DeadLetterState::Discarded => Err(Unfit::Discarded),
        DeadLetterState::Replaced => Err(Unfit::Replaced),
        DeadLetterState::Open | DeadLetterState::Archived | DeadLetterState::Replayed => Ok(()),
    }
}

impl Unfit {
    fn refusal(&self) -> Refusal {
        match self {
            Self::Resolved => Refusal::Resolved,
            Self::Discarded => Refusal::Discarded,
            Self::Replaced => Refusal::Replaced,
            Self::Erased => Refusal::Erased,
            Self::Locked(_) => Refusal::Locked,
        }
    }
}

impl From<Unfit> for ActionError {
    fn from(unfit: Unfit) -> Self {
        match unfit {
            Unfit::Resolved => Self::Resolved,
            Unfit::Discarded => Self::Discarded,
            Unfit::Replaced => Self::Replaced,
            Unfit::Erased => Self::Erased,
            Unfit::Locked(locked) => Self::Locked(locked),
        }
    }
}

/// What tells whether it has failed again since.
pub(super) fn sent(found: &StoredDeadLetter, sendable: &Sendable) -> Sent {
    Sent {
        command: sendable.command,
        replay: found.letter.replay,
        next: Some(sendable.next),
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
        // Whoever sends it goes on in another trace, and links that to this one.
        traceparent: found.letter.traceparent.clone(),
    }
}
