//! What goes on behind whichever listener dlq-function has: its own, or the custom handler of Azure Functions.

use std::time::Duration;

use shared::{clock::Clock, role::Parts, settings::Settings, store::Store};
use tokio_util::sync::CancellationToken;

use crate::{metrics::DlqMetrics, sweep};

/// The work that nobody asks for. What else is to go on without being asked, such as replays of many, runs from here.
#[derive(Debug)]
pub(crate) struct Background {
    store: Store,
    clock: Clock,
    /// How long payloads of closed dead letters are kept.
    keep: Duration,
    metrics: DlqMetrics,
}

impl Background {
    pub(crate) fn new(settings: &Settings, parts: &Parts, metrics: DlqMetrics) -> Self {
        Self {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            keep: settings.retention.commands.0,
            metrics,
        }
    }

    /// Works until the token is cancelled.
    pub(crate) async fn run(self, stop: CancellationToken) {
        sweep::run(self.store, self.clock, self.keep, self.metrics, stop).await;
    }
}
