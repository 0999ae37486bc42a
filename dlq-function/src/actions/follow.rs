//! What became of a command.

use shared::{
    domain::{CommandId, Unrecorded},
    store::{StoreError, commands::CommandRecord},
};

use super::Actions;

/// What became of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// This is recorded of it.
    Recorded(CommandRecord),
    /// Nothing is recorded of it; its id says what that means.
    Unrecorded(Unrecorded),
}

impl Actions {
    /// What became of a command.
    ///
    /// # Errors
    /// If SQL does not answer about an id that was issued.
    pub(crate) async fn follow(&self, id: CommandId) -> Result<Followed, StoreError> {
        let unrecorded = self
            .id_key
            .unrecorded(id, self.clock.now_ms(), self.outcomes_kept);
        match (self.store.command(id).await, unrecorded) {
            (Ok(Some(record)), _) => Ok(Followed::Recorded(record)),
            (Ok(None), unrecorded) | (Err(_), unrecorded @ Unrecorded::Unknown) => {
                Ok(Followed::Unrecorded(unrecorded))
            }
            (Err(error), Unrecorded::Pending | Unrecorded::Forgotten) => Err(error),
        }
    }
}
