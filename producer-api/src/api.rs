//! What all requests share, made once per process.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use shared::{
    broker::{Broker, Queue},
    clock::Clock,
    domain::{IdIssuer, IdKey},
    management::{HEALTH_TIMEOUT, Health, Part},
    role::Parts,
    runtime::ProcessRuntime,
    settings::Settings,
    store::{Store, export::MAX_EXPORTS},
    traces::{Destination, Sending, Traces},
};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::{
    coalescer::Coalescer, import::MAX_IMPORTS_AT_ONCE, metrics::ApiMetrics, stamps::Stamps, waiters::Waiters,
};

/// The state of the service.
#[derive(Debug)]
pub struct Api {
    /// The queue.
    pub broker: Arc<dyn Broker>,
    /// The way of commands to the queue.
    pub coalescer: Coalescer,
    /// SQL.
    pub store: Store,
    /// The time.
    pub clock: Clock,
    /// The source of ids.
    pub ids: IdIssuer,
    /// The source of stamps.
    pub stamps: Stamps,
    /// Who waits for a command.
    pub waiters: Waiters,
    /// Permits to export.
    pub exports: Arc<Semaphore>,
    /// What begins spans.
    pub traces: Traces,
    /// What is counted.
    pub metrics: ApiMetrics,
    /// How long outcomes are kept.
    pub retention: Duration,
    /// Where work with the broker and SQL is done.
    pub runtime: ProcessRuntime,
    /// Room for imports.
    pub imports: Arc<Semaphore>,
    /// That what goes on for long is to end.
    pub stopping: CancellationToken,
    running: AtomicBool,
}

impl Api {
    /// Puts the parts together. Broker and SQL are used on the runtime that this is called on.
    pub fn new(settings: &Settings, parts: Parts, metrics: ApiMetrics) -> Self {
        let runtime = ProcessRuntime::current();
        Self {
            coalescer: Coalescer::start(
                parts.broker.clone(),
                settings.broker.publish_timeout.0,
                &runtime,
                metrics.clone(),
            ),
            stamps: Stamps::new(parts.clock.clone(), settings.clock.max_ahead_ms()),
            waiters: Waiters::new(settings.producer_api.max_waiting, metrics.clone()),
            exports: Arc::new(Semaphore::new(MAX_EXPORTS)),
            broker: parts.broker,
            store: parts.store,
            clock: parts.clock,
            traces: parts.traces,
            ids: IdIssuer::new(parts.id_key),
            metrics,
            retention: settings.retention.commands.0,
            runtime,
            imports: Arc::new(Semaphore::new(MAX_IMPORTS_AT_ONCE)),
            stopping: CancellationToken::new(),
            running: AtomicBool::new(false),
        }
    }

    /// The secret behind the ids.
    pub fn id_key(&self) -> &IdKey {
        self.ids.key()
    }

    /// A span for a message to the worker.
    pub fn sending(&self) -> Sending {
        self.traces.sending(Destination {
            system: self.broker.system(),
            queue: Queue::Commands,
        })
    }

    /// Starts or stops being ready.
    pub fn set_running(&self, running: bool) {
        self.running.store(running, Ordering::Release);
    }
}

#[async_trait]
impl Health for Api {
    fn ready(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    async fn parts(&self) -> Vec<Part> {
        let store = self.store.clone();
        let ping = self
            .runtime
            .run(async move { tokio::time::timeout(HEALTH_TIMEOUT, store.ping()).await });
        vec![
            Part {
                name: "broker",
                up: self.broker.connected(),
            },
            Part {
                name: "store",
                up: matches!(ping.await, Ok(Ok(()))),
            },
        ]
    }
}
