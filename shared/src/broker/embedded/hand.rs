//! What one consumer has in hand: what is read ahead, and what was handed out and is not settled.
//!
//! **Invariant:** whatever the feed holds for this consumer is in here, and goes back when the consumer ends.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU16,
    sync::Mutex,
    time::Instant,
};

use tokio::sync::Notify;

use super::feed::{Feed, Fetched, lock};
use crate::broker::{BrokerError, Delivery};

/// The hand.
#[derive(Debug)]
pub(super) struct Hand {
    bound: usize,
    state: Mutex<State>,
    /// There is something to hand out, or the reason why nothing comes any more.
    pub arrived: Notify,
    /// There is room to read ahead.
    pub room: Notify,
}

#[derive(Debug, Default)]
struct State {
    ahead: VecDeque<Fetched>,
    /// The suspect that is being counted.
    counting: Option<i64>,
    /// By tag.
    out: HashMap<u64, Out>,
    /// Why nothing comes any more.
    failed: Option<BrokerError>,
    dropped: bool,
}

/// A delivery that is out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Out {
    /// The tag, which is the delivery's own: the next delivery of the message has another.
    pub tag: u64,
    /// The message.
    pub id: i64,
    /// Whether this delivery was counted before it went out.
    pub counted: bool,
}

/// What there is to hand out.
pub(super) enum Next {
    /// A message, which is out now.
    Delivery(Delivery),
    /// The next one has to be counted first; it has not been taken.
    Suspect,
    /// Nothing yet.
    Nothing,
}

impl Hand {
    /// An empty hand.
    pub fn new(bound: NonZeroU16) -> Self {
        Self {
            bound: usize::from(bound.get()),
            state: Mutex::default(),
            arrived: Notify::new(),
            room: Notify::new(),
        }
    }

    /// How many more messages may be read ahead.
    pub fn free(&self) -> usize {
        let state = lock(&self.state);
        let held = state.ahead.len() + state.out.len() + usize::from(state.counting.is_some());
        self.bound.saturating_sub(held)
    }

    /// Takes what was read for this consumer; gives it back if the consumer is gone.
    pub fn accept(&self, fetched: Vec<Fetched>) -> Result<(), Vec<Fetched>> {
        {
            let mut state = lock(&self.state);
            if state.dropped {
                return Err(fetched);
            }
            state.ahead.extend(fetched);
        }
        self.arrived.notify_one();
        Ok(())
    }

    /// Says why nothing comes any more.
    pub fn fail(&self, error: BrokerError) {
        lock(&self.state).failed = Some(error);
        self.arrived.notify_one();
    }

    /// Hands out the next message that was read ahead.
    pub fn next(&self, feed: &Feed, tag: u64) -> Result<Next, BrokerError> {
        let mut state = lock(&self.state);
        if let Some(error) = &state.failed {
            return Err(error.clone());
        }
        if state.ahead.front().is_some_and(|next| next.suspect) {
            return Ok(Next::Suspect);
        }
        let Some(fetched) = state.ahead.pop_front() else {
            return Ok(Next::Nothing);
        };
        Ok(Next::Delivery(state.hand_out(feed, tag, fetched, false)))
    }

    /// Takes the suspect in front, to be counted.
    pub fn take_suspect(&self) -> Option<Fetched> {
        let mut state = lock(&self.state);
        let suspect = state.ahead.pop_front()?;
        state.counting = Some(suspect.row.id);
        Some(suspect)
    }

    /// Puts the suspect back: it could not be counted.
    pub fn return_suspect(&self, suspect: Fetched) {
        let mut state = lock(&self.state);
        state.counting = None;
        state.ahead.push_front(suspect);
    }

    /// Forgets the suspect: it has become a dead letter.
    pub fn forget_suspect(&self) {
        lock(&self.state).counting = None;
        self.room.notify_one();
    }

    /// Hands the suspect out: it is counted.
    pub fn hand_out_suspect(&self, feed: &Feed, tag: u64, suspect: Fetched) -> Delivery {
        let mut state = lock(&self.state);
        state.counting = None;
        state.hand_out(feed, tag, suspect, true)
    }

    /// Those of the deliveries that are out of this hand.
    pub fn out(&self, deliveries: &[Delivery]) -> Vec<Out> {
        let state = lock(&self.state);
        let out = deliveries
            .iter()
            .filter_map(|delivery| state.out.get(&delivery.tag));
        out.copied().collect()
    }

    /// Forgets deliveries that were out.
    pub fn forget(&self, out: &[Out]) {
        {
            let mut state = lock(&self.state);
            for out in out {
                state.out.remove(&out.tag);
            }
        }
        self.room.notify_one();
    }

    /// Takes nothing more; what was read ahead has to go back, what is out stays.
    pub fn stop(&self) -> Vec<i64> {
        let mut state = lock(&self.state);
        state.dropped = true;
        let ahead = std::mem::take(&mut state.ahead);
        ahead.into_iter().map(|fetched| fetched.row.id).collect()
    }

    /// Ends the hand; what was in it has to go back.
    pub fn end(&self) -> Vec<i64> {
        let mut state = lock(&self.state);
        state.dropped = true;
        let ahead = std::mem::take(&mut state.ahead);
        let out = std::mem::take(&mut state.out);
        let counting = state.counting.take();
        let ahead = ahead.into_iter().map(|fetched| fetched.row.id);
        ahead
            .chain(counting)
            .chain(out.into_values().map(|out| out.id))
            .collect()
    }
}

impl State {
    /// Within one lock from taken to out: in between there would seem to be room for one more.
    fn hand_out(&mut self, feed: &Feed, tag: u64, fetched: Fetched, counted: bool) -> Delivery {
        let id = fetched.row.id;
        feed.handed_out(id);
        self.out.insert(tag, Out { tag, id, counted });
        Delivery {
            message: fetched.row.message,
            redelivered: fetched.redelivered,
            returns: (fetched.row.deliveries + u32::from(counted)).max(u32::from(fetched.redelivered)),
            broker_reason: fetched.row.reason,
            taken_at: Instant::now(),
            tag,
        }
    }
}
