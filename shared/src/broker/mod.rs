//! The transport of commands: a trait with two implementations, [`rabbitmq`] and [`embedded`].
//!
//! It knows queues, messages and deliveries, and nothing of what is in them. One conformance suite
//! (`tests/it/broker`) runs against both.
//!
//! **Invariant:** a publish that returns `Ok` is stored as durably as the broker is set up to; a delivery is gone only
//! once it was settled.

use std::{
    num::NonZeroU16,
    sync::Arc,
    time::{Duration, Instant},
};

use async_trait::async_trait;

pub mod embedded;
mod metered;
pub mod rabbitmq;
mod reconnects;

pub use metered::{Metered, Traffic};
pub use reconnects::{Cause, Reconnects};

/// The queues of contato. `RETRY` tiers wait, then hand their messages back to [`Queue::Commands`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    /// `contato`: commands.
    Commands,
    /// `contato.retry.1` to `.3`: commands that wait for their next attempt.
    Retry(RetryTier),
    /// `contato.dlq`: dead letters on their way to SQL.
    DeadLetters,
    /// `contato.dlq.parking`: what even the collector of dead letters could not store.
    Parking,
}

/// A retry tier; each waits longer than the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RetryTier {
    /// The first.
    One,
    /// The second.
    Two,
    /// The third and last.
    Three,
}

impl RetryTier {
    /// Every tier in order.
    pub const ALL: [Self; 3] = [Self::One, Self::Two, Self::Three];

    /// How long the tiers wait unless a setting says otherwise.
    pub const DEFAULT_DELAYS: [Duration; 3] = [
        Duration::from_secs(1),
        Duration::from_secs(10),
        Duration::from_secs(60),
    ];

    /// The tier after the given failed attempt (from 1), or `None` if that was the last one.
    pub fn after_attempt(attempt: u32) -> Option<Self> {
        usize::try_from(attempt)
            .ok()
            .and_then(|attempt| Self::ALL.get(attempt.checked_sub(1)?))
            .copied()
    }

    /// The place in [`RetryTier::ALL`].
    pub fn index(self) -> usize {
        self as usize
    }
}

impl Queue {
    /// Every queue.
    pub const ALL: [Self; 6] = [
        Self::Commands,
        Self::Retry(RetryTier::One),
        Self::Retry(RetryTier::Two),
        Self::Retry(RetryTier::Three),
        Self::DeadLetters,
        Self::Parking,
    ];

    /// The name, which is also the routing key.
    pub fn name(self) -> &'static str {
        match self {
            Self::Commands => "contato",
            Self::Retry(RetryTier::One) => "contato.retry.1",
            Self::Retry(RetryTier::Two) => "contato.retry.2",
            Self::Retry(RetryTier::Three) => "contato.retry.3",
            Self::DeadLetters => "contato.dlq",
            Self::Parking => "contato.dlq.parking",
        }
    }
}

/// The kinds of brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum System {
    /// [`rabbitmq`].
    RabbitMq,
    /// [`embedded`].
    Embedded,
}

impl System {
    /// `messaging.system` of OpenTelemetry's semantic conventions, where only RabbitMQ has a name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Embedded => "contato.embedded",
        }
    }
}

/// The content type of every message that contato makes.
pub const CONTENT_TYPE_JSON: &str = "application/json";

/// A message. What is in here is the closed list of what is published; nothing received is passed on besides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The bytes.
    pub body: Vec<u8>,
    /// The AMQP `type`, such as `contato.create`; never longer than 255 bytes.
    pub kind: String,
    /// The AMQP `message_id`: the command's id where there is one; never longer than 255 bytes.
    pub message_id: String,
    /// The AMQP `content_type`; never longer than 255 bytes.
    pub content_type: String,
    /// Which attempt at processing this is, from 1 (header `contato-attempt`).
    pub attempt: u32,
    /// How often a dead letter was sent again to become this message, from 0 (header `contato-replay`).
    pub replay: u32,
    /// The trace that it goes on in, where that is not the one its envelope names: a replay's (header `traceparent`, W3C Trace
    /// Context).
    pub traceparent: Option<String>,
}

/// Why the broker, not we, dead-lettered a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerReason {
    /// Delivered too often (`delivery_limit`).
    DeliveryLimit,
    /// Its time to live had passed (`expired`).
    Expired,
    /// Rejected by a consumer (`rejected`).
    Rejected,
    /// Anything else.
    Other,
}

/// A message in hand. It stays the broker's until it is settled; dropped, it comes again once its consumer ends.
#[derive(Debug)]
pub struct Delivery {
    /// The message. A field that was missing or unreadable has its default (`attempt` 1, `replay` 0, empty texts).
    pub message: Message,
    /// Whether it may have been delivered before and not settled.
    pub redelivered: bool,
    /// How often it was delivered before and came back: the broker's own count, which its delivery limit bounds.
    pub returns: u32,
    /// Why the broker moved it here, if the broker did (`x-last-death-reason`, `x-death`).
    pub broker_reason: Option<BrokerReason>,
    /// When the consumer handed it out.
    pub(crate) taken_at: Instant,
    /// What the consumer settles by.
    pub(crate) tag: u64,
}

/// What both brokers are set up with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueOptions {
    /// How long each retry tier waits.
    pub retry_delays: [Duration; 3],
    /// After how many returned deliveries the broker dead-letters a message of `contato`: crash protection only.
    pub delivery_limit: u32,
    /// The most messages that wait in `contato`; a publish beyond is refused. `None` is no bound.
    pub max_length: Option<u64>,
    /// How long a publish may take until it counts as unconfirmed.
    pub publish_timeout: Duration,
}

impl Default for QueueOptions {
    fn default() -> Self {
        Self {
            retry_delays: RetryTier::DEFAULT_DELAYS,
            delivery_limit: 20,
            max_length: None,
            publish_timeout: Duration::from_secs(5),
        }
    }
}

/// Why a publish did not succeed. The variants are what a caller tells its client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// The message was not sent: there is no connection.
    #[error("the broker is not connected")]
    Unavailable,
    /// The message was not sent: the broker takes none until its alarm is over (`connection.blocked`).
    #[error("the broker takes no messages until its alarm is over")]
    Blocked,
    /// The broker said no (`basic.nack`): the queue is full, or it could not store the message.
    #[error("the broker refused the message")]
    Refused,
    /// The broker has no such queue (`basic.return`).
    #[error("the broker has no queue for the message")]
    Unroutable,
    /// No answer in time, or the connection was lost before it: the message may or may not be stored.
    #[error("the broker did not confirm the message")]
    Unconfirmed,
}

impl PublishError {
    /// The kind of failure in one word, for metrics.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Unavailable => "unavailable",
            Self::Blocked => "blocked",
            Self::Refused => "refused",
            Self::Unroutable => "unroutable",
            Self::Unconfirmed => "unconfirmed",
        }
    }
}

/// Why consuming or asking ended. The caller drops the consumer and consumes again, with backoff.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokerError {
    /// Not reachable, lost, or the consumer was cancelled.
    #[error("the broker connection is lost: {0}")]
    Lost(String),
    /// What exists differs from what is declared, or permissions are missing: names the queue and the argument.
    #[error("the broker refuses the topology: {0}")]
    Topology(String),
    /// Another process consumes what only one may: says which file, and what to do.
    #[error("{0}")]
    Consumed(String),
}

/// Whether deliveries that were settled are gone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settled {
    /// The broker has been told.
    Gone,
    /// The connection they came by is lost: they come again.
    ComesAgain,
}

/// A broker. Cheap to clone behind its `Arc`; reconnects by itself.
#[async_trait]
pub trait Broker: Send + Sync + std::fmt::Debug {
    /// Publishes a message to a queue; returns once it is stored.
    ///
    /// # Errors
    /// Within the publish timeout, always: see [`PublishError`].
    async fn publish(&self, queue: Queue, message: &Message) -> Result<(), PublishError>;

    /// Consumes a queue with at most `bound` deliveries unsettled.
    ///
    /// # Errors
    /// If the broker is not reachable or its topology differs.
    async fn consume(&self, queue: Queue, bound: NonZeroU16) -> Result<Arc<dyn Consumer>, BrokerError>;

    /// How many messages wait in a queue, those in hand excluded.
    ///
    /// # Errors
    /// If the broker is not reachable or has no such queue.
    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError>;

    /// Which kind it is.
    fn system(&self) -> System;

    /// Whether a publish would be sent now.
    fn connected(&self) -> bool;

    /// Whether there is a connection on which the broker takes no messages now. Only a broker with alarms is.
    fn blocked(&self) -> bool {
        false
    }

    /// What it has lost and made again. A broker without connections loses none.
    fn reconnects(&self) -> Reconnects {
        Reconnects::default()
    }

    /// Lets go of connections and files. Publishes and consumers end with errors afterwards.
    async fn close(&self);
}

/// Why a publish would not be sent now; `Ok` if it would.
///
/// # Errors
/// [`PublishError::Unavailable`] or [`PublishError::Blocked`].
pub fn takes_messages(broker: &dyn Broker) -> Result<(), PublishError> {
    if broker.connected() {
        Ok(())
    } else if broker.blocked() {
        Err(PublishError::Blocked)
    } else {
        Err(PublishError::Unavailable)
    }
}

/// Waits until a publish would be sent; says whether that came within `patience`.
pub async fn connected_within(broker: &dyn Broker, patience: Duration) -> bool {
    const LOOK_EVERY: Duration = Duration::from_millis(20);
    let connected = async {
        while !broker.connected() {
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(patience, connected).await.is_ok()
}

/// One consumer of one queue. When it is dropped, whatever it has not settled comes again.
#[async_trait]
pub trait Consumer: Send + Sync + std::fmt::Debug {
    /// The next delivery; waits for it. Cancel-safe. One caller at a time.
    ///
    /// # Errors
    /// When the consumer ended, for whatever reason: it never ends silently.
    async fn next(&self) -> Result<Delivery, BrokerError>;

    /// The next delivery if one has arrived already.
    fn try_next(&self) -> Option<Delivery>;

    /// Says that the deliveries are done with. Takes them, so that nothing is settled twice.
    ///
    /// # Errors
    /// If the broker could not be told; then they come again.
    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError>;

    /// Gives the deliveries back to the queue, to come again at once.
    ///
    /// # Errors
    /// If the broker could not be told; then they come again anyway.
    async fn give_back(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError>;

    /// Asks for nothing more, so that another consumer can take over: what was read ahead still comes by `try_next`. What is
    /// on its way at that moment goes back to the queue; RabbitMQ counts it as returned. Nothing is on its way while as much
    /// is in hand as the consumer's bound.
    async fn cease(&self);

    /// Takes nothing more: what was read ahead goes back to the queue, what is in hand can still be settled. `next` ends
    /// with an error afterwards.
    async fn stop(&self);

    /// Hands a delivery to the broker's own dead-lettering, as it is: for what is too large to wrap.
    ///
    /// # Errors
    /// If the broker could not be told; then it comes again.
    async fn reject(&self, delivery: Delivery) -> Result<Settled, BrokerError>;
}
