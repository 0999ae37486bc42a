//! What every role does around its work: arguments, settings, the parts it shares with the others, signals.

use std::{
    future::Future,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{
        Broker, Metered, Traffic, connected_within,
        embedded::{Embedded, EmbeddedOptions},
        rabbitmq::{RabbitMq, RabbitMqOptions},
    },
    clock::Clock,
    domain::IdKey,
    files::make_folder_of,
    logs,
    metrics::Metrics,
    planned_fault,
    settings::{Log, Settings, Shutdown},
    store::{SqlOperation, Store, StoreError, StoreOptions},
    traces::Traces,
};

mod health;
mod health_check;
mod secrets;

pub use health::ConsumerHealth;
pub use health_check::reachable;
pub use secrets::{id_key, payload_keys};

/// The arguments that every binary takes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CommonArguments {
    /// A TOML file with settings; the environment (CONTATO__SECTION__KEY) goes before it.
    #[arg(long, env = "CONTATO_CONFIG", value_name = "FILE", global = true)]
    pub config: Option<PathBuf>,
    /// Print the settings as they are in force, secrets masked, and exit.
    #[arg(long, global = true)]
    pub print_config: bool,
    /// Ask the process that runs with the same settings on this machine whether it is ready, and exit: 0 if it is, 1 if not.
    #[arg(long)]
    pub check_health: bool,
}

impl CommonArguments {
    /// Reads the settings and starts logging. `None` if the settings were to be printed, which is done.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn start(&self) -> anyhow::Result<Option<Settings>> {
        self.start_with(|_| {})
    }

    /// As [`start`](Self::start), for a command that a person types and that ends: unless `log.filter` is set, only warnings are
    /// logged, so that what it prints can be read.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn start_command(&self) -> anyhow::Result<Option<Settings>> {
        self.start_with(|settings| {
            if settings.log.filter == Log::default().filter {
                settings.log.filter = "warn".to_owned();
            }
        })
    }

    /// Does what `--check-health` asks for, and says whether it did. `listeners` picks the management listeners of the process.
    ///
    /// # Errors
    /// If the settings cannot be used, or a listener does not say that it is ready.
    pub async fn checks_health<const N: usize>(
        &self,
        listeners: impl FnOnce(&Settings) -> [SocketAddr; N],
    ) -> anyhow::Result<bool> {
        if self.check_health {
            let settings = Settings::load(self.config.as_deref(), std::env::vars())?;
            health_check::all_ready(&listeners(&settings)).await?;
        }
        Ok(self.check_health)
    }

    fn start_with(&self, change: impl FnOnce(&mut Settings)) -> anyhow::Result<Option<Settings>> {
        planned_fault::arm();
        let mut settings = Settings::load(self.config.as_deref(), std::env::vars())?;
        change(&mut settings);
        if self.print_config {
            println!("{}", settings.to_masked_json());
            return Ok(None);
        }
        logs::start(&settings.log)?;
        planned_fault::announce();
        Ok(Some(settings))
    }
}

/// What the roles of one process share.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The queue.
    pub broker: Arc<dyn Broker>,
    /// SQL.
    pub store: Store,
    /// The secret behind the ids.
    pub id_key: IdKey,
    /// The time.
    pub clock: Clock,
    /// What begins spans.
    pub traces: Traces,
}

impl Parts {
    /// Makes the parts that the settings name. Connects to nothing remote yet: a service starts while broker or SQL are
    /// down.
    ///
    /// # Errors
    /// If `ids.key` is missing, or an embedded file cannot be opened.
    pub async fn connect(settings: &Settings, role: &str) -> anyhow::Result<Self> {
        let id_key = secrets::id_key(settings)?;
        let store = open_store(settings).await?;
        let broker = open_broker(settings, role).await?;
        Ok(Self {
            broker,
            store,
            id_key,
            clock: Clock::system(),
            traces: Traces::start(settings.traces.endpoint.as_deref(), settings.traces.ratio, role)
                .context("traces cannot be exported")?,
        })
    }

    /// The same parts, counting for one role what it does with the broker and with SQL.
    #[must_use]
    pub fn metered(self, series: &Metrics, traffic: Traffic, expected: &[SqlOperation]) -> Self {
        Self {
            broker: Metered::new(self.broker, series, traffic),
            store: self.store.metered(series, expected),
            ..self
        }
    }

    /// Waits until a publish would be sent: for commands that end, which cannot wait for a service to reconnect.
    ///
    /// # Errors
    /// If the broker is not connected within `patience`.
    pub async fn broker_connected(&self, patience: Duration) -> anyhow::Result<()> {
        anyhow::ensure!(
            connected_within(self.broker.as_ref(), patience).await,
            "the broker (broker.url) is not reachable within {patience:?}"
        );
        Ok(())
    }

    /// Exports the last spans, and lets go of the broker and of SQL. Whatever does not answer in time is left to the end of the
    /// process: everything that matters is done by then. A collector that does not answer keeps nothing else waiting.
    pub async fn close(self) {
        const PATIENCE: Duration = Duration::from_secs(3);
        let close = async {
            self.broker.close().await;
            self.store.close().await;
        };
        let (closed, ()) = tokio::join!(tokio::time::timeout(PATIENCE, close), self.traces.stop());
        if closed.is_err() {
            tracing::warn!("the broker or SQL did not let go in time");
        }
    }
}

/// SQL as the settings name it.
///
/// # Errors
/// If the URL cannot be used.
pub async fn open_store(settings: &Settings) -> anyhow::Result<Store> {
    let store = &settings.store;
    if let Some(path) = store.url.expose().strip_prefix("sqlite://") {
        let file = Path::new(path.split('?').next().unwrap_or(path));
        make_folder_of(file).with_context(|| format!("cannot make the folder of {}", file.display()))?;
    }
    let options = StoreOptions {
        url: store.url.secret().clone(),
        read_url: store.read_url.as_ref().map(|url| url.secret().clone()),
        ca_file: store.ca_file.clone(),
        max_connections: store.max_connections,
        operation_timeout: store.timeout.0,
    };
    Store::open(&options).await.context("store.url cannot be used")
}

/// The broker as the settings name it; `role` is what RabbitMQ's list of connections shows.
///
/// # Errors
/// If an embedded file cannot be opened.
pub async fn open_broker(settings: &Settings, role: &str) -> anyhow::Result<Arc<dyn Broker>> {
    let queues = settings.queue_options();
    if let Some(path) = settings.embedded_queue() {
        return Ok(Embedded::open(EmbeddedOptions { path, queues }).await?);
    }
    Ok(RabbitMq::start(rabbitmq_options(settings, role)))
}

/// How to reach RabbitMQ, as the settings say; `role` is what its list of connections shows.
pub fn rabbitmq_options(settings: &Settings, role: &str) -> RabbitMqOptions {
    RabbitMqOptions {
        prefix: settings.broker.prefix.clone(),
        ca_file: settings.broker.ca_file.clone(),
        connection_name: role.to_owned(),
        queues: settings.queue_options(),
        ..RabbitMqOptions::new(settings.broker.url.secret().clone())
    }
}

/// Refuses a database that answers with an older schema. One that does not answer keeps no service from starting: gives why
/// it has not.
///
/// # Errors
/// If the schema is older; the error says what to run.
pub async fn refuse_older_schema(store: &Store) -> anyhow::Result<Option<StoreError>> {
    const PATIENCE: Duration = Duration::from_secs(5);
    match tokio::time::timeout(PATIENCE, store.check_schema()).await {
        Ok(Ok(())) => Ok(None),
        Ok(Err(error @ StoreError::Schema(_))) => Err(error.into()),
        Ok(Err(error)) => Ok(Some(error)),
        Err(_) => Ok(Some(StoreError::TimedOut(PATIENCE))),
    }
}

/// A token that is cancelled at SIGTERM or SIGINT (Ctrl-C).
///
/// # Errors
/// If the process cannot listen to signals.
pub fn stop_at_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancel = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping: finishing the work in hand");
        cancel.cancel();
    });
    Ok(stop)
}

/// Runs a service until it ends. Once `stop` is cancelled it has the time of its drain, and then until the deadline.
///
/// # Errors
/// The service's own, or that the deadline passed.
pub async fn run_until_stopped(
    service: impl Future<Output = anyhow::Result<()>>,
    stop: CancellationToken,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let overdue = async {
        stop.cancelled().await;
        tokio::time::sleep(shutdown.longest()).await;
    };
    tokio::select! {
        result = service => result,
        () = overdue => anyhow::bail!("work in hand was not finished within shutdown.deadline ({:?}); it will come again", shutdown.deadline.0),
    }
}
