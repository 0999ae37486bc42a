//! A consumer: a task reads ahead up to the bound, `next` hands out.
//!
//! Suspects are counted one by one and only when somebody asks for them: to count what is read ahead would blame a
//! message for the crash of its neighbour.
//!
//! **Invariant:** whatever the feed holds for this consumer is in [`Hand::unsettled`], and goes back when it ends.

use std::{
    collections::{HashMap, VecDeque},
    num::NonZeroU16,
    sync::{Arc, Mutex},
};

use async_trait::async_trait;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::{
    Core, POLL_INTERVAL, closed,
    feed::{Feed, Fetched, lock},
    reader::Reader,
    unreadable,
    writer::{Answer, Job, Reply},
};
use crate::broker::{BrokerError, Consumer, Delivery, Settled};

/// The most messages that are read at once.
const FETCH_MAX: usize = 256;

/// The consumer.
#[derive(Debug)]
pub(super) struct EmbeddedConsumer {
    core: Arc<Core>,
    feed: Arc<Feed>,
    hand: Arc<Hand>,
    /// The suspect that is being counted. Kept here so that `next` can be dropped and called again.
    suspect: tokio::sync::Mutex<Option<(Fetched, Reply)>>,
    ended: CancellationToken,
}

/// What is in the consumer's hand.
#[derive(Debug)]
struct Hand {
    bound: usize,
    state: Mutex<State>,
    /// There is something to hand out.
    arrived: Notify,
    /// There is room to read ahead.
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Read ahead.
    ahead: VecDeque<Fetched>,
    /// Everything that the feed holds for this consumer, by id: what is read ahead, too.
    unsettled: HashMap<i64, Held>,
    /// Why nothing comes any more.
    failed: Option<BrokerError>,
    /// The consumer was dropped.
    dropped: bool,
}

#[derive(Clone, Copy, Debug)]
struct Held {
    /// Whether it comes flagged the next time.
    redelivered: bool,
    /// Whether this delivery of it is counted already.
    counted: bool,
}

impl EmbeddedConsumer {
    /// Starts to read ahead.
    pub fn start(core: Arc<Core>, feed: Arc<Feed>, bound: NonZeroU16) -> Self {
        let hand = Arc::new(Hand {
            bound: usize::from(bound.get()),
            state: Mutex::default(),
            arrived: Notify::new(),
            room: Notify::new(),
        });
        let ended = core.signals.closing.child_token();
        core.tasks.spawn(read_ahead(
            feed.clone(),
            core.reader.clone(),
            hand.clone(),
            ended.clone(),
        ));
        Self {
            core,
            feed,
            hand,
            suspect: tokio::sync::Mutex::default(),
            ended,
        }
    }

    /// Sends a suspect off to be counted. It leaves the queue of what is read ahead only when nothing can be dropped
    /// in between.
    async fn count(&self, suspect: &mut Option<(Fetched, Reply)>) -> Result<(), BrokerError> {
        let place = self.core.writer.reserve().await?;
        if let Some(fetched) = lock(&self.hand.state).ahead.pop_front() {
            let ids = vec![fetched.row.id];
            let reply = place.send(Job::Count {
                queue: self.feed.queue(),
                ids,
            });
            *suspect = Some((fetched, reply));
        }
        Ok(())
    }

    /// Waits until the suspect is counted; `None` if that made it a dead letter.
    async fn counted(&self, suspect: &mut Option<(Fetched, Reply)>) -> Result<Option<Delivery>, BrokerError> {
        let Some((_, reply)) = suspect else {
            return Ok(None);
        };
        let answer = self.core.writer.wait(reply).await;
        let Some((fetched, _)) = suspect.take() else {
            return Ok(None);
        };
        match answer {
            Ok(Answer::Moved(0)) => Ok(Some(self.hand.give_out(fetched, true))),
            Ok(_) => {
                self.hand.forget(&[fetched.row.id]);
                Ok(None)
            }
            Err(failure) => {
                lock(&self.hand.state).ahead.push_front(fetched);
                Err(failure.into())
            }
        }
    }

    /// Splits off what was never this consumer's, or is not any more.
    fn own(&self, deliveries: &[Delivery]) -> (Vec<i64>, Settled) {
        let state = lock(&self.hand.state);
        let ids = deliveries
            .iter()
            .filter_map(|delivery| i64::try_from(delivery.tag).ok());
        let own: Vec<i64> = ids.filter(|id| state.unsettled.contains_key(id)).collect();
        let settled = if own.len() == deliveries.len() {
            Settled::Gone
        } else {
            Settled::ComesAgain
        };
        (own, settled)
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.ended.cancel();
        let unsettled = {
            let mut state = lock(&self.hand.state);
            state.dropped = true;
            state.ahead.clear();
            std::mem::take(&mut state.unsettled)
        };
        self.feed
            .put_back(unsettled.into_iter().map(|(id, held)| (id, held.redelivered)));
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn next(&self) -> Result<Delivery, BrokerError> {
        let mut suspect = self.suspect.lock().await;
        loop {
            if self.ended.is_cancelled() {
                return Err(closed());
            }
            if suspect.is_some() {
                if let Some(delivery) = self.counted(&mut suspect).await? {
                    return Ok(delivery);
                }
                continue;
            }
            match self.hand.take()? {
                Taken::Delivery(delivery) => return Ok(delivery),
                Taken::Suspect => self.count(&mut suspect).await?,
                Taken::Nothing => tokio::select! {
                    () = self.hand.arrived.notified() => {}
                    () = self.ended.cancelled() => {}
                },
            }
        }
    }

    fn try_next(&self) -> Option<Delivery> {
        // While a suspect is being counted everything behind it waits for its turn.
        let suspect = self.suspect.try_lock().ok()?;
        if suspect.is_some() || self.ended.is_cancelled() {
            return None;
        }
        match self.hand.take() {
            Ok(Taken::Delivery(delivery)) => Some(delivery),
            Ok(Taken::Suspect | Taken::Nothing) | Err(_) => None,
        }
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        let (ids, settled) = self.own(&deliveries);
        if ids.is_empty() {
            return Ok(settled);
        }
        let settling = Settling {
            consumer: self,
            ids: ids.clone(),
        };
        self.core
            .writer
            .ask(Job::Settle {
                queue: self.feed.queue(),
                ids,
            })
            .await?;
        settling.gone();
        Ok(settled)
    }

    async fn give_back(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        let (ids, settled) = self.own(&deliveries);
        let uncounted = {
            let state = lock(&self.hand.state);
            let counted = |id: &i64| state.unsettled.get(id).is_none_or(|held| held.counted);
            ids.iter().copied().filter(|id| !counted(id)).collect::<Vec<_>>()
        };
        // Dropped at the end, whatever comes before it: then they come again.
        let _settling = Settling { consumer: self, ids };
        if !uncounted.is_empty() {
            self.core
                .writer
                .ask(Job::Count {
                    queue: self.feed.queue(),
                    ids: uncounted,
                })
                .await?;
        }
        Ok(settled)
    }

    async fn reject(&self, delivery: Delivery) -> Result<Settled, BrokerError> {
        let (ids, settled) = self.own(&[delivery]);
        let Some(id) = ids.first().copied() else {
            return Ok(settled);
        };
        let settling = Settling { consumer: self, ids };
        self.core
            .writer
            .ask(Job::Reject {
                queue: self.feed.queue(),
                id,
            })
            .await?;
        settling.gone();
        Ok(settled)
    }
}

/// Deliveries on their way out of hand. Unless they are gone they come again when this is dropped, so also when
/// nobody waits for the answer.
struct Settling<'a> {
    consumer: &'a EmbeddedConsumer,
    ids: Vec<i64>,
}

impl Settling<'_> {
    fn gone(mut self) {
        self.consumer.hand.forget(&std::mem::take(&mut self.ids));
    }
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        if !self.ids.is_empty() {
            self.consumer.hand.forget(&self.ids);
            self.consumer.feed.put_back(self.ids.iter().map(|id| (*id, true)));
        }
    }
}

/// What there is to hand out.
enum Taken {
    Delivery(Delivery),
    /// The next one has to be counted first; it has not been taken.
    Suspect,
    Nothing,
}

impl Hand {
    fn take(&self) -> Result<Taken, BrokerError> {
        let fetched = {
            let mut state = lock(&self.state);
            match (state.ahead.front(), &state.failed) {
                (_, Some(error)) => return Err(error.clone()),
                (Some(next), None) if next.suspect => return Ok(Taken::Suspect),
                (_, None) => state.ahead.pop_front(),
            }
        };
        Ok(fetched.map_or(Taken::Nothing, |fetched| {
            Taken::Delivery(self.give_out(fetched, false))
        }))
    }

    fn give_out(&self, fetched: Fetched, counted: bool) -> Delivery {
        let held = Held {
            redelivered: true,
            counted,
        };
        lock(&self.state).unsettled.insert(fetched.row.id, held);
        Delivery {
            message: fetched.row.message,
            redelivered: fetched.redelivered,
            broker_reason: fetched.row.reason,
            tag: fetched.row.id.cast_unsigned(),
        }
    }

    fn free(&self) -> usize {
        self.bound.saturating_sub(lock(&self.state).unsettled.len())
    }

    /// Takes what was read; gives it back if the consumer is gone.
    fn accept(&self, fetched: Vec<Fetched>) -> Result<(), Vec<Fetched>> {
        {
            let mut state = lock(&self.state);
            if state.dropped {
                return Err(fetched);
            }
            for fetched in fetched {
                let held = Held {
                    redelivered: fetched.redelivered,
                    counted: false,
                };
                state.unsettled.insert(fetched.row.id, held);
                state.ahead.push_back(fetched);
            }
        }
        self.arrived.notify_one();
        Ok(())
    }

    fn fail(&self, error: BrokerError) {
        lock(&self.state).failed = Some(error);
        self.arrived.notify_one();
    }

    fn forget(&self, ids: &[i64]) {
        {
            let mut state = lock(&self.state);
            for id in ids {
                state.unsettled.remove(id);
            }
        }
        self.room.notify_one();
    }
}

/// Reads ahead until the consumer ends.
async fn read_ahead(feed: Arc<Feed>, reader: Arc<Reader>, hand: Arc<Hand>, ended: CancellationToken) {
    let mut changed = feed.subscribe();
    while !ended.is_cancelled() {
        changed.mark_unchanged();
        let count = hand.free().min(FETCH_MAX);
        if count > 0 {
            let fetched = match feed.fetch(&reader, count).await {
                Ok(fetched) => fetched,
                Err(error) => return hand.fail(unreadable(&error)),
            };
            let full = fetched.len() == count;
            if !fetched.is_empty()
                && let Err(fetched) = hand.accept(fetched)
            {
                feed.put_back(
                    fetched
                        .into_iter()
                        .map(|fetched| (fetched.row.id, fetched.redelivered)),
                );
                return;
            }
            if full {
                continue;
            }
        }
        // Other processes publish without a word, hence the poll.
        tokio::select! {
            () = ended.cancelled() => {}
            () = hand.room.notified() => {}
            _ = changed.changed(), if count > 0 => {}
            () = tokio::time::sleep(POLL_INTERVAL), if count > 0 => {}
        }
    }
}
