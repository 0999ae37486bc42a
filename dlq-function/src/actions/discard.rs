//! Giving dead letters up.

use shared::store::{
    StoreError,
    audit::{Act, Entry},
    dead_letters::Discarded,
};
use uuid::Uuid;

use super::{ActionError, Actions, By};

impl Actions {
    /// Gives a dead letter up: its command ends as rejected.
    pub(crate) async fn discard(&self, id: Uuid, by: &By) -> Result<(), ActionError> {
        let entry = Entry {
            dead_letter: Some(id),
            ..Entry::new(Act::Discard, &by.0, self.now())
        };
        loop {
            return match self.store.discard_dead_letter(id, &entry).await {
                Err(StoreError::Conflict(_)) => continue,
                Err(error) => Err(error.into()),
                Ok(Discarded::Done | Discarded::Already) => Ok(()),
                Ok(Discarded::Resolved) => Err(ActionError::Resolved),
                Ok(Discarded::Missing) => Err(ActionError::Missing),
            };
        }
    }
}
