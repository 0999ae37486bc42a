//! The dry run: what a replay would come to, without changing anything.

use serde::Serialize;
use shared::{
    domain::{Entry, Outcome, Poison, Stamp, Verdict},
    store::{StoreError, replays::Refusal},
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
    /// It cannot be sent: it was given up or corrected, its payload cannot be read, or it failed again since.
    CannotBeSent,
}

/// How many payloads are in memory at once.
const PAGE: usize = 200;

/// A dead letter, as far as it is needed to foresee.
enum Seen {
    Decided(Prediction),
    Command(Entry),
}

impl Actions {
    /// What a replay of these would come to: they are folded in order over what is stored. Changes nothing.
    pub(crate) async fn foresee(&self, ids: &[Uuid]) -> Result<Vec<Prediction>, StoreError> {
        let mut seen = Vec::with_capacity(ids.len());
        for page in ids.chunks(PAGE) {
            seen.extend(self.look(page).await?);
        }
        let commands = seen.iter().filter_map(|seen| match seen {
            Seen::Command(entry) => Some(entry.clone()),
            Seen::Decided(_) => None,
        });
        let commands: Vec<Entry> = commands.collect();
        let latest = Stamp::latest_believed(self.clock.now_ms(), self.max_ahead_ms);
        let mut verdicts = self.store.foresee(&commands, latest).await?.into_iter();
        let foreseen = seen.into_iter().map(|seen| match seen {
            Seen::Decided(prediction) => prediction,
            Seen::Command(_) => verdicts.next().map_or(Prediction::WouldFailAgain, prediction),
        });
        Ok(foreseen.collect())
    }

    /// Of each what a replay would send, or what is known without looking at its contact.
    async fn look(&self, ids: &[Uuid]) -> Result<Vec<Seen>, StoreError> {
        let mut sendable = self.sendable(ids).await?;
        let look = |id: &Uuid| match sendable.remove(id) {
            None => Seen::Decided(Prediction::CannotBeSent),
            Some(Err(Refusal::Resolved)) => Seen::Decided(Prediction::HasEnded),
            Some(Err(_)) => Seen::Decided(Prediction::CannotBeSent),
            Some(Ok(sendable)) => match self.entry(&sendable.message.body) {
                Some(entry) => Seen::Command(entry),
                None => Seen::Decided(Prediction::WouldFailAgain),
            },
        };
        Ok(ids.iter().map(look).collect())
    }

    fn entry(&self, body: &[u8]) -> Option<Entry> {
        // What panics when it is read is poison.
        let envelope = std::panic::catch_unwind(|| Envelope::decode(body).ok()).unwrap_or_default()?;
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
