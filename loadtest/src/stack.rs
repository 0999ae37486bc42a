//! The servers, and the services as processes of their own.

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::Context;
use sea_orm::{ConnectionTrait, Database};
use shared::store::{Store, StoreOptions};
use tokio::time::Instant;
use uuid::Uuid;

use crate::sample::ID_KEY;

/// How long a service may take to be ready.
const READY_MAX: Duration = Duration::from_secs(30);

/// RabbitMQ and PostgreSQL, as `scripts/services` names them in the environment.
#[derive(Clone, Debug)]
pub struct Servers {
    pub amqp_url: String,
    pub postgres_url: String,
    binaries: PathBuf,
    pub postgres_tools: PathBuf,
}

/// A database and queues of one measurement.
#[derive(Debug)]
pub struct Ground {
    pub database_url: String,
    pub prefix: String,
}

/// A service that runs; killed when dropped.
#[derive(Debug)]
pub struct Role {
    child: Child,
    pub listen: SocketAddr,
    pub management: SocketAddr,
}

impl Servers {
    pub fn from_environment(binaries: &Path, postgres_tools: &Path) -> anyhow::Result<Self> {
        let variable = |name: &str| {
            std::env::var(name).with_context(|| format!("{name} is not set: call loadtest/bench"))
        };
        Ok(Self {
            amqp_url: variable("CONTATO_TEST_AMQP_URL")?,
            postgres_url: variable("CONTATO_TEST_POSTGRES_URL")?,
            binaries: binaries.to_owned(),
            postgres_tools: postgres_tools.to_owned(),
        })
    }

    /// A new database with the schema, and a prefix for new queues.
    pub async fn ground(&self) -> anyhow::Result<Ground> {
        let name = format!("bench{}", Uuid::now_v7().simple());
        let server = Database::connect(&self.postgres_url).await?;
        server
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await?;
        server.close().await?;
        let (base, _) = self
            .postgres_url
            .rsplit_once('/')
            .context("a URL with a database")?;
        let ground = Ground {
            // As the broker's URL: without TLS, which each peer would pay for differently.
            database_url: format!("{base}/{name}?sslmode=disable"),
            prefix: format!("{name}."),
        };
        ground.store().await?.migrate_up(None).await?;
        Ok(ground)
    }

    /// Starts a service and waits until it is ready.
    pub async fn start(&self, role: &str, ground: &Ground) -> anyhow::Result<Role> {
        let (listen, management) = (free_address()?, free_address()?);
        let section = role.replace('-', "_").to_uppercase();
        let mut command = Command::new(self.binaries.join(role));
        command
            .env("CONTATO__IDS__KEY", ID_KEY)
            .env("CONTATO__DEAD_LETTERS__KEYS", format!("1:{}", "5a".repeat(32)))
            .env("CONTATO__BROKER__URL", &self.amqp_url)
            .env("CONTATO__BROKER__PREFIX", &ground.prefix)
            .env("CONTATO__STORE__URL", &ground.database_url)
            .env("CONTATO__LOG__FILTER", "warn")
            // The highest there is: how fast it is, not how fast it may be used.
            .env("CONTATO__HTTP__RATE_LIMIT", "1000000")
            .env(format!("CONTATO__{section}__MANAGEMENT"), management.to_string())
            .stdout(Stdio::null());
        if role != "consumer-worker" {
            command.env(format!("CONTATO__{section}__LISTEN"), listen.to_string());
        }
        let child = command.spawn().with_context(|| format!("cannot start {role}"))?;
        let mut role = Role {
            child,
            listen,
            management,
        };
        role.ready().await?;
        Ok(role)
    }
}

impl Ground {
    pub async fn store(&self) -> anyhow::Result<Store> {
        Ok(Store::open(&StoreOptions {
            url: self.database_url.clone().into(),
            read_url: None,
            ca_file: None,
            max_connections: 2,
            operation_timeout: Duration::from_secs(60),
        })
        .await?)
    }
}

impl Role {
    async fn ready(&mut self) -> anyhow::Result<()> {
        let since = Instant::now();
        while since.elapsed() < READY_MAX {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("a service ended before it was ready: {status}");
            }
            if crate::http::get(self.management, "/readyz").await.is_ok() {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        anyhow::bail!("a service was not ready within {READY_MAX:?}")
    }

    /// The most memory it has had resident, in MiB.
    pub fn peak_mib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))
            .context("VmHWM")?;
        let kib: f64 = line.trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib / 1024.0)
    }

    /// The sum of a counter's series whose line starts like this.
    pub async fn counter(&self, series: &str) -> anyhow::Result<f64> {
        let text = crate::http::get(self.management, "/metrics").await?;
        Ok(text
            .lines()
            .filter(|line| line.starts_with(series))
            .filter_map(|line| line.rsplit_once(' ')?.1.parse::<f64>().ok())
            .sum())
    }

    /// The average of what a histogram without labels has seen.
    pub async fn average(&self, histogram: &str) -> anyhow::Result<f64> {
        let sum = self.counter(&format!("{histogram}_sum")).await?;
        Ok(sum / self.counter(&format!("{histogram}_count")).await?)
    }

    /// Waits until a counter has reached a value.
    pub async fn counted(&self, series: &str, value: usize, patience: Duration) -> anyhow::Result<()> {
        const LOOK_EVERY: Duration = Duration::from_millis(20);
        let since = Instant::now();
        loop {
            let found = self.counter(series).await?;
            if found >= value as f64 {
                return Ok(());
            }
            anyhow::ensure!(
                since.elapsed() < patience,
                "{series} is {found} of {value} after {patience:?}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // It may have ended; nothing is left to be done about it either way.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?)
}
