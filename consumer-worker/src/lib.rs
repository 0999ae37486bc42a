//! consumer-worker: takes commands off the queue `contato` and applies them to SQL, in batches, in any order, with one
//! effect each.
//!
//! **Invariant:** nothing is settled before the transaction with its effect, or the confirmed publish of its retry or dead
//! letter, is done. What fails for the moment comes again; what fails for ever ends as a dead letter.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use shared::{
    management::{HEALTH_TIMEOUT, Health, Management, Part},
    role::Parts,
    runtime::ProcessRuntime,
    settings::Settings,
    store::{Store, StoreError},
    telemetry::Metrics,
};
use tokio_util::sync::CancellationToken;

mod backoff;
mod decide;
mod intake;
mod metrics;
mod outbox;
mod retention;
mod worker;

use metrics::WorkerMetrics;
use worker::Worker;

/// How long the schema is asked for at start; a database that is down does not keep the worker from starting.
const SCHEMA_CHECK_TIMEOUT: Duration = Duration::from_secs(5);

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
    let checked = tokio::time::timeout(SCHEMA_CHECK_TIMEOUT, parts.store.check_schema()).await;
    // Any other failure is waited for by the worker itself.
    if let Ok(Err(error @ StoreError::Schema(_))) = checked {
        return Err(error.into());
    }
    let series = Metrics::new();
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
        let state = Arc::new(State {
            consuming: self.worker.consuming(),
            store: self.worker.store(),
            draining: stop.clone(),
            runtime: ProcessRuntime::current(),
        });
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

struct State {
    consuming: Arc<AtomicBool>,
    store: Store,
    draining: CancellationToken,
    runtime: ProcessRuntime,
}

#[async_trait]
impl Health for State {
    fn ready(&self) -> bool {
        !self.draining.is_cancelled()
    }

    async fn parts(&self) -> Vec<Part> {
        let store = self.store.clone();
        let store = self
            .runtime
            .run(async move { tokio::time::timeout(HEALTH_TIMEOUT, store.ping()).await })
            .await;
        vec![
            Part {
                name: "broker",
                up: self.consuming.load(Ordering::Relaxed),
            },
            Part {
                name: "store",
                up: matches!(store, Ok(Ok(()))),
            },
        ]
    }
}
