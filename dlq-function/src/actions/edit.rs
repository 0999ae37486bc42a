//! Sending a corrected one in the place of a dead letter.

use serde_json::json;
use shared::{
    domain::Stamp,
    planned_fault::{Place, pass},
    store::{
        StoreError,
        audit::{Act, Entry},
        dead_letters::{
            Corrected, DeadLetterFilter, DeadLetterState, Replacement, StoredDeadLetter, under_way,
        },
    },
    wire::{CommandStatus, Envelope, Payload, Reason},
};
use uuid::Uuid;

use super::{
    ActionError, Actions, BrokenRule, By, Correction, FieldChange, HISTORY_MAX, Prediction,
    correction::corrected, foresee::prediction, replay::again,
};
use crate::collect::command_of;

/// How often the transaction is tried while others are in its way.
const ATTEMPTS_MAX: u32 = 5;

/// What a correction would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct EditPreview {
    /// What it changes, personal data masked.
    pub(crate) changes: Vec<FieldChange>,
    /// What sending the corrected one would come to.
    pub(crate) replay_would: Prediction,
}

/// A correction that was made and sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edited {
    /// The corrected dead letter.
    pub(crate) id: Uuid,
    /// What was known of it when it was sent.
    pub(crate) preview: EditPreview,
}

struct Plan {
    found: StoredDeadLetter,
    envelope: Envelope,
    preview: EditPreview,
}

impl Actions {
    /// Says what a correction changes and what sending it would come to. Changes nothing.
    ///
    /// # Errors
    /// As [`edit`](Self::edit).
    pub(crate) async fn preview_edit(
        &self,
        id: Uuid,
        correction: &Correction,
    ) -> Result<EditPreview, ActionError> {
        Ok(self.plan(id, correction).await?.preview)
    }

    /// Puts a corrected dead letter in the place of one, which can no longer be sent, and sends it under the same command id.
    ///
    /// # Errors
    /// If the dead letter is closed, erased or under way, or the correction breaks rules: then nothing is changed. If the
    /// broker does not take it, the corrected one waits.
    pub(crate) async fn edit(
        &self,
        id: Uuid,
        correction: &Correction,
        by: &By,
    ) -> Result<Edited, ActionError> {
        let plan = self.plan(id, correction).await?;
        let replacement = Replacement {
            id: Uuid::now_v7(),
            payload: Payload(plan.envelope.encode()),
            command: command_of(&plan.envelope),
            traceparent: plan.envelope.traceparent.clone(),
        };
        let entry = self.entry_of(&plan, replacement.id, by);
        self.replace(id, &replacement, &entry).await?;

        let sent = self.store.dead_letter(replacement.id).await?;
        let sent = sent.ok_or(ActionError::Missing)?;
        let message = again(&sent, replacement.payload);
        let published = self.publish(&message).await;
        published.map_err(|error| ActionError::Unsent(sent.id, error))?;
        pass(Place::ReplayedNotMarked);
        self.store.mark_replayed(sent.id, self.now()).await?;
        Ok(Edited {
            id: sent.id,
            preview: plan.preview,
        })
    }

    async fn plan(&self, id: Uuid, correction: &Correction) -> Result<Plan, ActionError> {
        let found = self.store.dead_letter(id).await?.ok_or(ActionError::Missing)?;
        may_be_corrected(found.state)?;
        let payload = self.payload(&found)?;
        if found.letter.reason == Reason::IdConflict {
            return Err(ActionError::Broken(vec![BrokenRule {
                member: "",
                code: "id-conflict",
                detail: "it is another request under a used command id, which no correction changes"
                    .to_owned(),
            }]));
        }
        let corrected = corrected(&payload.0, correction, &self.id_key).map_err(ActionError::Broken)?;
        let command = &corrected.envelope.command;
        let recorded = self.store.command(command.id).await?;
        if recorded.is_some_and(|command| command.status != CommandStatus::DeadLettered) {
            return Err(ActionError::Resolved);
        }
        let same = DeadLetterFilter {
            command_id: Some(command.id),
            ..DeadLetterFilter::default()
        };
        if under_way(&self.store.dead_letters_page(&same, None, HISTORY_MAX).await?) {
            return Err(ActionError::UnderWay);
        }
        let latest = Stamp::latest_believed(self.clock.now_ms(), self.max_ahead_ms);
        let entry = corrected.envelope.entry(1, &self.id_key);
        let verdict = self.store.foresee(&[entry], latest).await?.into_iter().next();
        Ok(Plan {
            found,
            envelope: corrected.envelope,
            preview: EditPreview {
                changes: corrected.changes,
                replay_would: verdict.map_or(Prediction::WouldFailAgain, prediction),
            },
        })
    }

    /// What the audit has of a correction: which fields had values before, which have some after, and none of the values.
    fn entry_of(&self, plan: &Plan, replaced_by: Uuid, by: &By) -> Entry {
        let having = |value: fn(&FieldChange) -> bool| -> Vec<&str> {
            let changes = plan.preview.changes.iter().filter(|change| value(change));
            changes.map(|change| change.field.as_str()).collect()
        };
        let before = having(|change| matches!(change.before, Some(Some(_))));
        let after = having(|change| matches!(change.after, Some(Some(_))));
        let before = json!({ "state": plan.found.state.as_str(), "fields": before });
        let state = DeadLetterState::Replaced.as_str();
        let after = json!({ "state": state, "replacedBy": replaced_by, "fields": after });
        Entry {
            dead_letter: Some(plan.found.id),
            before: Some(before.to_string()),
            after: Some(after.to_string()),
            ..Entry::new(Act::EditAndReplay, &by.0, self.now())
        }
    }

    async fn replace(&self, id: Uuid, replacement: &Replacement, entry: &Entry) -> Result<(), ActionError> {
        let mut attempt = 1;
        loop {
            let replaced = self.store.replace_dead_letter(id, replacement, &self.keys, entry);
            return match replaced.await {
                Err(StoreError::Conflict(_)) if attempt < ATTEMPTS_MAX => {
                    attempt += 1;
                    continue;
                }
                Err(error) => Err(error.into()),
                Ok(Corrected::Done) => Ok(()),
                Ok(Corrected::Closed(state)) => may_be_corrected(state),
                Ok(Corrected::UnderWay) => Err(ActionError::UnderWay),
                Ok(Corrected::Erased) => Err(ActionError::Erased),
                Ok(Corrected::Missing) => Err(ActionError::Missing),
            };
        }
    }
}

/// Whether one that stands so may be corrected.
pub(crate) fn may_be_corrected(state: DeadLetterState) -> Result<(), ActionError> {
    match state {
        DeadLetterState::Open | DeadLetterState::Archived => Ok(()),
        DeadLetterState::Replayed => Err(ActionError::UnderWay),
        DeadLetterState::Resolved => Err(ActionError::Resolved),
        DeadLetterState::Replaced => Err(ActionError::Replaced),
        DeadLetterState::Discarded => Err(ActionError::Discarded),
    }
}
