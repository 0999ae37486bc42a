//! Keeping what a message of the dead letters holds: in SQL or, what SQL refuses while it works, in `contato.dlq.parking`.
//! The collector and the custom handler of Azure Functions both keep by it.
//!
//! **Invariant:** keeping a message again changes nothing more.

use std::sync::Arc;

use shared::{
    broker::{Broker, BrokerReason, CONTENT_TYPE_JSON, Message, PublishError, Queue},
    clock::Clock,
    payload_keys::PayloadKeys,
    role::Parts,
    store::{Store, StoreError, dead_letters::Kept},
    traces::{Destination, Traces},
    wire::DeadLetter,
};

use crate::{
    collect::{Arrived, collect},
    metrics::DlqMetrics,
    rerun::rerun,
};

/// Keeps dead letters.
#[derive(Clone, Debug)]
pub(crate) struct Keeper {
    broker: Arc<dyn Broker>,
    store: Store,
    keys: PayloadKeys,
    clock: Clock,
    traces: Traces,
    metrics: DlqMetrics,
}

/// What became of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// All that it holds is in SQL.
    Stored(Counts),
    /// SQL refuses it and works: it is parked.
    Parked,
}

/// How many dead letters a message held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Those that are stored now.
    pub(crate) new: usize,
    /// Those that had been stored before.
    pub(crate) known: usize,
}

impl Keeper {
    pub(crate) fn new(parts: &Parts, keys: PayloadKeys, metrics: DlqMetrics) -> Self {
        Self {
            broker: parts.broker.clone(),
            store: parts.store.clone(),
            keys,
            clock: parts.clock.clone(),
            traces: parts.traces.clone(),
            metrics,
        }
    }

    /// Stores what a message holds.
    ///
    /// # Errors
    /// If SQL cannot be used, or what SQL refuses cannot be parked either: the message has to stay where it is. What was
    /// stored of it is known when it comes again.
    pub(crate) async fn keep(&self, arrived: Arrived<'_>) -> Result<Fate, StoreError> {
        let mut stored = self.store_all(arrived).await;
        let mut its_own_fault = matches!(stored, Err(StoreError::Refused(_)));
        if matches!(stored, Err(StoreError::Unknown(_)))
            && self.store.probe_dead_letters(self.clock.now()).await.is_ok()
        {
            // SQL works, but it may have begun to just now: what fails once more fails by its own fault.
            stored = self.store_all(arrived).await;
            its_own_fault = matches!(stored, Err(StoreError::Refused(_) | StoreError::Unknown(_)));
        }
        let error = match stored {
            Ok(counts) => return Ok(Fate::Stored(counts)),
            Err(error) => error,
        };
        if its_own_fault && self.park(arrived).await.is_ok() {
            tracing::error!(
                error.kind = error.kind(),
                error.code = error.code(),
                queue.name = Queue::Parking.name(),
                "SQL refuses a dead letter; it is parked"
            );
            return Ok(Fate::Parked);
        }
        Err(error)
    }

    /// Puts a message into the parking queue.
    ///
    /// # Errors
    /// If the broker does not take all of it; then it may be there in part.
    pub(crate) async fn park(&self, arrived: Arrived<'_>) -> Result<(), PublishError> {
        publish_to(self.broker.as_ref(), Queue::Parking, arrived, &self.clock).await
    }

    async fn store_all(&self, arrived: Arrived<'_>) -> Result<Counts, StoreError> {
        let mut counts = Counts::default();
        for collected in collect(arrived, self.clock.now()) {
            let storing = self.traces.storing(
                Destination {
                    system: self.broker.system(),
                    queue: Queue::DeadLetters,
                },
                collected.letter.traceparent.as_deref(),
                &arrived.message.message_id,
                collected.letter.reason,
            );
            // A worker may record the same command just now.
            let keep = || {
                self.store
                    .keep_dead_letter(&collected, &self.keys, self.clock.now())
            };
            let kept = storing.around(rerun(keep)).await;
            let kept = kept.inspect_err(|error| storing.failed(error.kind()))?;
            match kept {
                Kept::Duplicate => counts.known += 1,
                Kept::Open | Kept::Resolved => {
                    counts.new += 1;
                    self.metrics.received(collected.letter.reason);
                }
            }
            let _entered = storing.enter();
            tracing::info!(
                dead_letter.id = %collected.id,
                command.id = collected.command.map(|command| tracing::field::display(command.id)),
                reason = collected.letter.reason.as_str(),
                kept = ?kept,
                "dead letter collected"
            );
        }
        Ok(counts)
    }
}

/// Publishes a message of the dead letters to a queue, as it is; but what only the broker's headers say of it, which are not
/// passed on, is put into dead letters of ours, so that it is known there, too.
///
/// # Errors
/// If the broker does not take all of it; then it may be there in part.
pub(crate) async fn publish_to(
    broker: &dyn Broker,
    queue: Queue,
    arrived: Arrived<'_>,
    clock: &Clock,
) -> Result<(), PublishError> {
    let says_why = match arrived.broker_reason {
        Some(BrokerReason::DeliveryLimit | BrokerReason::Expired) => true,
        Some(BrokerReason::Rejected | BrokerReason::Other) | None => false,
    };
    if !says_why || DeadLetter::decode(&arrived.message.body).is_ok() {
        return broker.publish(queue, arrived.message).await;
    }
    for collected in collect(arrived, clock.now()) {
        let message = Message {
            body: collected.letter.encode(),
            kind: DeadLetter::MESSAGE_TYPE.to_owned(),
            message_id: collected.id.to_string(),
            content_type: CONTENT_TYPE_JSON.to_owned(),
            attempt: collected.letter.attempt,
            replay: collected.letter.replay,
            traceparent: None,
        };
        broker.publish(queue, &message).await?;
    }
    Ok(())
}
