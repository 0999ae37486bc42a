//! Replays of many: what one would come to, beginning one, following, stopping and resuming it. The work is done by
//! [`Runner`](crate::replays::Runner).

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use sha2::{Digest, Sha256};
use shared::{
    settings::AutomaticReplay,
    store::{
        StoreError,
        audit::{Act, Entry},
        replays::{NewReplay, ReplayPosition, ReplayRecord, ReplaySet, ReplayState, ReplayTally, Started},
    },
    wire::{Reason, rfc3339},
};
use uuid::{Builder, Uuid};

use super::{ActionError, Actions, By, FROZEN_MAX, Prediction, Selection};
use crate::replays::{Pace, ReplayView};

/// Who begins automatic replays. No caller can be called so: principals have a colon.
pub(crate) const POLICY: &str = "policy";

/// [`FROZEN_MAX`] as SQL takes it.
#[expect(clippy::cast_possible_truncation, reason = "it is far below 2^32")]
const LIMIT: u32 = FROZEN_MAX as u32;

/// What a replay would come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Preview {
    /// How many it would work on.
    pub(crate) matched: u64,
    /// Whether more match than a replay may have.
    pub(crate) truncated: bool,
    /// What would become of them.
    pub(crate) would: BTreeMap<Prediction, u64>,
}

impl Actions {
    /// How many dead letters a selection holds.
    pub(crate) async fn count(&self, selection: &Selection) -> Result<u64, StoreError> {
        match selection.as_of(self.now()) {
            Selection::Ids(ids) => Ok(ids.len().try_into().unwrap_or(u64::MAX)),
            Selection::Matching(filter) => self.store.dead_letters_count(&filter).await,
        }
    }

    /// The dry run of a replay of many: what it would come to if it began now.
    pub(crate) async fn preview(&self, selection: &Selection) -> Result<Preview, ActionError> {
        let selection = selection.as_of(self.now());
        let (ids, truncated) = self.store.replay_candidates(set(&selection), LIMIT).await?;
        let mut would = BTreeMap::new();
        for prediction in self.foresee(&ids).await? {
            *would.entry(prediction).or_default() += 1;
        }
        Ok(Preview {
            matched: ids.len().try_into().unwrap_or(u64::MAX),
            truncated,
            would,
        })
    }

    /// Begins a replay of many; its set is frozen then. Refuses if another number is found than expected.
    pub(crate) async fn start_replay(
        &self,
        selection: &Selection,
        pace: Pace,
        expected: Option<u64>,
        by: &By,
    ) -> Result<Uuid, ActionError> {
        let selection = selection.as_of(self.now());
        let new = NewReplay {
            id: Uuid::now_v7(),
            principal: by.0.clone(),
            request: selection.to_json(),
            rate: pace.rate,
            brake: pace.brake,
        };
        let entry = self.starting(&new);
        let started = self
            .store
            .start_replay(&new, set(&selection), LIMIT, expected, &entry)
            .await?;
        match (started, expected) {
            (Started::Unexpected(found), Some(expected)) => Err(ActionError::Unexpected {
                expected,
                found: found.into(),
            }),
            (Started::With(_) | Started::Unexpected(_), _) => Ok(new.id),
        }
    }

    fn starting(&self, new: &NewReplay) -> Entry {
        Entry {
            selection: Some(new.request.clone()),
            ..Entry::new(Act::ReplayStarted, &new.principal, self.now())
        }
    }

    /// Begins a replay of the dead letters that the policy sends by itself and that had been sent again so often before; `None`
    /// if there is none, or another process has begun it.
    pub(crate) async fn start_automatic(
        &self,
        policy: &AutomaticReplay,
        replay: u32,
    ) -> Result<Option<Uuid>, StoreError> {
        let Some(received_before) = due_before(policy, replay, self.now()) else {
            return Ok(None);
        };
        let set = ReplaySet::Due {
            reasons: &policy.reasons.0,
            replay,
            received_before,
            principal: POLICY,
        };
        let (oldest, _) = self.store.replay_candidates(set, 1).await?;
        let Some(oldest) = oldest.first() else {
            return Ok(None);
        };
        let pace = Pace::default();
        let reasons: Vec<_> = policy.reasons.0.iter().copied().map(Reason::as_str).collect();
        let request = json!({ "reasons": reasons, "replay": replay, "until": rfc3339(received_before) });
        let new = NewReplay {
            id: automatic_id(*oldest),
            principal: POLICY.to_owned(),
            request: request.to_string(),
            rate: pace.rate,
            brake: pace.brake,
        };
        let entry = self.starting(&new);
        match self.store.start_replay(&new, set, LIMIT, None, &entry).await {
            Ok(_) => Ok(Some(new.id)),
            // Another process has begun it, or is about to.
            Err(StoreError::Conflict(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// A replay as it stands; `None` if there is none.
    pub(crate) async fn replay_progress(&self, id: Uuid) -> Result<Option<ReplayView>, StoreError> {
        let Some(record) = self.store.replay(id).await? else {
            return Ok(None);
        };
        let tally = self.store.replay_tally(id).await?;
        Ok(Some(ReplayView::new(&record, &tally)))
    }

    /// A page of replays, newest first, from a position on, and where the next one starts.
    pub(crate) async fn replays_page(
        &self,
        after: Option<ReplayPosition>,
        limit: u64,
    ) -> Result<(Vec<ReplayView>, Option<ReplayPosition>), StoreError> {
        let mut records = self.store.replays_page(after, limit + 1).await?;
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = records.len() > limit;
        records.truncate(limit);
        let ids: Vec<Uuid> = records.iter().map(|record| record.id).collect();
        let tallies = self.store.replay_tallies(&ids).await?;
        let nothing = ReplayTally::default();
        let view = |record| ReplayView::new(record, tallies.get(&record.id).unwrap_or(&nothing));
        let next = records.last().filter(|_| more).map(|last| ReplayPosition {
            created_at: last.created_at,
            id: last.id,
        });
        Ok((records.iter().map(view).collect(), next))
    }

    /// So many replays: those that run, then the newest.
    pub(crate) async fn recent_replays(&self, limit: u64) -> Result<Vec<ReplayRecord>, StoreError> {
        let mut recent = self.store.running_replays(limit).await?;
        for replay in self.store.replays_page(None, limit).await? {
            if recent.iter().all(|known| known.id != replay.id) {
                recent.push(replay);
            }
        }
        recent.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(recent)
    }

    /// Stops a replay; one that does not run already is left as it is.
    pub(crate) async fn stop_replay(&self, id: Uuid, by: &By) -> Result<(), ActionError> {
        let entry = Entry::new(Act::ReplayStopped, &by.0, self.now());
        turned(self.store.stop_replay(id, &entry).await?)
    }

    /// Lets a replay that was stopped or braked go on; one that runs is left as it is.
    pub(crate) async fn resume_replay(&self, id: Uuid, by: &By) -> Result<(), ActionError> {
        let entry = Entry::new(Act::ReplayResumed, &by.0, self.now());
        turned(self.store.resume_replay(id, &entry).await?)
    }
}

fn set(selection: &Selection) -> ReplaySet<'_> {
    match selection {
        Selection::Ids(ids) => ReplaySet::Ids(ids),
        Selection::Matching(filter) => ReplaySet::Matching(filter),
    }
}

fn turned(before: Option<ReplayState>) -> Result<(), ActionError> {
    match before {
        None => Err(ActionError::NoReplay),
        Some(ReplayState::Finished) => Err(ActionError::ReplayEnded),
        Some(ReplayState::Running | ReplayState::Stopped | ReplayState::Braked) => Ok(()),
    }
}

/// Dead letters stored before this time have waited long enough to be sent for the next time: twice as long with each.
fn due_before(policy: &AutomaticReplay, replay: u32, now: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let wait = policy.apart.0.checked_mul(2_u32.checked_pow(replay)?)?;
    let before = now.checked_sub_signed(TimeDelta::from_std(wait).ok()?)?;
    // Nothing is older than contato, and no database knows every year of the calendar's.
    (before > DateTime::UNIX_EPOCH).then_some(before)
}

/// The same in every process that begins the replay in which this is the oldest dead letter, so that one does.
fn automatic_id(oldest: Uuid) -> Uuid {
    let mut hash = Sha256::new();
    hash.update(b"automatic replay");
    hash.update(oldest.as_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&digest[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn each_time_waits_twice_as_long_and_never_overflows() {
        let policy = AutomaticReplay::default();
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(20_000);
        for (replay, waits) in [(0, 15), (1, 30), (2, 60)] {
            let before = now - TimeDelta::from_std(Duration::from_secs(waits * 60)).unwrap();
            assert_eq!(due_before(&policy, replay, now), Some(before));
        }
        for replay in [31, 32, 99] {
            assert_eq!(due_before(&policy, replay, now), None);
        }
    }
}
