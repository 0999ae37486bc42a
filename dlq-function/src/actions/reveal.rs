//! Showing what a dead letter holds, in the clear.

use shared::{
    store::audit::{Act, Entry},
    wire::Payload,
};
use uuid::Uuid;

use super::{ActionError, Actions, By};

/// A message in the clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Revealed {
    /// Its media type.
    pub(crate) content_type: String,
    /// Its bytes.
    pub(crate) payload: Payload,
}

impl Actions {
    /// The message of a dead letter in the clear. It stands in the audit before anybody sees it.
    pub(crate) async fn reveal(&self, id: Uuid, by: &By) -> Result<Revealed, ActionError> {
        let found = self.store.dead_letter(id).await?.ok_or(ActionError::Missing)?;
        let payload = self.payload(&found)?;
        let entry = Entry {
            dead_letter: Some(id),
            ..Entry::new(Act::Reveal, &by.0, self.now())
        };
        self.store.note(&entry).await?;
        Ok(Revealed {
            content_type: found.letter.content_type,
            payload,
        })
    }
}
