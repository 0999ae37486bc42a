//! What a batch sends on, retries and dead letters: published and confirmed first, then their delivery is settled.
//!
//! Each delivery has a task of its own, so that while the broker takes no messages (an alarm) the good neighbours are
//! applied and settled all the same. There are never more tasks than deliveries in hand.

use std::sync::Arc;

use shared::{
    broker::{Broker, BrokerError, Consumer, Delivery, Message, Queue, RetryTier},
    planned_fault::{Place, pass},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    backoff::Backoff,
    metrics::{RetryReason, WorkerMetrics},
};

#[derive(Debug)]
pub(crate) struct Outbox {
    broker: Arc<dyn Broker>,
    tasks: TaskTracker,
    metrics: WorkerMetrics,
}

impl Outbox {
    pub(crate) fn new(broker: Arc<dyn Broker>, metrics: WorkerMetrics) -> Self {
        Self {
            broker,
            tasks: TaskTracker::new(),
            metrics,
        }
    }

    /// Publishes the messages, tries again until they are stored, then settles the delivery that they follow from. Gives up
    /// at shutdown; the delivery then comes again.
    pub(crate) fn send(
        &self,
        consumer: Arc<dyn Consumer>,
        delivery: Delivery,
        messages: Vec<(Queue, Message)>,
        stop: CancellationToken,
    ) {
        let broker = self.broker.clone();
        let metrics = self.metrics.clone();
        self.tasks.spawn(async move {
            let mut sent = true;
            for (queue, message) in &messages {
                sent = sent && publish(broker.as_ref(), *queue, message, &stop).await;
            }
            if sent {
                pass(Place::SentOnNotSettled);
                settle_or_leave(consumer.as_ref(), delivery).await;
            }
            metrics.in_hand.dec();
        });
    }

    /// Gives deliveries back untouched. One that had come before is put back as a fresh copy, so that an outage, however
    /// long and however often, does not bring it nearer to the broker's delivery limit.
    pub(crate) async fn give_back(
        &self,
        consumer: &dyn Consumer,
        deliveries: Vec<Delivery>,
        reason: RetryReason,
    ) {
        self.metrics
            .in_hand
            .sub(deliveries.len().try_into().unwrap_or(i64::MAX));
        // What is given back to a consumer that still asks would at once come again, and be returned once more.
        consumer.cease().await;
        let (again, fresh): (Vec<_>, Vec<_>) =
            deliveries.into_iter().partition(|delivery| delivery.redelivered);
        let mut back = fresh;
        for delivery in again {
            // By the shortest retry tier, which takes it also when the queue of commands is full. No attempt is counted.
            match self
                .broker
                .publish(Queue::Retry(RetryTier::One), &delivery.message)
                .await
            {
                Ok(()) => {
                    self.metrics.retried(RetryTier::One, reason);
                    settle_or_leave(consumer, delivery).await;
                }
                Err(_) => back.push(delivery),
            }
        }
        if let Err(error) = consumer.give_back(back).await {
            tracing::warn!(error = %error, "deliveries could not be given back; they come again when the connection ends");
        }
    }

    /// How many deliveries wait for their messages to be sent on.
    pub(crate) fn held(&self) -> usize {
        self.tasks.len()
    }

    /// Waits for what is being sent.
    pub(crate) async fn finish(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// Settles deliveries. If the broker cannot be told they come again, and find their outcome recorded.
pub(crate) async fn settle(consumer: &dyn Consumer, deliveries: Vec<Delivery>) -> Result<(), BrokerError> {
    if deliveries.is_empty() {
        return Ok(());
    }
    consumer.settle(deliveries).await.map(drop)
}

/// Settles a delivery whose message was sent on. Unsettled it comes again: another copy of what was sent, which is known.
async fn settle_or_leave(consumer: &dyn Consumer, delivery: Delivery) {
    if let Err(error) = settle(consumer, vec![delivery]).await {
        tracing::warn!(error = %error, "a delivery could not be settled; it comes again and is known");
    }
}

/// Publishes until it is stored; `false` if the service stops first.
async fn publish(broker: &dyn Broker, queue: Queue, message: &Message, stop: &CancellationToken) -> bool {
    let mut backoff = Backoff::new();
    let mut told = false;
    loop {
        let Err(error) = broker.publish(queue, message).await else {
            return true;
        };
        if !told {
            tracing::warn!(queue.name = queue.name(), error = %error, "a message cannot be sent on; trying again");
            told = true;
        }
        tokio::select! {
            () = stop.cancelled() => return false,
            () = tokio::time::sleep(backoff.next()) => {}
        }
    }
}
