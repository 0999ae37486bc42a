//! The worker's loop: wait for SQL, consume, apply, settle; pause when SQL cannot be used, reconnect when the broker is
//! lost.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use shared::{
    broker::{Broker, BrokerError, Consumer, Delivery, Message, Queue},
    clock::Clock,
    domain::{Entry, IdKey},
    planned_fault::{Place, pass},
    role::Parts,
    settings::Settings,
    store::{Store, StoreError},
    traces::{Destination, Item, Processing, Traces},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    decide::{Decided, Decider, Fate},
    follow_up::FollowUp,
    intake::{Intake, Taken},
    metrics::{RetryReason, WorkerMetrics},
    outbox::{Outbox, settle},
    pace::{Pace, Seen},
    retention,
};

/// The largest body that is wrapped into a dead letter; as JSON it may grow sixfold and must stay below the 16 MiB that
/// RabbitMQ 4 takes. What is larger is rejected, and the broker dead-letters it as it is.
const MAX_WRAPPED_BYTES: usize = 2 * 1024 * 1024;

/// How many batches are worked on at once, if whole ones wait: one is read and decided while the other is on its way through
/// SQL.
const BATCHES_AT_ONCE: usize = 2;

#[derive(Debug)]
pub(crate) struct Worker {
    broker: Arc<dyn Broker>,
    decider: Decider,
    id_key: IdKey,
    follow_up: FollowUp,
    outbox: Outbox,
    metrics: WorkerMetrics,
    traces: Traces,
    consuming: Arc<AtomicBool>,
    keep_commands: Duration,
}

/// An envelope that nothing was decided of, and no command of the batch's spans: its delivery goes back.
const UNDECIDED: (usize, Option<Fate>) = (usize::MAX, None);

/// Batches on their way through SQL.
type UnderWay<'a> = FuturesUnordered<BoxFuture<'a, Result<(), Ended>>>;

/// Why consuming ended.
enum Ended {
    Stopped,
    Paused(StoreError),
    Lost(BrokerError),
}

impl Worker {
    pub(crate) fn new(settings: &Settings, parts: Parts, metrics: WorkerMetrics) -> Self {
        let decider = Decider {
            store: parts.store,
            clock: parts.clock,
            max_ahead_ms: settings.clock.max_ahead_ms(),
            max: settings.batch.max,
            metrics: metrics.clone(),
        };
        Self {
            follow_up: FollowUp::new(decider.clock.clone(), metrics.clone()),
            outbox: Outbox::new(parts.broker.clone(), metrics.clone()),
            broker: parts.broker,
            decider,
            id_key: parts.id_key,
            metrics,
            traces: parts.traces,
            consuming: Arc::default(),
            keep_commands: settings.retention.commands.0,
        }
    }

    pub(crate) fn consuming(&self) -> Arc<AtomicBool> {
        self.consuming.clone()
    }

    pub(crate) fn store(&self) -> Store {
        self.decider.store.clone()
    }

    fn clock(&self) -> &Clock {
        &self.decider.clock
    }

    /// Works until the token is cancelled and what is in hand is done.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let forget = retention::run(
            self.store(),
            self.clock().clone(),
            self.keep_commands,
            stop.clone(),
        );
        tokio::join!(self.work(stop), forget);
    }

    async fn work(&self, stop: CancellationToken) {
        let mut backoff = Backoff::new();
        while self.sql_takes_writes(&mut backoff, &stop).await {
            let ended = self.consume(&mut backoff, &stop).await;
            self.consuming.store(false, Ordering::Relaxed);
            self.metrics.prefetch.set(0);
            match ended {
                Ended::Stopped => break,
                Ended::Paused(error) => {
                    self.metrics.paused.set(1);
                    tracing::warn!(
                        error.kind = error.kind(),
                        error.code = error.code(),
                        error.reason = error.reason(),
                        "paused: SQL cannot be used; nothing is taken and no attempt is burnt until a probe has written"
                    );
                }
                Ended::Lost(error) => {
                    tracing::warn!(queue.name = Queue::Commands.name(), error = %error, "the broker is lost; consuming again");
                }
            }
            if !wait(backoff.next(), &stop).await {
                break;
            }
        }
        self.outbox.finish().await;
    }

    /// Waits until a probe has written; `false` if the service stops first.
    async fn sql_takes_writes(&self, backoff: &mut Backoff, stop: &CancellationToken) -> bool {
        let mut told = false;
        loop {
            let probe = tokio::select! {
                biased;
                () = stop.cancelled() => return false,
                probe = self.decider.store.probe(self.clock().now()) => probe,
            };
            let Err(error) = probe else {
                if self.metrics.paused.get() == 1 {
                    tracing::info!("resumed: a probe has written to SQL");
                }
                self.metrics.paused.set(0);
                return true;
            };
            self.metrics.paused.set(1);
            if !told {
                tracing::warn!(
                    error.kind = error.kind(),
                    error.code = error.code(),
                    error.reason = error.reason(),
                    "waiting for SQL"
                );
                told = true;
            }
            if !wait(backoff.next(), stop).await {
                return false;
            }
        }
    }

    async fn consume(&self, backoff: &mut Backoff, stop: &CancellationToken) -> Ended {
        let mut pace = Pace::Careful;
        loop {
            let bound = pace.in_hand(self.decider.max);
            let consumer = match self.broker.consume(Queue::Commands, bound).await {
                Ok(consumer) => consumer,
                Err(error) => return Ended::Lost(error),
            };
            self.consuming.store(true, Ordering::Relaxed);
            self.metrics.prefetch.set(bound.get().into());
            let mut intake = Intake::new(consumer);
            let left = self.drain(&mut intake, pace, backoff, stop).await;
            intake.stop().await;
            match left {
                Ok(next) => pace = next,
                Err(ended) => return ended,
            }
        }
    }

    /// Works through what one consumer brings, until another one is needed: says at which pace.
    async fn drain(
        &self,
        intake: &mut Intake,
        pace: Pace,
        backoff: &mut Backoff,
        stop: &CancellationToken,
    ) -> Result<Pace, Ended> {
        let consumer = intake.consumer().clone();
        let mut under_way = UnderWay::new();
        let next = self
            .take_on(intake, &consumer, pace, &mut under_way, backoff, stop)
            .await;
        // A batch that gives its deliveries back ends the consumer, which looks like a loss to whoever waits for more.
        all(&mut under_way).await?;
        let next = next?;
        // What was read ahead is not returned: the broker would count that.
        consumer.cease().await;
        while let Some(batch) = intake.read_ahead(pace.together(self.decider.max)) {
            if stop.is_cancelled() {
                self.give_back(&consumer, batch).await;
                return Err(Ended::Stopped);
            }
            self.see(&batch);
            self.process(&consumer, batch, stop).await?;
        }
        Ok(next)
    }

    /// Takes batches on, until another pace is better. While a batch is on its way through SQL what arrives is gathered; once
    /// that is a whole batch it need not wait. What came before and was not settled goes alone.
    async fn take_on<'a>(
        &'a self,
        intake: &mut Intake,
        consumer: &'a Arc<dyn Consumer>,
        pace: Pace,
        under_way: &mut UnderWay<'a>,
        backoff: &mut Backoff,
        stop: &'a CancellationToken,
    ) -> Result<Pace, Ended> {
        let max = pace.together(self.decider.max);
        let mut without_arrays = 0;
        loop {
            let least = if under_way.is_empty() { 1 } else { max };
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Ended::Stopped),
                Some(processed) = under_way.next() => {
                    processed?;
                    backoff.reset();
                    continue;
                }
                batch = intake.next(least, max), if under_way.len() < BATCHES_AT_ONCE => {
                    batch.map_err(Ended::Lost)?
                }
            };
            let seen = self.see(&batch);
            without_arrays = if seen.arrays { 0 } else { without_arrays + 1 };
            if pace != Pace::Careful && seen.fresh {
                under_way.push(self.process(consumer, batch, stop).boxed());
            } else {
                if let Err(ended) = all(under_way).await {
                    self.give_back(consumer, batch).await;
                    return Err(ended);
                }
                if pace == Pace::Careful && seen.fresh {
                    // Another pace comes next, and a message that is on its way to a consumer that ceases goes back counted.
                    // While this one is in hand none is.
                    consumer.cease().await;
                }
                self.process(consumer, batch, stop).await?;
                backoff.reset();
            }
            if let Some(next) = pace.after(seen, without_arrays, self.outbox.held()) {
                return Ok(next);
            }
        }
    }

    fn see(&self, batch: &[Taken]) -> Seen {
        let again = batch.iter().filter(|taken| taken.delivery.redelivered).count();
        self.metrics.redelivered.inc_by(again as u64);
        Seen {
            fresh: again == 0,
            arrays: batch.iter().any(|taken| taken.elements.len() > 1),
        }
    }

    async fn give_back(&self, consumer: &Arc<dyn Consumer>, batch: Vec<Taken>) {
        let deliveries: Vec<_> = batch.into_iter().map(|taken| taken.delivery).collect();
        self.metrics
            .in_hand
            .add(deliveries.len().try_into().unwrap_or(i64::MAX));
        self.outbox
            .give_back(consumer.as_ref(), deliveries, RetryReason::Other)
            .await;
    }

    /// One batch: decide and commit, then send on, then settle.
    async fn process(
        &self,
        consumer: &Arc<dyn Consumer>,
        batch: Vec<Taken>,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        self.metrics
            .in_hand
            .add(batch.len().try_into().unwrap_or(i64::MAX));
        let mut whole = Vec::with_capacity(batch.len());
        for taken in batch {
            match self.follow_up.parts(&taken) {
                Some(parts) => self
                    .outbox
                    .send(consumer.clone(), taken.delivery, parts, stop.clone()),
                None => whole.push(taken),
            }
        }
        let batch = whole;
        let entries = self.entries(&batch);
        let spans = self.begin_spans(&batch);
        let Decided { fates, outage } = self.decider.decide(&entries, &spans).await;

        let (mut done, mut back) = (Vec::new(), Vec::new());
        let mut fates = fates.into_iter().enumerate();
        for taken in batch {
            let fates: Vec<_> = taken
                .elements
                .iter()
                .map(|element| {
                    element
                        .envelope
                        .is_ok()
                        .then(|| fates.next().unwrap_or(UNDECIDED))
                })
                .collect();
            if fates.iter().flatten().any(|(_, fate)| fate.is_none()) {
                back.push(taken.delivery);
                continue;
            }
            let sent_on = self.sent_on(&taken, fates, &spans);
            if sent_on.is_empty() {
                done.push(taken.delivery);
            } else if taken.delivery.message.body.len() > MAX_WRAPPED_BYTES {
                self.reject(consumer, taken.delivery).await;
            } else {
                self.outbox
                    .send(consumer.clone(), taken.delivery, sent_on, stop.clone());
            }
        }
        self.metrics
            .in_hand
            .sub(done.len().try_into().unwrap_or(i64::MAX));
        if !done.is_empty() {
            pass(Place::CommittedNotSettled);
        }
        let settled = settle(consumer.as_ref(), done).await;
        if let Some(error) = outage {
            let reason = match error {
                StoreError::TimedOut(_) => RetryReason::Timeout,
                _ => RetryReason::DbUnavailable,
            };
            self.outbox.give_back(consumer.as_ref(), back, reason).await;
            return Err(Ended::Paused(error));
        }
        settled.map_err(Ended::Lost)
    }

    /// The spans of what is decided next: of each envelope, in the order of its entry.
    /// The commands of a batch, in their order.
    fn entries(&self, batch: &[Taken]) -> Vec<Entry> {
        batch
            .iter()
            .flat_map(|taken| {
                let attempt = taken.delivery.message.attempt;
                let envelopes = taken
                    .elements
                    .iter()
                    .filter_map(|element| element.envelope.as_ref().ok());
                envelopes.map(move |envelope| envelope.entry(attempt, &self.id_key))
            })
            .collect()
    }

    /// What follows from the fates of a delivery's elements, of each its place among the commands of the batch with it.
    fn sent_on(
        &self,
        taken: &Taken,
        fates: Vec<Option<(usize, Option<Fate>)>>,
        spans: &Processing,
    ) -> Vec<(Queue, Message)> {
        let elements = taken.elements.iter().zip(fates);
        elements
            .filter_map(|(element, fate)| {
                let (command, fate) = fate.unzip();
                let fate = fate.flatten();
                let _entered = command.and_then(|command| spans.enter(command));
                if let (Some(command), Some(fate)) = (command, &fate) {
                    spans.ended(command, fate.result(), fate.error());
                }
                self.follow_up.of(&taken.delivery, element, fate)
            })
            .collect()
    }

    fn begin_spans(&self, batch: &[Taken]) -> Processing {
        let from = Destination {
            system: self.broker.system(),
            queue: Queue::Commands,
        };
        let items = batch.iter().flat_map(|taken| {
            let message = &taken.delivery.message;
            let envelopes = taken
                .elements
                .iter()
                .filter_map(|element| element.envelope.as_ref().ok());
            envelopes.map(|envelope| Item {
                traceparent: envelope.traceparent.as_deref(),
                goes_on_in: message.traceparent.as_deref(),
                message_id: &message.message_id,
                operation: envelope.command.action.operation().as_str(),
                attempt: message.attempt,
                replay: message.replay,
            })
        });
        self.traces.processing(from, items)
    }

    async fn reject(&self, consumer: &Arc<dyn Consumer>, delivery: Delivery) {
        self.metrics.in_hand.dec();
        if let Err(error) = consumer.reject(delivery).await {
            tracing::warn!(error = %error, "a delivery could not be rejected; it comes again");
        }
    }
}

/// Waits for every batch that is under way; gives the first reason to stop among them.
async fn all(under_way: &mut UnderWay<'_>) -> Result<(), Ended> {
    let mut left = Ok(());
    while let Some(processed) = under_way.next().await {
        left = left.and(processed);
    }
    left
}

/// Waits; `false` if the service stops first.
async fn wait(duration: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(duration) => true,
    }
}
