//! What goes on behind whichever listener dlq-function has: its own, or the custom handler of Azure Functions.

use shared::{
    role::{Parts, payload_keys},
    settings::{AutomaticReplay, Settings},
};
use tokio_util::sync::CancellationToken;

use crate::{
    actions::Actions, console::sessions::bounds, metrics::DlqMetrics, policy, replays::Runner, sweep::Sweep,
};

/// The work that goes on without a request.
#[derive(Debug)]
pub(crate) struct Background {
    sweep: Sweep,
    runner: Runner,
    actions: Actions,
    /// Which dead letters are sent again without a person.
    automatic: AutomaticReplay,
}

impl Background {
    /// # Errors
    /// If the keys of payloads are not set, or cannot be used.
    pub(crate) fn new(settings: &Settings, parts: &Parts, metrics: DlqMetrics) -> anyhow::Result<Self> {
        let actions = Actions::new(settings, parts)?;
        Ok(Self {
            runner: Runner::new(actions.clone(), metrics.clone()),
            sweep: Sweep {
                store: parts.store.clone(),
                clock: parts.clock.clone(),
                keys: payload_keys(settings)?,
                keep: settings.retention.clone(),
                sessions: bounds(&settings.dlq_function.console),
                metrics,
            },
            actions,
            automatic: settings.dead_letters.automatic.clone(),
        })
    }

    /// Works until the token is cancelled.
    pub(crate) async fn run(self, stop: CancellationToken) {
        tokio::join!(
            self.sweep.run(stop.clone()),
            self.runner.run(stop.clone()),
            policy::run(self.actions, self.automatic, stop),
        );
    }
}
