//! One dead letter with all that is known of it.

use shared::{
    domain::{CommandId, ContactId},
    store::{
        StoreError,
        commands::{CommandFilter, CommandRecord},
        dead_letters::{DeadLetterFilter, StoredDeadLetter},
    },
    wire::CommandStatus,
};
use uuid::Uuid;

use super::{ActionError, Actions, Prediction};
use crate::{
    masking::masked,
    view::{ContactNow, DeadLetterDetail, DeadLetterView, NewerCommand, SendingView, trace_id},
};

/// The most dead letters of one command that are shown.
pub(crate) const HISTORY_MAX: u64 = 100;
/// The most commands that are shown as newer.
pub(crate) const NEWER_MAX: u64 = 20;
/// The most times that are shown of when it was sent again.
pub(crate) const SENDINGS_MAX: u64 = 50;
/// How many of a contact's youngest commands are looked through for those that are newer.
const LOOKED_THROUGH: u64 = 100;

impl Actions {
    /// One dead letter with its history, what has happened since, and what a replay would come to; `None` if there is none.
    pub(crate) async fn detail(&self, id: Uuid) -> Result<Option<DeadLetterDetail>, ActionError> {
        let Some(found) = self.store.dead_letter(id).await? else {
            return Ok(None);
        };
        let contact = match found.contact_id {
            Some(id) => Some(ContactNow::new(id, self.store.contact(id).await?.as_ref())),
            None => None,
        };
        let newer = match (found.command_id, found.contact_id) {
            (Some(command), Some(contact)) => self.newer(&found, command, contact).await?,
            _ => Vec::new(),
        };
        let replaces = self.store.replaced_dead_letters(id).await?;
        let sendings = self.store.sendings(id, &replaces, SENDINGS_MAX).await?;
        let prediction = self.foresee(&[found.id]).await?;
        let history = self.history(&found).await?;
        let payload = self.payload(&found);
        Ok(Some(DeadLetterDetail {
            trace_id: found.letter.traceparent.as_deref().and_then(trace_id),
            locked: matches!(payload, Err(ActionError::Locked(_))),
            masked_body: payload.ok().and_then(|payload| masked(&payload.0)),
            replay_would: prediction
                .into_iter()
                .next()
                .unwrap_or(Prediction::WouldFailAgain),
            contact,
            newer: newer.iter().map(NewerCommand::from).collect(),
            history: history.iter().map(DeadLetterView::from).collect(),
            replays: sendings.into_iter().map(SendingView::from).collect(),
            replaced_by: found.replaced_by.map(|id| id.to_string()),
            replaces: replaces.iter().map(Uuid::to_string).collect(),
            letter: DeadLetterView::from(&found),
        }))
    }

    /// The dead letters of the same command, oldest first.
    async fn history(&self, found: &StoredDeadLetter) -> Result<Vec<StoredDeadLetter>, StoreError> {
        let Some(command) = found.command_id else {
            return Ok(vec![found.clone()]);
        };
        let same = DeadLetterFilter {
            command_id: Some(command),
            ..DeadLetterFilter::default()
        };
        let mut history = self.store.dead_letters_page(&same, None, HISTORY_MAX).await?;
        history.reverse();
        Ok(history)
    }

    /// The commands of the same contact that ended after this one was stamped, newest first.
    async fn newer(
        &self,
        found: &StoredDeadLetter,
        command: CommandId,
        contact: ContactId,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let recorded = self.store.command(command).await?;
        let stamped = recorded.map_or(found.letter.failed_at, |command| command.accepted_at);
        let theirs = CommandFilter {
            contact_id: Some(contact),
            status: None,
        };
        let mut newer = self.store.commands_page(&theirs, None, LOOKED_THROUGH).await?;
        let ended = |other: &CommandRecord| {
            other.id != command && other.finished_at > stamped && other.status != CommandStatus::DeadLettered
        };
        newer.retain(ended);
        newer.truncate(usize::try_from(NEWER_MAX).unwrap_or(usize::MAX));
        Ok(newer)
    }
}
