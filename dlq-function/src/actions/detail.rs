//! One dead letter with all that is known of it.

use shared::store::dead_letters::DeadLetterFilter;
use uuid::Uuid;

use super::{ActionError, Actions, Prediction};
use crate::{
    masking::masked,
    view::{DeadLetterDetail, DeadLetterView},
};

/// The most dead letters of one command that are shown.
pub(crate) const HISTORY_MAX: u64 = 100;

impl Actions {
    /// One dead letter with its history and what a replay would come to; `None` if there is none.
    pub(crate) async fn detail(&self, id: Uuid) -> Result<Option<DeadLetterDetail>, ActionError> {
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
            masked_body: found
                .body
                .is_some()
                .then(|| self.payload(&found))
                .transpose()?
                .and_then(|payload| masked(&payload.0)),
            replay_would: prediction
                .into_iter()
                .next()
                .unwrap_or(Prediction::WouldFailAgain),
            history: history.iter().map(DeadLetterView::from).collect(),
        }))
    }
}
