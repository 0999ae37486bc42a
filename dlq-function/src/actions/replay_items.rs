//! What became of each dead letter of a replay.

use shared::store::{
    StoreError,
    replays::{ItemState, ReplayedItem},
};
use uuid::Uuid;

use super::{ActionError, Actions};

impl Actions {
    /// A page of what became of the dead letters of a replay that are noted to stand in one of these ways, behind a position, in
    /// the order in which they are sent.
    pub(crate) async fn replayed_items(
        &self,
        replay: Uuid,
        noted: &[ItemState],
        after: u32,
        limit: u64,
    ) -> Result<Vec<ReplayedItem>, StoreError> {
        self.store.replayed_items(replay, noted, after, limit).await
    }

    /// Refuses what is no replay, or none any more.
    pub(crate) async fn is_replay(&self, id: Uuid) -> Result<(), ActionError> {
        let found = self.store.replay(id).await?;
        found.map(drop).ok_or(ActionError::NoReplay)
    }
}
