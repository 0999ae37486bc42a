//! Acts on many dead letters: what each can be done to, and that it is not done to another number than is expected.

use shared::store::{StoreError, dead_letters::DeadLetterState};
use uuid::Uuid;

use super::{ActionError, Actions, By, DISCARDABLE, Selection};

/// An act on many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Many {
    /// Puts them aside.
    Archive,
    /// Puts them back.
    Restore,
    /// Gives them up.
    Discard,
}

/// What an act on many came to.
#[derive(Debug, Default)]
pub(crate) struct ManyDone {
    /// How many there were to do it to.
    pub(crate) matched: u64,
    /// To how many of them it was done.
    pub(crate) done: u64,
    /// To which it was not, and why.
    pub(crate) refused: Vec<(Uuid, ActionError)>,
    /// How many are left: only so many are given up at once.
    pub(crate) remaining: u64,
}

impl Many {
    /// Every act.
    pub(crate) const ALL: [Self; 3] = [Self::Archive, Self::Restore, Self::Discard];

    /// How those stand that it can be done to.
    pub(crate) fn standing(self) -> &'static [DeadLetterState] {
        match self {
            Self::Archive => &[DeadLetterState::Open],
            Self::Restore => &[DeadLetterState::Archived],
            Self::Discard => &DISCARDABLE,
        }
    }

    /// How those stand that a filter without a state means.
    pub(crate) fn unless_said(self) -> DeadLetterState {
        match self {
            Self::Archive | Self::Discard => DeadLetterState::Open,
            Self::Restore => DeadLetterState::Archived,
        }
    }
}

impl Actions {
    /// Does it to all of a selection that it can be done to.
    ///
    /// # Errors
    /// If they are not as many as expected: then it is done to none. If SQL does not answer; asked for again, those that it
    /// was done to are no longer among the selected.
    pub(crate) async fn act_on_many(
        &self,
        act: Many,
        selection: &Selection,
        expected: Option<u64>,
        by: &By,
    ) -> Result<ManyDone, ActionError> {
        let matched = self.matched(act, selection, expected).await?;
        let all_done = |done| ManyDone {
            matched,
            done,
            ..ManyDone::default()
        };
        match act {
            Many::Archive => Ok(all_done(self.archive(selection, by).await?)),
            Many::Restore => Ok(all_done(self.restore(selection, by).await?)),
            Many::Discard => self.discard_many(selection, by, |_| ()).await,
        }
    }

    /// How many of a selection it can be done to.
    ///
    /// # Errors
    /// If they are not as many as expected, or SQL does not answer.
    pub(crate) async fn matched(
        &self,
        act: Many,
        selection: &Selection,
        expected: Option<u64>,
    ) -> Result<u64, ActionError> {
        let found = self.count_standing(selection, act.standing()).await?;
        match expected {
            Some(expected) if expected != found => Err(ActionError::Unexpected { expected, found }),
            Some(_) | None => Ok(found),
        }
    }

    /// How many of a selection stand in one of these states.
    pub(crate) async fn count_standing(
        &self,
        selection: &Selection,
        states: &[DeadLetterState],
    ) -> Result<u64, StoreError> {
        self.store.count_standing(selection.which(), states).await
    }
}
