//! consumer-worker: takes commands off the queue `contato` and applies them to SQL, in batches, in any order, with one
//! effect each.
//!
//! **Invariant:** nothing is settled before the transaction with its effect, or the confirmed publish of its retry or dead
//! letter, is done. What fails for the moment comes again; what fails for ever ends as a dead letter.

use std::{net::SocketAddr, sync::Arc};

use shared::{
    broker::{Queue, RetryTier, Traffic},
    management::Management,
    metrics::Metrics,
    role::{ConsumerHealth, Parts, refuse_older_schema},
    settings::Settings,
    store::SqlOperation,
};
use tokio_util::sync::CancellationToken;

mod backoff;
mod decide;
mod follow_up;
mod intake;
mod metrics;
mod outbox;
mod pace;
mod retention;
mod worker;

use metrics::WorkerMetrics;
use worker::Worker;

/// What it does with the broker.
const TRAFFIC: Traffic = Traffic {
    published: &[
        Queue::Retry(RetryTier::One),
        Queue::Retry(RetryTier::Two),
        Queue::Retry(RetryTier::Three),
        Queue::DeadLetters,
    ],
    consumed: &[Queue::Commands],
};

/// What it does with SQL.
const SQL: [SqlOperation; 4] = [
    SqlOperation::ApplyBatch,
    SqlOperation::Probe,
    SqlOperation::CheckSchema,
    SqlOperation::Sweep,
];

/// The worker, ready to run.
#[derive(Debug)]
pub struct Service {
    worker: Worker,
    management: Management,
    series: Metrics,
}

/// Makes the service and binds its listener.
///
/// # Errors
/// If the address is in use, or the database answers with an older schema.
pub async fn build(settings: &Settings, parts: Parts) -> anyhow::Result<Service> {
    let management = Management::bind(settings.consumer_worker.management)?;
    refuse_older_schema(&parts.store).await?;
    let series = Metrics::new();
    let parts = parts.metered(&series, TRAFFIC, &SQL);
    let worker = Worker::new(settings, parts, WorkerMetrics::new(&series));
    Ok(Service {
        worker,
        management,
        series,
    })
}

impl Service {
    /// Where metrics and health are told.
    pub fn management_address(&self) -> SocketAddr {
        self.management.address()
    }

    /// Applies commands until the token is cancelled, then finishes what is in hand.
    ///
    /// # Errors
    /// If the management listener fails.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let state = Arc::new(ConsumerHealth::new(
            self.worker.consuming(),
            self.worker.store(),
            stop.clone(),
        ));
        // Health and metrics are told until the last delivery is settled.
        let drained = CancellationToken::new();
        let management = self.management.run(self.series, state, drained.clone());
        let work = async {
            self.worker.run(stop).await;
            drained.cancel();
            Ok(())
        };
        tokio::try_join!(work, management).map(drop)
    }
}
