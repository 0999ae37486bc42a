//! A consumer: a task reads ahead up to the bound, `next` hands out.
//!
//! **Invariant:** suspects are counted one by one, and only when somebody asks for them: to count what is read ahead
//! would blame a message for the crash of its neighbour.

use std::{
    num::NonZeroU16,
    sync::{Arc, atomic::Ordering},
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::{
    Core, POLL_INTERVAL, closed,
    feed::{Feed, Fetched},
    hand::{Hand, Next, Out},
    reader::Reader,
    unreadable,
    writer::{Answer, Failure, Job, Reply},
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

impl EmbeddedConsumer {
    /// Starts to read ahead.
    pub fn start(core: Arc<Core>, feed: Arc<Feed>, bound: NonZeroU16) -> Self {
        let hand = Arc::new(Hand::new(bound));
        let ended = core.signals.closing.child_token();
        let reading = read_ahead(feed.clone(), core.reader.clone(), hand.clone(), ended.clone());
        core.tasks.spawn(reading);
        Self {
            core,
            feed,
            hand,
            suspect: tokio::sync::Mutex::default(),
            ended,
        }
    }

    fn tag(&self) -> u64 {
        self.core.next_tag.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends the suspect in front off to be counted. It is taken only when nothing can be dropped in between.
    async fn count(&self, suspect: &mut Option<(Fetched, Reply)>) -> Result<(), BrokerError> {
        let place = self.core.writer.reserve().await?;
        if let Some(fetched) = self.hand.take_suspect() {
            let ids = vec![fetched.row.id];
            let queue = self.feed.queue();
            *suspect = Some((fetched, place.send(Job::Count { queue, ids })));
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
            Ok(Answer::Moved(0)) => {
                let delivery = self.hand.hand_out_suspect(&self.feed, self.tag(), fetched);
                Ok(Some(delivery))
            }
            Ok(_) => {
                self.hand.forget_suspect();
                Ok(None)
            }
            Err(failure) => {
                self.hand.return_suspect(fetched);
                Err(failure.into())
            }
        }
    }

    /// Asks the writer to take deliveries out of hand. What it does not confirm comes again.
    async fn conclude(
        &self,
        deliveries: &[Delivery],
        job: impl FnOnce(&[Out]) -> Option<Job>,
    ) -> Result<Settled, BrokerError> {
        let out = self.hand.out(deliveries);
        let all_ours = out.len() == deliveries.len();
        let settling = Settling { consumer: self, out };
        let Some(job) = job(&settling.out) else {
            return Ok(if all_ours {
                Settled::Gone
            } else {
                Settled::ComesAgain
            });
        };
        match self.core.writer.ask(job).await {
            Ok(_) if all_ours => Ok(Settled::Gone),
            Ok(_) | Err(Failure::Closed) => Ok(Settled::ComesAgain),
            Err(failure) => Err(failure.into()),
        }
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.ended.cancel();
        self.feed.put_back(self.hand.end());
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
            match self.hand.next(&self.feed, self.tag())? {
                Next::Delivery(delivery) => return Ok(delivery),
                Next::Suspect => self.count(&mut suspect).await?,
                Next::Nothing => tokio::select! {
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
        match self.hand.next(&self.feed, self.tag()) {
            Ok(Next::Delivery(delivery)) => Some(delivery),
            Ok(Next::Suspect | Next::Nothing) | Err(_) => None,
        }
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        let queue = self.feed.queue();
        let job = |out: &[Out]| {
            let ids: Vec<i64> = out.iter().map(|out| out.id).collect();
            (!ids.is_empty()).then_some(Job::Settle { queue, ids })
        };
        self.conclude(&deliveries, job).await
    }

    async fn give_back(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        let queue = self.feed.queue();
        let job = |out: &[Out]| {
            let uncounted = out.iter().filter(|out| !out.counted);
            let ids: Vec<i64> = uncounted.map(|out| out.id).collect();
            (!ids.is_empty()).then_some(Job::Count { queue, ids })
        };
        self.conclude(&deliveries, job).await
    }

    async fn cease(&self) {
        self.stop().await;
    }

    async fn stop(&self) {
        self.ended.cancel();
        self.feed.put_back(self.hand.stop());
    }

    async fn reject(&self, delivery: Delivery) -> Result<Settled, BrokerError> {
        let queue = self.feed.queue();
        let job = |out: &[Out]| out.first().map(|out| Job::Reject { queue, id: out.id });
        self.conclude(&[delivery], job).await
    }
}

/// Deliveries on their way out of hand. When this is dropped they come again, unless the writer has told the feed
/// that they are gone: so also when nobody waits for the answer.
struct Settling<'a> {
    consumer: &'a EmbeddedConsumer,
    out: Vec<Out>,
}

impl Drop for Settling<'_> {
    fn drop(&mut self) {
        self.consumer.feed.put_back(self.out.iter().map(|out| out.id));
        self.consumer.hand.forget(&self.out);
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
                return feed.put_back(fetched.into_iter().map(|fetched| fetched.row.id));
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
