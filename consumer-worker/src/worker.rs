//! The worker's loop: wait for SQL, consume, apply, settle; pause when SQL cannot be used, reconnect when the broker is
//! lost.

use std::{
    num::NonZeroU16,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shared::{
    broker::{Broker, BrokerError, CONTENT_TYPE_JSON, Delivery, Message, Queue, RetryTier},
    clock::Clock,
    domain::{IdKey, Poison, Verdict},
    role::Parts,
    settings::Settings,
    store::{Store, StoreError},
    wire::{DeadLetter, Envelope, Payload, Reason},
};
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    decide::{Decided, Decider, Fate},
    intake::{Element, Intake, Taken},
    metrics::WorkerMetrics,
    outbox::{Outbox, settle},
    retention,
};

/// The largest body that is wrapped into a dead letter; as JSON it may grow sixfold and must stay below the 16 MiB that
/// RabbitMQ 4 takes. What is larger is rejected, and the broker dead-letters it as it is.
const MAX_WRAPPED_BYTES: usize = 2 * 1024 * 1024;

/// The most deliveries that wait to be sent on while others are taken one at a time. Each keeps its consumer.
const HELD_MAX: usize = 16;

/// How many deliveries are in hand once messages have come that are arrays: of at most
/// [`MAX_ENVELOPES`](shared::wire::MAX_ENVELOPES) commands each.
const ARRAYS_IN_HAND: usize = 16;

/// How many deliveries are in hand for each command of a batch.
const BATCHES_IN_HAND: usize = 2;

#[derive(Debug)]
pub(crate) struct Worker {
    broker: Arc<dyn Broker>,
    decider: Decider,
    id_key: IdKey,
    outbox: Outbox,
    metrics: WorkerMetrics,
    name: String,
    consuming: Arc<AtomicBool>,
    keep_commands: Duration,
}

/// How much is taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// One delivery: after a start, a pause or a reconnect, and as long as deliveries come that had come before. A message
    /// that ends the process is then alone in hand and takes no neighbour over the broker's delivery limit.
    Careful,
    /// Batches.
    Full,
    /// Batches of messages that are arrays themselves. The broker counts messages, not the commands in them, so fewer are
    /// taken into hand.
    Arrays,
}

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
            outbox: Outbox::new(parts.broker.clone(), metrics.clone()),
            broker: parts.broker,
            decider,
            id_key: parts.id_key,
            metrics,
            name: worker_name(),
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
            match ended {
                Ended::Stopped => break,
                Ended::Paused(error) => {
                    self.metrics.paused.set(1);
                    tracing::warn!(
                        error.kind = error.kind(),
                        error.code = error.code(),
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
                let schema = matches!(error, StoreError::Schema(_)).then(|| error.to_string());
                tracing::warn!(
                    error.kind = error.kind(),
                    error.code = error.code(),
                    schema,
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
            let consumer = match self.broker.consume(Queue::Commands, self.bound(pace)).await {
                Ok(consumer) => consumer,
                Err(error) => return Ended::Lost(error),
            };
            self.consuming.store(true, Ordering::Relaxed);
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
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => return Err(Ended::Stopped),
                batch = intake.next(self.batch_max(pace)) => batch.map_err(Ended::Lost)?,
            };
            let fresh = !batch.iter().any(|taken| taken.delivery.redelivered);
            let arrays = batch.iter().any(|taken| taken.elements.len() > 1);
            self.process(intake, batch, stop).await?;
            backoff.reset();
            match pace {
                Pace::Careful if fresh => return Ok(Pace::Full),
                // The one delivery that may be in hand waits to be sent on: without a new consumer nothing more would come.
                Pace::Careful if (1..=HELD_MAX).contains(&self.outbox.held()) => return Ok(Pace::Careful),
                Pace::Full if arrays => return Ok(Pace::Arrays),
                Pace::Careful | Pace::Full | Pace::Arrays => {}
            }
        }
    }

    fn batch_max(&self, pace: Pace) -> usize {
        match pace {
            Pace::Careful => 1,
            Pace::Full | Pace::Arrays => self.decider.max,
        }
    }

    fn bound(&self, pace: Pace) -> NonZeroU16 {
        let bound = match pace {
            Pace::Careful => 1,
            Pace::Full => self.decider.max * BATCHES_IN_HAND,
            Pace::Arrays => ARRAYS_IN_HAND,
        };
        u16::try_from(bound)
            .ok()
            .and_then(NonZeroU16::new)
            .unwrap_or(NonZeroU16::MAX)
    }

    /// One batch: decide and commit, then send on, then settle.
    async fn process(
        &self,
        intake: &Intake,
        batch: Vec<Taken>,
        stop: &CancellationToken,
    ) -> Result<(), Ended> {
        self.metrics
            .in_hand
            .add(batch.len().try_into().unwrap_or(i64::MAX));
        let entries: Vec<_> = batch
            .iter()
            .flat_map(|taken| {
                let attempt = taken.delivery.message.attempt;
                let envelopes = taken
                    .elements
                    .iter()
                    .filter_map(|element| element.envelope.as_ref().ok());
                envelopes.map(move |envelope| envelope.entry(attempt, &self.id_key))
            })
            .collect();
        let Decided { fates, outage } = self.decider.decide(&entries).await;

        let (mut done, mut back) = (Vec::new(), Vec::new());
        let mut fates = fates.into_iter();
        for taken in batch {
            let fates: Vec<_> = taken
                .elements
                .iter()
                .map(|element| element.envelope.is_ok().then(|| fates.next().flatten()))
                .collect();
            if fates.contains(&Some(None)) {
                back.push(taken.delivery);
                continue;
            }
            let sent_on: Vec<_> = taken
                .elements
                .iter()
                .zip(fates)
                .filter_map(|(element, fate)| self.sent_on(&taken.delivery, element, fate.flatten()))
                .collect();
            if sent_on.is_empty() {
                done.push(taken.delivery);
            } else if taken.delivery.message.body.len() > MAX_WRAPPED_BYTES {
                self.reject(intake, taken.delivery).await;
            } else {
                self.outbox
                    .send(intake.consumer().clone(), taken.delivery, sent_on, stop.clone());
            }
        }
        self.metrics
            .in_hand
            .sub(done.len().try_into().unwrap_or(i64::MAX));
        let settled = settle(intake.consumer().as_ref(), done).await;
        if let Some(error) = outage {
            self.outbox.give_back(intake.consumer().as_ref(), back).await;
            return Err(Ended::Paused(error));
        }
        settled.map_err(Ended::Lost)
    }

    /// What an element sends on, if anything: its next attempt, or a dead letter. Counts what became of it.
    fn sent_on(
        &self,
        delivery: &Delivery,
        element: &Element,
        fate: Option<Fate>,
    ) -> Option<(Queue, Message)> {
        let envelope = match &element.envelope {
            Ok(envelope) => envelope,
            Err(error) => return Some(self.dead_letter(delivery, element, error.reason, &error.detail)),
        };
        let operation = envelope.command.action.operation();
        match fate? {
            Fate::Decided(Verdict::Finished(outcome)) => {
                let latency_ms = self.clock().now_ms().saturating_sub(envelope.command.stamp.ms());
                self.metrics.finished(operation, outcome, latency_ms);
                None
            }
            Fate::Decided(Verdict::Repeat(_)) => {
                self.metrics.repeated(operation);
                None
            }
            Fate::Decided(Verdict::Poison(poison)) => {
                let (reason, detail) = why(poison);
                Some(self.dead_letter(delivery, element, reason, detail))
            }
            Fate::Panicked => Some(self.dead_letter(
                delivery,
                element,
                Reason::HandlerPanic,
                "handling the command panicked",
            )),
            Fate::Refused(detail) => match RetryTier::after_attempt(delivery.message.attempt) {
                Some(tier) => {
                    self.metrics.retried(tier);
                    Some((Queue::Retry(tier), next_attempt(delivery, element, envelope)))
                }
                None => Some(self.dead_letter(delivery, element, Reason::StoreRefused, &detail)),
            },
        }
    }

    fn dead_letter(
        &self,
        delivery: &Delivery,
        element: &Element,
        reason: Reason,
        detail: &str,
    ) -> (Queue, Message) {
        let envelope = element.envelope.as_ref().ok();
        let command = envelope.map(|envelope| &envelope.command);
        self.metrics
            .dead_lettered(command.map(|command| command.action.operation()), reason);
        let letter = DeadLetter {
            reason,
            detail: detail.to_owned(),
            attempt: delivery.message.attempt,
            replay: delivery.message.replay,
            failed_at: self.clock().now(),
            worker: self.name.clone(),
            traceparent: envelope.and_then(|envelope| envelope.traceparent.clone()),
            content_type: delivery.message.content_type.clone(),
            payload: Payload(delivery.message.body[element.span.clone()].to_vec()),
        };
        tracing::warn!(
            command.id = command.map(|command| tracing::field::display(command.id)),
            contact.id = command.map(|command| tracing::field::display(command.contact_id)),
            reason = reason.as_str(),
            detail,
            "dead-lettered"
        );
        let message = Message {
            body: letter.encode(),
            kind: DeadLetter::MESSAGE_TYPE.to_owned(),
            message_id: command
                .map_or_else(uuid::Uuid::now_v7, |command| command.id.as_uuid())
                .to_string(),
            content_type: CONTENT_TYPE_JSON.to_owned(),
            attempt: delivery.message.attempt,
            replay: delivery.message.replay,
        };
        (Queue::DeadLetters, message)
    }

    async fn reject(&self, intake: &Intake, delivery: Delivery) {
        self.metrics.in_hand.dec();
        if let Err(error) = intake.consumer().reject(delivery).await {
            tracing::warn!(error = %error, "a delivery could not be rejected; it comes again");
        }
    }
}

fn why(poison: Poison) -> (Reason, &'static str) {
    match poison {
        Poison::IdConflict => (
            Reason::IdConflict,
            "the command id has ended with another request",
        ),
        Poison::StampAhead => (
            Reason::StampAhead,
            "stamped further ahead of the worker's clock than clock.maxAhead",
        ),
        Poison::ContactUnknown => (
            Reason::ContactUnknown,
            "the contact has no row and its id was not issued by contato",
        ),
    }
}

fn next_attempt(delivery: &Delivery, element: &Element, envelope: &Envelope) -> Message {
    Message {
        body: delivery.message.body[element.span.clone()].to_vec(),
        kind: format!("contato.{}", envelope.command.action.operation()),
        message_id: envelope.command.id.to_string(),
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt: delivery.message.attempt.saturating_add(1),
        replay: delivery.message.replay,
    }
}

/// Who gave a dead letter up: the host's name (the pod's, on Kubernetes) and the process.
fn worker_name() -> String {
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    format!("{}/{}", host.trim(), std::process::id())
}

/// Waits; `false` if the service stops first.
async fn wait(duration: Duration, stop: &CancellationToken) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        () = tokio::time::sleep(duration) => true,
    }
}
