//! The collector: empties `contato.dlq` into SQL. Stores before it acks; what cannot be stored stays in the queue, and what
//! SQL will never take goes to `contato.dlq.parking`.

use std::{
    num::NonZeroU16,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use shared::{
    broker::{Broker, BrokerError, Consumer, Delivery, Queue},
    planned_fault::{Place, pass},
    role::Parts,
    store::{Store, StoreError},
};
use tokio_util::sync::CancellationToken;

use crate::{
    collect::Arrived,
    keeper::{Fate, Keeper},
};

/// How many dead letters are in hand.
const IN_HAND: NonZeroU16 = NonZeroU16::new(100).expect("not zero");
/// The wait after a failure.
const PAUSE: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Collector {
    broker: Arc<dyn Broker>,
    store: Store,
    keeper: Keeper,
    consuming: Arc<AtomicBool>,
}

enum Ended {
    Stopped,
    Paused(StoreError),
    Lost(BrokerError),
}

impl Collector {
    pub(crate) fn new(parts: &Parts, keeper: Keeper) -> Self {
        Self {
            broker: parts.broker.clone(),
            store: parts.store.clone(),
            keeper,
            consuming: Arc::default(),
        }
    }

    pub(crate) fn consuming(&self) -> Arc<AtomicBool> {
        self.consuming.clone()
    }

    /// Collects until the token is cancelled.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let mut waiting_for_sql = false;
        loop {
            let ended = match self.store.check_schema().await {
                Ok(()) => {
                    if std::mem::take(&mut waiting_for_sql) {
                        tracing::info!("resumed: SQL answers");
                    }
                    self.consume(&stop).await
                }
                Err(error) => Ended::Paused(error),
            };
            self.consuming.store(false, Ordering::Relaxed);
            match ended {
                Ended::Stopped => return,
                Ended::Paused(error) => {
                    if !std::mem::replace(&mut waiting_for_sql, true) {
                        tracing::warn!(
                            error.kind = error.kind(),
                            error.code = error.code(),
                            error.reason = error.reason(),
                            "paused: dead letters stay in the queue until SQL can be used"
                        );
                    }
                }
                Ended::Lost(error) => {
                    tracing::warn!(queue.name = Queue::DeadLetters.name(), error = %error, "the broker is lost; consuming again");
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(PAUSE) => {}
            }
        }
    }

    async fn consume(&self, stop: &CancellationToken) -> Ended {
        let consumer = match self.broker.consume(Queue::DeadLetters, IN_HAND).await {
            Ok(consumer) => consumer,
            Err(error) => return Ended::Lost(error),
        };
        self.consuming.store(true, Ordering::Relaxed);
        loop {
            let delivery = tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                delivery = consumer.next() => delivery,
            };
            let delivery = match delivery {
                Ok(delivery) => delivery,
                Err(error) => return Ended::Lost(error),
            };
            if let Err(error) = self.keep(consumer.as_ref(), delivery).await {
                return Ended::Paused(error);
            }
        }
    }

    /// Keeps what a delivery holds, then settles it. Fails, the delivery given back, if it cannot be kept.
    async fn keep(&self, consumer: &dyn Consumer, delivery: Delivery) -> Result<(), StoreError> {
        match self.keeper.keep(Arrived::from(&delivery)).await {
            Ok(fate) => {
                if matches!(fate, Fate::Stored(_)) {
                    pass(Place::StoredNotSettled);
                }
                settle(consumer, delivery).await;
                Ok(())
            }
            Err(error) => {
                give_back(consumer, delivery).await;
                Err(error)
            }
        }
    }
}

async fn settle(consumer: &dyn Consumer, delivery: Delivery) {
    if let Err(error) = consumer.settle(vec![delivery]).await {
        tracing::warn!(error = %error, "a dead letter is stored but could not be settled; it comes again and is known");
    }
}

async fn give_back(consumer: &dyn Consumer, delivery: Delivery) {
    if let Err(error) = consumer.give_back(vec![delivery]).await {
        tracing::warn!(error = %error, "a dead letter could not be given back; it comes again when the connection ends");
    }
}
