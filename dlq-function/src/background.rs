//! What goes on behind whichever listener dlq-function has: its own, or the custom handler of Azure Functions.

use shared::{
    role::{Parts, payload_keys},
    settings::Settings,
};
use tokio_util::sync::CancellationToken;

use crate::{metrics::DlqMetrics, sweep::Sweep};

/// The work that nobody asks for. What else is to go on without being asked, such as replays of many, runs from here.
#[derive(Debug)]
pub(crate) struct Background {
    sweep: Sweep,
}

impl Background {
    /// # Errors
    /// If the keys of payloads are not set, or cannot be used.
    pub(crate) fn new(settings: &Settings, parts: &Parts, metrics: DlqMetrics) -> anyhow::Result<Self> {
        let sweep = Sweep {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            keys: payload_keys(settings)?,
            keep: settings.retention.clone(),
            metrics,
        };
        Ok(Self { sweep })
    }

    /// Works until the token is cancelled.
    pub(crate) async fn run(self, stop: CancellationToken) {
        self.sweep.run(stop).await;
    }
}
