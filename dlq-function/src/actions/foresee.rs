//! The dry run: what a replay would come to, without changing anything.

use serde::Serialize;
use shared::{
    domain::{Entry, Outcome, Poison, Stamp, Verdict},
    store::{
        StoreError,
        dead_letters::{DeadLetterState, StoredDeadLetter},
    },
    wire::Envelope,
};
use utoipa::ToSchema;
use uuid::Uuid;

use super::Actions;

/// What a replay would come to, as far as can be told now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Prediction {
    /// It would change its contact.
    WouldApply,
    /// Newer commands have decided everything it sets.
    WouldBeSuperseded,
    /// It would end with a business answer, such as a failed condition.
    WouldBeRejected,
    /// Its command has ended: a replay changes nothing.
    HasEnded,
    /// It is still poison.
    WouldFailAgain,
    /// It cannot be sent: discarded, or its payload was erased.
    CannotBeSent,
}

impl Actions {
    /// What a replay of these would come to: they are folded in order over what is stored. Changes nothing.
    pub(crate) async fn foresee(&self, ids: &[Uuid]) -> Result<Vec<Prediction>, StoreError> {
        // Payloads are read one by one and kept only as commands.
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            let found = self.store.dead_letter(*id).await?;
            letters.push(found.map(|found| (found.state, found.erased, self.entry(&found))));
        }
        let known: Vec<Entry> = letters
            .iter()
            .flatten()
            .filter_map(|(_, _, entry)| entry.clone())
            .collect();
        let latest = Stamp::latest_believed(self.clock.now_ms(), self.max_ahead_ms);
        let mut verdicts = self.store.foresee(&known, latest).await?.into_iter();
        let predict = |letter: Option<(DeadLetterState, bool, Option<Entry>)>| {
            let Some((state, erased, entry)) = letter else {
                return Prediction::CannotBeSent;
            };
            let foreseen = entry.and_then(|_| verdicts.next()).map(prediction);
            match (state, foreseen) {
                (DeadLetterState::Discarded | DeadLetterState::Replaced, _) => Prediction::CannotBeSent,
                (_, Some(foreseen)) => foreseen,
                (_, None) if erased => Prediction::CannotBeSent,
                (DeadLetterState::Resolved, None) => Prediction::HasEnded,
                (DeadLetterState::Open | DeadLetterState::Archived | DeadLetterState::Replayed, None) => {
                    Prediction::WouldFailAgain
                }
            }
        };
        Ok(letters.into_iter().map(predict).collect())
    }

    fn entry(&self, letter: &StoredDeadLetter) -> Option<Entry> {
        let envelope = Envelope::decode(&self.payload(letter).ok()?.0).ok()?;
        Some(envelope.entry(1, &self.id_key))
    }
}

pub(super) fn prediction(verdict: Verdict) -> Prediction {
    match verdict {
        Verdict::Finished(Outcome::Applied) => Prediction::WouldApply,
        Verdict::Finished(Outcome::Superseded) => Prediction::WouldBeSuperseded,
        Verdict::Finished(Outcome::Rejected(_)) => Prediction::WouldBeRejected,
        Verdict::Repeat(_) => Prediction::HasEnded,
        Verdict::Poison(Poison::IdConflict | Poison::StampAhead | Poison::ContactUnknown) => {
            Prediction::WouldFailAgain
        }
    }
}
