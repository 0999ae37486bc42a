//! The parking queue: what even the collector could not store, looked at and put back by a person.
//!
//! **Invariant:** a message leaves the parking queue only once `contato.dlq` has it.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use serde::Serialize;
use shared::{
    broker::{Broker, BrokerError, Consumer, Delivery, PublishError, Queue},
    clock::Clock,
    role::Parts,
    store::{
        StoreError,
        audit::{Act, Entry},
        dead_letters::Collected,
    },
};

use crate::{
    actions::By,
    collect::{Arrived, collect},
    keeper::publish_to,
};

/// The most messages that are listed at once.
pub(crate) const LIST_MAX: u16 = 1000;
/// How many messages are in hand while they are put back.
const IN_HAND: NonZeroU16 = NonZeroU16::new(100).expect("not zero");
/// How long a message that should be there may take to come. Another consumer may have it, or may have taken it off.
const COMES_WITHIN: Duration = Duration::from_secs(3);

/// Why parked messages could not be looked at, or be put back.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ParkingError {
    /// The embedded queue has one consumer.
    #[error(
        "{waiting} messages are parked, and the embedded queue is consumed by another process: stop contato (or whichever process has the queue), then repeat this ({why})"
    )]
    Consumed {
        /// How many wait.
        waiting: u64,
        /// What the broker says.
        why: String,
    },
    #[error(transparent)]
    Broker(#[from] BrokerError),
    /// Without SQL there is no audit, and what is put back would only be parked again.
    #[error("nothing was put back: SQL cannot be used, so that it could be neither noted nor stored")]
    Store(#[source] StoreError),
    #[error("stopped after {restored} of {waiting}, the rest is still parked: {error}")]
    Publish {
        /// How many were put back.
        restored: u64,
        /// How many were parked.
        waiting: u64,
        /// Why it stopped.
        error: PublishError,
    },
}

/// A dead letter in the parking queue, without anything personal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Parked {
    /// Which message has it, from 1: one message may hold several.
    pub(crate) message: u64,
    /// Why it died.
    pub(crate) reason: &'static str,
    /// What exactly.
    pub(crate) detail: String,
    /// What its command would do, where that can be read.
    pub(crate) operation: Option<&'static str>,
    /// Which command, where that can be read.
    pub(crate) command_id: Option<String>,
    /// Which contact, where that can be read.
    pub(crate) contact_id: Option<String>,
    /// The attempt that failed.
    pub(crate) attempt: u32,
    /// How often it had been replayed.
    pub(crate) replay: u32,
    /// How many bytes the command has.
    pub(crate) body_bytes: usize,
}

/// What is parked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Listed {
    /// How many messages are parked.
    pub(crate) waiting: u64,
    /// What the first of them hold.
    pub(crate) parked: Vec<Parked>,
}

/// How much was put back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Restored {
    /// How many messages were to be put back.
    pub(crate) waiting: u64,
    /// How many were.
    pub(crate) restored: u64,
}

/// How many messages are parked.
///
/// # Errors
/// If the broker does not say.
pub(crate) async fn waiting(broker: &dyn Broker) -> Result<u64, ParkingError> {
    Ok(broker.depth(Queue::Parking).await?)
}

/// Says what the first parked messages hold. They are taken in hand for that and given back.
///
/// # Errors
/// If the broker gives nothing.
pub(crate) async fn list(
    broker: &dyn Broker,
    clock: &Clock,
    limit: NonZeroU16,
) -> Result<Listed, ParkingError> {
    let waiting = waiting(broker).await?;
    if waiting == 0 {
        return Ok(Listed {
            waiting,
            parked: Vec::new(),
        });
    }
    let limit = limit.min(NonZeroU16::new(LIST_MAX).unwrap_or(limit));
    let consumer = consume(broker, limit, waiting).await?;
    let (mut held, mut parked) = (Vec::new(), Vec::new());
    for message in 1..=waiting.min(limit.get().into()) {
        let Some(mut delivery) = next(consumer.as_ref()).await? else {
            break;
        };
        let holds = collect(Arrived::from(&delivery), clock.now());
        parked.extend(holds.iter().map(|collected| Parked::of(message, collected)));
        // What is given back is the delivery; the bytes are the broker's own.
        delivery.message.body = Vec::new();
        held.push(delivery);
    }
    consumer.give_back(held).await?;
    consumer.stop().await;
    Ok(Listed { waiting, parked })
}

/// Puts parked messages back to the dead letters, at most so many, and says after each how many.
///
/// # Errors
/// If SQL or the broker cannot be used. What was put back then stays so; the rest stays parked.
pub(crate) async fn restore(
    parts: &Parts,
    by: &By,
    limit: u64,
    mut progress: impl FnMut(u64),
) -> Result<Restored, ParkingError> {
    let broker = parts.broker.as_ref();
    let now = parts.clock.now();
    parts
        .store
        .probe_dead_letters(now)
        .await
        .map_err(ParkingError::Store)?;
    let waiting = waiting(broker).await?.min(limit);
    let mut restored = 0;
    if waiting == 0 {
        return Ok(Restored { waiting, restored });
    }
    let consumer = consume(broker, IN_HAND, waiting).await?;
    let entry = Entry {
        count: waiting.try_into().unwrap_or(u32::MAX),
        ..Entry::new(Act::ParkingRestored, &by.0, now)
    };
    parts.store.note(&entry).await.map_err(ParkingError::Store)?;
    while restored < waiting {
        let Some(delivery) = next(consumer.as_ref()).await? else {
            break;
        };
        let published = publish_to(broker, Queue::DeadLetters, Arrived::from(&delivery), &parts.clock).await;
        if let Err(error) = published {
            consumer.give_back(vec![delivery]).await?;
            return Err(ParkingError::Publish {
                restored,
                waiting,
                error,
            });
        }
        // Not settled it comes again: put back twice it is known the second time.
        consumer.settle(vec![delivery]).await?;
        restored += 1;
        progress(restored);
    }
    consumer.stop().await;
    Ok(Restored { waiting, restored })
}

async fn consume(
    broker: &dyn Broker,
    bound: NonZeroU16,
    waiting: u64,
) -> Result<Arc<dyn Consumer>, ParkingError> {
    broker
        .consume(Queue::Parking, bound)
        .await
        .map_err(|error| match error {
            BrokerError::Consumed(why) => ParkingError::Consumed { waiting, why },
            error @ (BrokerError::Lost(_) | BrokerError::Topology(_)) => error.into(),
        })
}

async fn next(consumer: &dyn Consumer) -> Result<Option<Delivery>, BrokerError> {
    match tokio::time::timeout(COMES_WITHIN, consumer.next()).await {
        Ok(delivery) => delivery.map(Some),
        Err(_) => Ok(None),
    }
}

impl Parked {
    fn of(message: u64, collected: &Collected) -> Self {
        let Collected { letter, command, .. } = collected;
        let command = command.as_ref();
        Self {
            message,
            reason: letter.reason.as_str(),
            detail: letter.detail.clone(),
            operation: command.map(|command| command.operation.as_str()),
            command_id: command.map(|command| command.id.to_string()),
            contact_id: command.map(|command| command.contact_id.to_string()),
            attempt: letter.attempt,
            replay: letter.replay,
            body_bytes: letter.payload.0.len(),
        }
    }
}
