//! Putting dead letters aside, and back.

use shared::store::{
    StoreError,
    audit::{Act, Entry},
    dead_letters::{DeadLetterState, Which},
};

use super::{Actions, By, Selection};
use crate::rerun::rerun;

/// How many are put aside or back in one transaction, each with its entry in the audit, so that no lock is held for long.
const STEP: u64 = 5_000;

impl Actions {
    /// Puts those of a selection aside that are open; says how many.
    ///
    /// # Errors
    /// If SQL does not answer; those before are archived, and asked for again they are no longer among the selected.
    pub(crate) async fn archive(&self, selection: &Selection, by: &By) -> Result<u64, StoreError> {
        let (from, to) = (DeadLetterState::Open, DeadLetterState::Archived);
        let entry = || self.entry_of_many(Act::Archive, selection, by, from, to);
        let which = selection.which();
        in_steps(async || self.store.archive_dead_letters(which, STEP, &entry()).await).await
    }

    /// Puts those of a selection back that are archived; says how many.
    ///
    /// # Errors
    /// As [`archive`](Self::archive).
    pub(crate) async fn restore(&self, selection: &Selection, by: &By) -> Result<u64, StoreError> {
        let (from, to) = (DeadLetterState::Archived, DeadLetterState::Open);
        let entry = || self.entry_of_many(Act::Restore, selection, by, from, to);
        let which = selection.which();
        in_steps(async || self.store.restore_dead_letters(which, STEP, &entry()).await).await
    }

    fn entry_of_many(
        &self,
        act: Act,
        selection: &Selection,
        by: &By,
        from: DeadLetterState,
        to: DeadLetterState,
    ) -> Entry {
        Entry {
            selection: Some(selection.to_json()),
            before: Some(from.as_str().to_owned()),
            after: Some(to.as_str().to_owned()),
            ..Entry::new(act, &by.0, self.now())
        }
    }
}

impl Selection {
    /// As the store takes it.
    pub(super) fn which(&self) -> Which<'_> {
        match self {
            Self::Ids(ids) => Which::Ids(ids),
            Self::Matching(filter) => Which::Matching(filter),
        }
    }
}

/// Steps until one had less to do than it could.
async fn in_steps<F>(step: impl Fn() -> F) -> Result<u64, StoreError>
where
    F: Future<Output = Result<u64, StoreError>>,
{
    let mut done = 0;
    loop {
        let changed = rerun(&step).await?;
        done += changed;
        if changed < STEP {
            return Ok(done);
        }
    }
}
