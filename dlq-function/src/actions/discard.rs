//! Giving dead letters up.

use shared::store::{
    StoreError,
    audit::{Act, Entry},
    dead_letters::{DeadLetterState, Discarded},
};
use uuid::Uuid;

use super::{ActionError, Actions, By, ManyDone, Selection};
use crate::rerun::rerun;

/// The most dead letters that are given up at once.
pub(crate) const DISCARDED_AT_ONCE_MAX: u32 = 1_000;

/// The states of what can be given up.
pub(crate) const DISCARDABLE: [DeadLetterState; 3] = [
    DeadLetterState::Open,
    DeadLetterState::Archived,
    DeadLetterState::Replayed,
];

impl Actions {
    /// Gives a dead letter up: its command ends as rejected.
    pub(crate) async fn discard(&self, id: Uuid, by: &By) -> Result<(), ActionError> {
        match self.discard_once(id, by).await? {
            Discarded::Done | Discarded::Already => Ok(()),
            Discarded::Resolved => Err(ActionError::Resolved),
            Discarded::Missing => Err(ActionError::Missing),
        }
    }

    async fn discard_once(&self, id: Uuid, by: &By) -> Result<Discarded, StoreError> {
        let entry = Entry {
            dead_letter: Some(id),
            ..Entry::new(Act::Discard, &by.0, self.now())
        };
        rerun(|| self.store.discard_dead_letter(id, &entry)).await
    }

    /// Gives many up, the oldest first, [`DISCARDED_AT_ONCE_MAX`] at most, each in a transaction of its own with its own entry
    /// in the audit; then one more tells of the act, its selection and how many were done. `progress` is told after each how
    /// many have been looked at.
    ///
    /// # Errors
    /// If SQL does not answer; those before are given up, and asked for again they are no longer among the selected.
    pub(crate) async fn discard_many(
        &self,
        selection: &Selection,
        by: &By,
        mut progress: impl FnMut(u64) + Send,
    ) -> Result<ManyDone, ActionError> {
        let which = selection.which();
        let most = u64::from(DISCARDED_AT_ONCE_MAX);
        let matched = self.store.count_standing(which, &DISCARDABLE).await?;
        let these = match selection {
            // Named one by one, each is answered for.
            Selection::Ids(ids) => ids.iter().copied().take(DISCARDED_AT_ONCE_MAX as usize).collect(),
            Selection::Matching(_) => self.store.oldest_standing(which, &DISCARDABLE, most).await?,
        };
        let mut came_to = ManyDone {
            matched,
            remaining: matched.saturating_sub(these.len() as u64),
            ..ManyDone::default()
        };
        for (at, id) in (1..).zip(these) {
            match self.discard_once(id, by).await? {
                Discarded::Done => came_to.done += 1,
                Discarded::Already => came_to.refused.push((id, ActionError::Discarded)),
                Discarded::Resolved => came_to.refused.push((id, ActionError::Resolved)),
                Discarded::Missing => came_to.refused.push((id, ActionError::Missing)),
            }
            progress(at);
        }
        if came_to.done > 0 {
            let entry = Entry {
                selection: Some(selection.to_json()),
                count: came_to.done.try_into().unwrap_or(u32::MAX),
                after: Some(DeadLetterState::Discarded.as_str().to_owned()),
                ..Entry::new(Act::Discard, &by.0, self.now())
            };
            self.store.note(&entry).await?;
        }
        Ok(came_to)
    }
}
