//! A broker that counts what passes through it, for one role: by the names of OpenTelemetry's semantic conventions for messaging
//! where they have one.
//!
//! **Invariant:** it changes nothing of what the broker inside does.

use std::{num::NonZeroU16, sync::Arc, time::Instant};

use async_trait::async_trait;
use prometheus::{Histogram, IntCounter};

use super::{
    Broker, BrokerError, Consumer, Delivery, Message, PublishError, Queue, Reconnects, Settled, System,
};
use crate::metrics::{BoundedHistograms, Family, Metrics, OTHER};

/// Upper bounds in seconds.
const OPERATION_BUCKETS: [f64; 4] = [0.001, 0.01, 0.1, 1.0];
const PROCESS_BUCKETS: [f64; 5] = [0.005, 0.025, 0.1, 1.0, 5.0];

/// How many kinds of failures have series of their own: of operations, and of what was not settled, which are all there are.
const FAILURES_ADMITTED_MAX: usize = 1;
const UNDONE_ADMITTED_MAX: usize = 2;

const PUBLISH: &str = "publish";
const ACK: &str = "ack";
/// `basic.reject` and `basic.nack`: what goes back, or to the dead letters.
const REJECT: &str = "reject";
/// `error_type` where there was no error.
const NONE: &str = "";

/// What a role does with the broker: the series of these queues exist from the start.
#[derive(Clone, Copy, Debug)]
pub struct Traffic {
    /// Where it publishes.
    pub published: &'static [Queue],
    /// What it consumes.
    pub consumed: &'static [Queue],
}

/// A broker with a meter.
#[derive(Debug)]
pub struct Metered {
    broker: Arc<dyn Broker>,
    operations: BoundedHistograms<3>,
    processed: BoundedHistograms<2>,
    sent: Family<Queue, IntCounter>,
    consumed: Family<Queue, IntCounter>,
}

impl Metered {
    /// Registers the series of a role that does this with the broker.
    pub fn new(broker: Arc<dyn Broker>, series: &Metrics, traffic: Traffic) -> Arc<Self> {
        tell_state(&broker, series);
        let operations = series.bounded_histograms(
            "messaging_client_operation_duration_seconds",
            "How long the broker took to confirm a publish, or to be told that deliveries are settled.",
            &OPERATION_BUCKETS,
            [
                "messaging_operation_name",
                "messaging_destination_name",
                "error_type",
            ],
            FAILURES_ADMITTED_MAX,
        );
        let metered = Self {
            operations,
            processed: series.bounded_histograms(
                "messaging_process_duration_seconds",
                "How long deliveries were in hand, from when they were taken until they were settled.",
                &PROCESS_BUCKETS,
                ["messaging_destination_name", "error_type"],
                UNDONE_ADMITTED_MAX,
            ),
            sent: series.counters(
                "messaging_client_sent_messages_total",
                "Messages that the broker was given, confirmed or not.",
                ["messaging_destination_name"],
                names(traffic.published),
            ),
            consumed: series.counters(
                "messaging_client_consumed_messages_total",
                "Messages that the broker delivered.",
                ["messaging_destination_name"],
                names(traffic.consumed),
            ),
            broker,
        };
        // Retries are made one by one, and seldom: what they took comes when there are any.
        let is_retry = |queue: &&Queue| matches!(queue, Queue::Retry(_));
        for queue in traffic.published.iter().filter(|queue| !is_retry(queue)) {
            metered.operations.always([PUBLISH, queue.name(), NONE]);
        }
        for queue in traffic.consumed {
            metered.operations.always([ACK, queue.name(), NONE]);
            metered.processed.always([queue.name(), NONE]);
        }
        Arc::new(metered)
    }
}

fn names(queues: &[Queue]) -> impl Iterator<Item = (Queue, [&'static str; 1])> {
    queues.iter().map(|queue| (*queue, [queue.name()]))
}

fn tell_state(broker: &Arc<dyn Broker>, series: &Metrics) {
    let connected = broker.clone();
    series.asked_gauge(
        "contato_broker_connected",
        "1 while there is a connection to publish on.",
        move || f64::from(u8::from(connected.connected() || connected.blocked())),
    );
    let blocked = broker.clone();
    series.asked_gauge(
        "contato_broker_blocked",
        "1 while the broker takes no messages because of an alarm.",
        move || f64::from(u8::from(blocked.blocked())),
    );
    series.register(broker.reconnects());
}

/// The time of an operation, by what came of it.
fn observe(histograms: &BoundedHistograms<3>, labels: [&str; 3], since: Instant) {
    let [.., error] = labels;
    let histogram = if error == NONE {
        histograms.always(labels)
    } else {
        histograms.while_room(labels, [OTHER, OTHER, OTHER])
    };
    histogram.observe(since.elapsed().as_secs_f64());
}

#[async_trait]
impl Broker for Metered {
    async fn publish(&self, queue: Queue, message: &Message) -> Result<(), PublishError> {
        let since = Instant::now();
        let outcome = self.broker.publish(queue, message).await;
        let error = outcome.err().map_or(NONE, PublishError::kind);
        observe(&self.operations, [PUBLISH, queue.name(), error], since);
        let was_given = !matches!(outcome, Err(PublishError::Unavailable | PublishError::Blocked));
        if let Some(sent) = self.sent.get(queue).filter(|_| was_given) {
            sent.inc();
        }
        outcome
    }

    async fn consume(&self, queue: Queue, bound: NonZeroU16) -> Result<Arc<dyn Consumer>, BrokerError> {
        let consumer = self.broker.consume(queue, bound).await?;
        Ok(Arc::new(MeteredConsumer {
            consumer,
            queue: queue.name(),
            operations: self.operations.clone(),
            processed: self.processed.clone(),
            done: self.processed.always([queue.name(), NONE]),
            consumed: self.consumed.get(queue).cloned(),
        }))
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.broker.depth(queue).await
    }

    fn system(&self) -> System {
        self.broker.system()
    }

    fn connected(&self) -> bool {
        self.broker.connected()
    }

    fn blocked(&self) -> bool {
        self.broker.blocked()
    }

    fn reconnects(&self) -> Reconnects {
        self.broker.reconnects()
    }

    async fn close(&self) {
        self.broker.close().await;
    }
}

#[derive(Debug)]
struct MeteredConsumer {
    consumer: Arc<dyn Consumer>,
    queue: &'static str,
    operations: BoundedHistograms<3>,
    processed: BoundedHistograms<2>,
    /// Of what was settled: kept at hand, since most is.
    done: Histogram,
    consumed: Option<IntCounter>,
}

impl MeteredConsumer {
    fn count(&self) {
        if let Some(consumed) = &self.consumed {
            consumed.inc();
        }
    }

    fn told(&self, operation: &str, outcome: &Result<Settled, BrokerError>, since: Instant) {
        let error = match outcome {
            Ok(Settled::Gone) => NONE,
            Ok(Settled::ComesAgain) => "comes_again",
            Err(_) => "lost",
        };
        observe(&self.operations, [operation, self.queue, error], since);
    }

    /// What was not settled but went elsewhere.
    fn undone(&self, error: &str) -> Histogram {
        self.processed.while_room([self.queue, error], [OTHER, OTHER])
    }
}

fn processed<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>, histogram: &Histogram) {
    let now = Instant::now();
    for delivery in deliveries {
        histogram.observe(now.saturating_duration_since(delivery.taken_at).as_secs_f64());
    }
}

#[async_trait]
impl Consumer for MeteredConsumer {
    async fn next(&self) -> Result<Delivery, BrokerError> {
        self.consumer.next().await.inspect(|_| self.count())
    }

    fn try_next(&self) -> Option<Delivery> {
        self.consumer.try_next().inspect(|_| self.count())
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        processed(&deliveries, &self.done);
        let since = Instant::now();
        let outcome = self.consumer.settle(deliveries).await;
        self.told(ACK, &outcome, since);
        outcome
    }

    async fn give_back(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        if deliveries.is_empty() {
            return self.consumer.give_back(deliveries).await;
        }
        processed(&deliveries, &self.undone("given_back"));
        let since = Instant::now();
        let outcome = self.consumer.give_back(deliveries).await;
        self.told(REJECT, &outcome, since);
        outcome
    }

    async fn cease(&self) {
        self.consumer.cease().await;
    }

    async fn stop(&self) {
        self.consumer.stop().await;
    }

    async fn reject(&self, delivery: Delivery) -> Result<Settled, BrokerError> {
        processed([&delivery], &self.undone("rejected"));
        let since = Instant::now();
        let outcome = self.consumer.reject(delivery).await;
        self.told(REJECT, &outcome, since);
        outcome
    }
}
