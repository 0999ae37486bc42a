//! An instance of RabbitMQ and PostgreSQL (see `scripts/services --help`).

use std::{
    collections::BTreeMap,
    process::Command,
    sync::{Arc, Weak},
};

use tokio::sync::Mutex;

const SERVICES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/services");

/// A server of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Server {
    /// The broker.
    RabbitMq,
    /// SQL.
    Postgres,
}

impl Server {
    /// Both.
    pub const ALL: [Self; 2] = [Self::RabbitMq, Self::Postgres];

    fn name(self) -> &'static str {
        match self {
            Self::RabbitMq => "rabbitmq",
            Self::Postgres => "postgres",
        }
    }
}

/// An instance; gone with its data when dropped.
#[derive(Debug)]
pub struct Servers {
    name: String,
    /// Where RabbitMQ is; empty without one.
    pub amqp_url: String,
    /// Where RabbitMQ's management API is; empty without one.
    pub management_url: String,
    /// Where PostgreSQL is; empty without one.
    pub postgres_url: String,
    /// Where RabbitMQ speaks TLS.
    pub amqps_url: String,
    /// Where PostgreSQL is, its certificate to be checked.
    pub postgres_tls_url: String,
    /// The file of the authority that the certificates of both are from.
    pub ca_file: String,
}

impl Servers {
    /// The instance of the tests that leave its servers alone. It stays as long as one of them has it.
    pub async fn shared() -> Arc<Self> {
        static SHARED: Mutex<Weak<Servers>> = Mutex::const_new(Weak::new());
        let mut shared = SHARED.lock().await;
        if let Some(servers) = shared.upgrade() {
            return servers;
        }
        let servers = Self::own("shared", &Server::ALL).await;
        *shared = Arc::downgrade(&servers);
        servers
    }

    /// An instance for one test to maltreat, of these servers.
    pub async fn own(name: &str, servers: &[Server]) -> Arc<Self> {
        let name = format!("test-{name}");
        // What an interrupted run has left behind.
        services(&["down", "--name", &name]).await;
        let mut instance = Self {
            name,
            amqp_url: String::new(),
            management_url: String::new(),
            postgres_url: String::new(),
            amqps_url: String::new(),
            postgres_tls_url: String::new(),
            ca_file: String::new(),
        };
        let names = servers.iter().map(|server| server.name());
        instance
            .run(&["up"].into_iter().chain(names).collect::<Vec<_>>())
            .await;
        let exports = instance.run(&["env"]).await;
        let mut variables: BTreeMap<&str, &str> = exports
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .collect();
        let mut url = |variable| {
            let url: &str = variables.remove(variable).unwrap_or_default();
            url.trim_matches(['\'', '"']).to_owned()
        };
        instance.amqp_url = url("CONTATO_TEST_AMQP_URL");
        instance.management_url = url("CONTATO_TEST_RABBITMQ_MANAGEMENT_URL");
        instance.postgres_url = url("CONTATO_TEST_POSTGRES_URL");
        instance.amqps_url = url("CONTATO_TEST_AMQPS_URL");
        instance.postgres_tls_url = url("CONTATO_TEST_POSTGRES_TLS_URL");
        instance.ca_file = url("CONTATO_TEST_CA");
        Arc::new(instance)
    }

    /// Starts a server again, with its data.
    pub async fn start(&self, server: Server) {
        self.run(&["start", server.name()]).await;
    }

    /// Stops a server gracefully.
    pub async fn stop(&self, server: Server) {
        self.run(&["stop", server.name()]).await;
    }

    /// SIGKILLs a server.
    pub async fn kill(&self, server: Server) {
        self.run(&["kill", server.name()]).await;
    }

    /// Runs `rabbitmqctl` and gives what it prints.
    pub async fn rabbitmqctl(&self, arguments: &[&str]) -> String {
        let mut all = vec!["rabbitmqctl", "--name", &self.name];
        all.extend(arguments);
        services(&all).await
    }

    /// Runs SQL as PostgreSQL's superuser.
    pub async fn as_superuser(&self, statement: &str) {
        services(&[
            "psql",
            "--name",
            &self.name,
            "-q",
            "-v",
            "ON_ERROR_STOP=1",
            "-c",
            statement,
        ])
        .await;
    }

    /// An empty disk of 16 MiB that PostgreSQL can write to.
    pub async fn small_disk(&self) -> String {
        self.run(&["small-disk"]).await.trim().to_owned()
    }

    /// Sets how long the broker lets a delivery be unsettled. Holds for channels that are opened afterwards, until the
    /// broker starts again.
    pub async fn set_consumer_timeout(&self, milliseconds: u64) {
        let expression = format!("application:set_env(rabbit, consumer_timeout, {milliseconds}).");
        self.rabbitmqctl(&["eval", &expression]).await;
    }

    async fn run(&self, command: &[&str]) -> String {
        let mut all = vec![command[0], "--name", &self.name];
        all.extend(&command[1..]);
        services(&all).await
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        // Also after a failed test, of which it must not hide the failure.
        let _ = Command::new(SERVICES)
            .args(["down", "--name", &self.name])
            .output();
    }
}

async fn services(arguments: &[&str]) -> String {
    let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
    let run = move || {
        let output = Command::new(SERVICES)
            .args(&arguments)
            .output()
            .expect("scripts/services can be run");
        assert!(
            output.status.success(),
            "scripts/services {arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr),
        );
        String::from_utf8(output.stdout).expect("it speaks UTF-8")
    };
    tokio::task::spawn_blocking(run)
        .await
        .expect("running a script should not panic")
}
