//! What a person does to dead letters: replay, discard, and asking first what would happen. The HTTP API and the command
//! line call the same functions.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    broker::{Broker, CONTENT_TYPE_JSON, Message, PublishError, Queue},
    clock::Clock,
    domain::{Entry, IdKey, Outcome, Poison, Stamp, Verdict},
    planned_fault::{Place, pass},
    role::Parts,
    settings::Settings,
    store::{
        Store, StoreError,
        dead_letters::{DeadLetterFilter, DeadLetterPosition, DeadLetterState, Discarded, StoredDeadLetter},
    },
    wire::Envelope,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::view::{DeadLetterDetail, DeadLetterView, masked};

/// How many rows are read at once.
const PAGE: u64 = 500;

/// The most dead letters of one command that are shown.
pub(crate) const HISTORY_MAX: u64 = 100;

/// The most dead letters of one action.
pub(crate) const FROZEN_MAX: usize = 100_000;

/// Acts on dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Actions {
    broker: Arc<dyn Broker>,
    pub(crate) store: Store,
    id_key: IdKey,
    clock: Clock,
    max_ahead_ms: u64,
}

/// Why an action on one dead letter was refused or failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ActionError {
    #[error("there is no such dead letter")]
    Missing,
    #[error("its command has ended; there is nothing left to send again")]
    Resolved,
    #[error("it was discarded; there is nothing left to send again")]
    Discarded,
    #[error("its payload was erased with its contact's data; it can only be discarded")]
    Erased,
    #[error("it was not sent: {0}")]
    Broker(#[from] PublishError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a replay would come to, as far as can be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Prediction {
    /// It would change its contact.
    WouldApply,
    /// Newer commands have decided everything it sets.
    WouldBeSuperseded,
    /// It would end with a business answer, such as a failed condition.
    WouldBeRejected,
    /// Its command has ended: a replay changes nothing.
    HasEnded,
    /// It is still poison.
    WouldFailAgain,
    /// It cannot be sent: discarded, or its payload was erased.
    CannotBeSent,
}

impl Actions {
    pub(crate) fn new(settings: &Settings, parts: &Parts) -> Self {
        Self {
            broker: parts.broker.clone(),
            store: parts.store.clone(),
            id_key: parts.id_key.clone(),
            clock: parts.clock.clone(),
            max_ahead_ms: settings.clock.max_ahead_ms(),
        }
    }

    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.clock.now()
    }

    /// The ids of the dead letters that a filter holds for now, oldest first: the set that an action works on, whatever
    /// arrives meanwhile. At most [`FROZEN_MAX`].
    pub(crate) async fn freeze(&self, filter: &DeadLetterFilter) -> Result<Vec<Uuid>, StoreError> {
        let mut frozen: Vec<Uuid> = Vec::new();
        let mut after = None;
        loop {
            let page = self.store.dead_letters_page(filter, after, PAGE).await?;
            after = page.last().map(|last| DeadLetterPosition {
                received_at: last.received_at,
                id: last.id,
            });
            let last_page = (page.len() as u64) < PAGE;
            frozen.extend(page.iter().map(|letter| letter.id));
            if last_page || frozen.len() >= FROZEN_MAX {
                frozen.truncate(FROZEN_MAX);
                frozen.reverse();
                return Ok(frozen);
            }
        }
    }

    /// One dead letter with its history and what a replay would come to; `None` if there is none.
    pub(crate) async fn detail(&self, id: Uuid) -> Result<Option<DeadLetterDetail>, StoreError> {
        let Some(found) = self.store.dead_letter(id).await? else {
            return Ok(None);
        };
        let mut history = match found.command_id {
            Some(command) => {
                let same = DeadLetterFilter {
                    command_id: Some(command),
                    ..DeadLetterFilter::default()
                };
                self.store.dead_letters_page(&same, None, HISTORY_MAX).await?
            }
            None => vec![found.clone()],
        };
        history.reverse();
        let prediction = self.foresee(&[found.id]).await?;
        Ok(Some(DeadLetterDetail {
            letter: DeadLetterView::from(&found),
            masked_body: masked(&found.letter.payload.0),
            replay_would: prediction
                .into_iter()
                .next()
                .unwrap_or(Prediction::WouldFailAgain),
            history: history.iter().map(DeadLetterView::from).collect(),
        }))
    }

    /// Sends a dead letter's command again, under its own command id.
    pub(crate) async fn replay(&self, id: Uuid) -> Result<(), ActionError> {
        let found = self.store.dead_letter(id).await?.ok_or(ActionError::Missing)?;
        match found.state {
            DeadLetterState::Resolved => return Err(ActionError::Resolved),
            DeadLetterState::Discarded => return Err(ActionError::Discarded),
            DeadLetterState::Open | DeadLetterState::Replayed => {}
        }
        if found.erased {
            return Err(ActionError::Erased);
        }
        // Published first: a crash in between leaves it open, and sending it twice changes nothing.
        self.broker.publish(Queue::Commands, &again(&found)).await?;
        pass(Place::ReplayedNotMarked);
        self.store.mark_replayed(id, self.now()).await?;
        Ok(())
    }

    /// Gives a dead letter up: its command ends as rejected.
    pub(crate) async fn discard(&self, id: Uuid) -> Result<(), ActionError> {
        loop {
            return match self.store.discard_dead_letter(id, self.now()).await {
                Err(StoreError::Conflict(_)) => continue,
                Err(error) => Err(error.into()),
                Ok(Discarded::Done | Discarded::Already) => Ok(()),
                Ok(Discarded::Resolved) => Err(ActionError::Resolved),
                Ok(Discarded::Missing) => Err(ActionError::Missing),
            };
        }
    }

    /// What a replay of these would come to: they are folded in order over what is stored. Changes nothing.
    pub(crate) async fn foresee(&self, ids: &[Uuid]) -> Result<Vec<Prediction>, StoreError> {
        // Payloads are read one by one and kept only as commands.
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            let found = self.store.dead_letter(*id).await?;
            letters.push(found.map(|found| (found.state, found.erased, self.entry(&found))));
        }
        let known: Vec<Entry> = letters
            .iter()
            .flatten()
            .filter_map(|(_, _, entry)| entry.clone())
            .collect();
        let latest = Stamp::latest_believed(self.clock.now_ms(), self.max_ahead_ms);
        let mut verdicts = self.store.foresee(&known, latest).await?.into_iter();
        let predict = |letter: Option<(DeadLetterState, bool, Option<Entry>)>| {
            let Some((state, erased, entry)) = letter else {
                return Prediction::CannotBeSent;
            };
            let foreseen = entry.and_then(|_| verdicts.next()).map(prediction);
            match (state, foreseen) {
                (DeadLetterState::Discarded, _) => Prediction::CannotBeSent,
                (_, Some(foreseen)) => foreseen,
                (_, None) if erased => Prediction::CannotBeSent,
                (DeadLetterState::Resolved, None) => Prediction::HasEnded,
                (DeadLetterState::Open | DeadLetterState::Replayed, None) => Prediction::WouldFailAgain,
            }
        };
        Ok(letters.into_iter().map(predict).collect())
    }

    fn entry(&self, letter: &StoredDeadLetter) -> Option<Entry> {
        let envelope = Envelope::decode(&letter.letter.payload.0).ok()?;
        Some(envelope.entry(1, &self.id_key))
    }
}

fn prediction(verdict: Verdict) -> Prediction {
    match verdict {
        Verdict::Finished(Outcome::Applied) => Prediction::WouldApply,
        Verdict::Finished(Outcome::Superseded) => Prediction::WouldBeSuperseded,
        Verdict::Finished(Outcome::Rejected(_)) => Prediction::WouldBeRejected,
        Verdict::Repeat(_) => Prediction::HasEnded,
        Verdict::Poison(Poison::IdConflict | Poison::StampAhead | Poison::ContactUnknown) => {
            Prediction::WouldFailAgain
        }
    }
}

/// The message that sends a dead letter again: its bytes, first attempt, one replay more. Nothing else of the old message is
/// passed on.
fn again(found: &StoredDeadLetter) -> Message {
    Message {
        body: found.letter.payload.0.clone(),
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
