//! dlq-function: keeps dead letters, explains them, and replays them on command. Stands in for the Azure Function of the
//! system that contato replaces.
//!
//! **Invariant:** a dead letter is settled only once it is stored, and a replay publishes the same command id, so that once
//! or ten times is the same.

use std::{net::SocketAddr, sync::Arc};

use shared::{
    broker::{Queue, Traffic},
    management::Management,
    metrics::Metrics,
    role::{ConsumerHealth, Parts, payload_keys, refuse_older_schema},
    settings::Settings,
    store::{SqlOperation, Store},
};
use tokio_util::sync::CancellationToken;

mod actions;
mod audit_view;
pub mod azure;
mod background;
pub mod cli;
mod collect;
mod collector;
mod console;
mod group_view;
mod keeper;
mod masking;
mod metrics;
pub mod openapi;
mod parking;
mod policy;
mod replays;
mod rerun;
mod routes;
mod sweep;
mod view;
mod watch;

use actions::Actions;
use background::Background;
use collector::Collector;
use keeper::Keeper;
use metrics::DlqMetrics;
use routes::Api;
use watch::Watch;

/// What it does with the broker.
const TRAFFIC: Traffic = Traffic {
    published: &[Queue::Commands, Queue::Parking],
    consumed: &[Queue::DeadLetters],
};

/// What it mostly does with SQL.
const SQL: [SqlOperation; 4] = [
    SqlOperation::StoreDeadLetter,
    SqlOperation::ReadDeadLetters,
    SqlOperation::ChangeDeadLetters,
    SqlOperation::Replay,
];

/// The service, ready to run.
#[derive(Debug)]
pub struct Service {
    collector: Collector,
    api: Api,
    management: Management,
    series: Metrics,
    store: Store,
    background: Background,
}

/// Makes the service and binds its listeners.
///
/// # Errors
/// If an address is in use, or the database answers with an older schema.
pub async fn build(settings: &Settings, parts: Parts) -> anyhow::Result<Service> {
    let management = Management::bind(settings.dlq_function.management)?;
    refuse_older_schema(&parts.store).await?;
    let series = Metrics::new();
    let parts = parts.metered(&series, TRAFFIC, &SQL);
    let metrics = DlqMetrics::new(&series, &parts.clock);
    let actions = Actions::new(settings, &parts)?;
    let keeper = Keeper::new(&parts, payload_keys(settings)?, metrics.clone());
    let collector = Collector::new(&parts, keeper);
    let watch = Watch::new(settings, collector.consuming(), &metrics);
    let api = Api::bind(settings, actions, &parts, metrics.clone(), watch, &series)?;
    let background = Background::new(settings, &parts, metrics)?;
    Ok(Service {
        collector,
        api,
        management,
        series,
        store: parts.store,
        background,
    })
}

impl Service {
    /// Where the HTTP API listens.
    pub fn address(&self) -> SocketAddr {
        self.api.address()
    }

    /// Where metrics and health are told.
    pub fn management_address(&self) -> SocketAddr {
        self.management.address()
    }

    /// Collects and answers until the token is cancelled.
    ///
    /// # Errors
    /// If a listener fails.
    pub async fn run(self, stop: CancellationToken) -> anyhow::Result<()> {
        let health = Arc::new(ConsumerHealth::new(
            self.collector.consuming(),
            self.store.clone(),
            stop.clone(),
        ));
        let drained = CancellationToken::new();
        let management = self.management.run(self.series, health.clone(), drained.clone());
        let work = async {
            let (api, (), ()) = tokio::join!(
                self.api.run(health, stop.clone()),
                self.collector.run(stop.clone()),
                self.background.run(stop.clone()),
            );
            drained.cancel();
            api
        };
        tokio::try_join!(work, management).map(drop)
    }
}
