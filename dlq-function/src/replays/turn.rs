//! A process's turn with one replay: rounds of sending, of looking what became of it, and of keeping the lease.

use std::{collections::BTreeMap, time::Duration};

use chrono::TimeDelta;
use futures_util::future::join_all;
use shared::{
    broker::{Message, PublishError},
    planned_fault::{Place, pass},
    store::{
        StoreError,
        replays::{ItemState, Lease, ReplayCounts, ReplayItem, ReplayRecord, ReplayState},
    },
};
use tokio::time::Instant;
use uuid::Uuid;

use super::pace::{Pace, Ramp};
use crate::{
    actions::{Actions, Sendable},
    metrics::{DlqMetrics, How},
};

/// How long a process that does not say so any more counts as working on a replay.
const LEASE: TimeDelta = TimeDelta::seconds(30);
/// How often it says so, and sees that a person has stopped the replay.
const HOLD_EVERY: Duration = Duration::from_millis(400);
/// How soon after an outcome the next ones are looked for.
const LOOK_MIN: Duration = Duration::from_millis(50);
/// How often they are looked for while none come.
const LOOK_MAX: Duration = Duration::from_millis(400);
/// After so long without an outcome, with nothing left to send, those that were sent count as unknown.
const SILENCE_MAX: Duration = Duration::from_secs(10 * 60);

/// How a round went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Went {
    /// The next one is due after so long.
    On(Duration),
    /// The replay was stopped, or another process works on it.
    Lost,
    /// It does not run any more.
    Ended(ReplayState),
}

/// Why a round did not get through; the next one tries again.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoundError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Broker(#[from] PublishError),
}

/// A turn.
pub(super) struct Turn<'a> {
    actions: &'a Actions,
    metrics: &'a DlqMetrics,
    replay: Uuid,
    owner: Uuid,
    pace: Pace,
    ramp: Ramp,
    counts: ReplayCounts,
    /// No item before this position waits.
    from: u32,
    all_sent: bool,
    unsettled: BTreeMap<u32, ReplayItem>,
    look_every: Duration,
    look_at: Instant,
    send_at: Instant,
    held_at: Instant,
    heard_at: Instant,
}

impl<'a> Turn<'a> {
    /// Takes the turn, with what an earlier one had sent; `None` if it cannot be had.
    pub(super) async fn begin(
        actions: &'a Actions,
        metrics: &'a DlqMetrics,
        replay: &ReplayRecord,
    ) -> Result<Option<Self>, StoreError> {
        let now = Instant::now();
        let pace = Pace {
            rate: replay.rate,
            brake: replay.brake,
        };
        let mut turn = Self {
            actions,
            metrics,
            replay: replay.id,
            owner: Uuid::now_v7(),
            pace,
            ramp: Ramp::new(pace),
            counts: ReplayCounts::default(),
            from: 0,
            all_sent: false,
            unsettled: BTreeMap::new(),
            look_every: LOOK_MIN,
            look_at: now,
            send_at: now,
            held_at: now,
            heard_at: now,
        };
        if !actions.store.take_replay(&turn.lease()).await? {
            return Ok(None);
        }
        let unsettled = actions.store.sent_items(replay.id).await?;
        turn.unsettled = unsettled.into_iter().map(|item| (item.position, item)).collect();
        turn.counts = actions.store.noted_counts(replay.id).await?;
        Ok(Some(turn))
    }

    pub(super) fn replay(&self) -> Uuid {
        self.replay
    }

    pub(super) fn counts(&self) -> &ReplayCounts {
        &self.counts
    }

    /// Lets another process go on at once. If SQL does not answer, it goes on when the lease ends.
    pub(super) async fn give_up(&self) {
        drop(self.actions.store.release_replay(&self.lease()).await);
    }

    fn lease(&self) -> Lease {
        let now = self.actions.now();
        Lease {
            replay: self.replay,
            owner: self.owner,
            now,
            until: now + LEASE,
        }
    }

    /// Looks what has become of what was sent, sends more if there is room, and ends the replay when there is no more to do.
    pub(super) async fn round(&mut self) -> Result<Went, RoundError> {
        let now = Instant::now();
        if !self.unsettled.is_empty() && now >= self.look_at {
            self.look().await?;
        }
        // With nothing left to send there is nothing to brake.
        if self.ramp.brakes() && self.counts.waiting > 0 {
            return self.end(ReplayState::Braked).await;
        }
        if self.all_sent && self.unsettled.is_empty() {
            return self.end(ReplayState::Finished).await;
        }
        let room = self.ramp.room(self.unsettled.len()).min(self.pace.chunk());
        if room > 0 && !self.all_sent && now >= self.send_at {
            return self.send(room).await;
        }
        if now.duration_since(self.held_at) >= HOLD_EVERY {
            if !self.actions.store.hold_replay(&self.lease()).await? {
                return Ok(Went::Lost);
            }
            self.held_at = now;
        }
        let mut next = self.held_at + HOLD_EVERY;
        if !self.unsettled.is_empty() {
            next = next.min(self.look_at);
        }
        if room > 0 && !self.all_sent {
            next = next.min(self.send_at);
        }
        Ok(Went::On(next.saturating_duration_since(Instant::now())))
    }

    async fn end(&self, state: ReplayState) -> Result<Went, RoundError> {
        let ended = self.actions.store.end_replay(&self.lease(), state).await?;
        if ended && state == ReplayState::Braked {
            self.metrics.braked();
        }
        Ok(if ended { Went::Ended(state) } else { Went::Lost })
    }

    /// Notes outcomes. After a long silence with nothing left to send, what was sent counts as unknown.
    async fn look(&mut self) -> Result<(), RoundError> {
        let now = Instant::now();
        let mut outcomes = self.actions.store.item_outcomes(self.unsettled.values()).await?;
        let waits_for_them = self.all_sent || self.ramp.room(self.unsettled.len()) == 0;
        if outcomes.is_empty() && waits_for_them && now.duration_since(self.heard_at) >= SILENCE_MAX {
            let positions = self.unsettled.keys();
            outcomes = positions
                .map(|position| (*position, ItemState::Unknown))
                .collect();
        }
        self.look_every = if outcomes.is_empty() {
            (self.look_every * 2).min(LOOK_MAX)
        } else {
            self.heard_at = now;
            LOOK_MIN
        };
        self.look_at = now + self.look_every;
        let settled: Vec<ReplayItem> = outcomes
            .into_iter()
            .filter_map(|(position, state)| {
                let item = self.unsettled.get(&position)?.clone();
                Some(ReplayItem { state, ..item })
            })
            .collect();
        if settled.is_empty() {
            return Ok(());
        }
        self.actions
            .store
            .save_items(self.replay, &settled, self.actions.now())
            .await?;
        for item in settled {
            self.unsettled.remove(&item.position);
            self.count(ItemState::Sent, item.state);
        }
        Ok(())
    }

    /// An item has changed its state, and SQL knows it.
    fn count(&mut self, from: ItemState, to: ItemState) {
        self.counts.move_one(from, to);
        self.metrics.replayed(to);
        match to {
            ItemState::Applied | ItemState::Superseded | ItemState::Rejected => self.ramp.settled(false),
            ItemState::DeadAgain => self.ramp.settled(true),
            ItemState::Waiting | ItemState::Sent | ItemState::Refused | ItemState::Unknown => {}
        }
    }

    /// Sends the next items, as many at most: announced, published, noted.
    async fn send(&mut self, room: usize) -> Result<Went, RoundError> {
        let started = Instant::now();
        let store = &self.actions.store;
        let limit = u64::try_from(room).unwrap_or(u64::MAX);
        let waiting = store.waiting_items(self.replay, self.from, limit).await?;
        let Some(last) = waiting.last().map(|item| item.position) else {
            self.all_sent = true;
            return Ok(Went::On(Duration::ZERO));
        };
        let Prepared { items, messages } = self.prepare(waiting).await?;
        let Some(announced) = store.announce_items(&self.lease(), &items).await? else {
            return Ok(Went::Lost);
        };
        self.held_at = started;
        for item in items.iter().filter(|item| item.state != ItemState::Waiting) {
            self.count(ItemState::Waiting, item.state);
        }
        let going = items.into_iter().filter(|item| item.state == ItemState::Waiting);
        let (going, left): (Vec<_>, Vec<_>) = going
            .zip(messages)
            .partition(|(item, _)| announced.contains(&item.position));
        let left = left.first().map(|(item, _)| item.position);
        let results = join_all(going.iter().map(|(_, message)| self.publish(message))).await;
        let (mut sent, mut failed) = (Vec::new(), None);
        self.send_at = started + self.pace.rest_after(going.len());
        for ((item, _), result) in going.into_iter().zip(results) {
            match result {
                Ok(()) => sent.push(ReplayItem {
                    state: ItemState::Sent,
                    sent_at: Some(self.actions.now()),
                    ..item
                }),
                Err(error) => {
                    failed.get_or_insert((item.position, error));
                }
            }
        }
        store.save_items(self.replay, &sent, self.actions.now()).await?;
        self.heard_at = Instant::now();
        for item in sent {
            self.count(ItemState::Waiting, ItemState::Sent);
            self.unsettled.insert(item.position, item);
        }
        match failed {
            Some((position, error)) => {
                self.from = position;
                Err(error.into())
            }
            None => {
                self.from = left.unwrap_or(last + 1);
                Ok(Went::On(left.map_or(Duration::ZERO, |_| LOOK_MIN)))
            }
        }
    }

    async fn publish(&self, message: &Message) -> Result<(), PublishError> {
        self.actions.publish(message).await?;
        self.metrics.resolved(How::Replayed);
        pass(Place::ReplayedNotMarked);
        Ok(())
    }

    /// Finds out what is to be sent of items that wait. One that an earlier turn had announced, and that has an outcome now, was
    /// sent by that one.
    async fn prepare(&self, waiting: Vec<ReplayItem>) -> Result<Prepared, StoreError> {
        let announced = waiting.iter().filter(|item| item.identity.is_some());
        let outcomes = self.actions.store.item_outcomes(announced).await?;
        let outcomes: BTreeMap<u32, ItemState> = outcomes.into_iter().collect();
        let ids: Vec<Uuid> = waiting.iter().map(|item| item.dead_letter).collect();
        let mut found = self.actions.sendable(&ids).await?;
        let mut prepared = Prepared {
            items: Vec::with_capacity(waiting.len()),
            messages: Vec::new(),
        };
        for mut item in waiting {
            let sendable = found.remove(&item.dead_letter);
            match (outcomes.get(&item.position), sendable) {
                (Some(outcome), _) => item.state = *outcome,
                (
                    None,
                    Some(Ok(Sendable {
                        message,
                        command,
                        next,
                    })),
                ) => {
                    item.command = command;
                    item.identity = Some(next);
                    prepared.messages.push(message);
                }
                (None, Some(Err(refusal))) => {
                    item.state = ItemState::Refused;
                    item.refusal = Some(refusal);
                }
                (None, None) => {
                    item.state = ItemState::Refused;
                    item.refusal = Some(shared::store::replays::Refusal::Missing);
                }
            }
            prepared.items.push(item);
        }
        Ok(prepared)
    }
}

/// Items to announce, and the messages of those that stay waiting, in the same order.
struct Prepared {
    items: Vec<ReplayItem>,
    messages: Vec<Message>,
}
