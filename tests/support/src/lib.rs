//! What the tests of several crates need: a database and a broker prefix for each test, and waiting with a bound.
//!
//! The services come from `scripts/services up`; a test whose service is missing fails and says so.

mod guarded;
mod issuer;
mod pair;
mod raw;
mod series;
mod servers;

pub use guarded::{KeyRing, every_operation_is_guarded, new_key};
pub use issuer::{AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer, Person, SigningKey, unix_now, unsigned};
pub use pair::{Pair, Running};
pub use raw::{RawAnswer, RawClient};
pub use series::Series;
pub use servers::{Server, Servers};

use std::{path::PathBuf, time::Duration};

use sea_orm::{ConnectionTrait, Database};
use tempfile::TempDir;
use uuid::Uuid;

/// Makes two tests of every case, a function that takes a [`Pair`]: on the embedded pair, and on the servers.
#[macro_export]
macro_rules! on_both_pairs {
    ($($case:ident),+ $(,)?) => {
        mod embedded {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::Pair::embedded().await).await;
            })+
        }
        mod servers {
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                super::$case($crate::Pair::servers().await).await;
            })+
        }
    };
}

/// The longest that a test waits for a condition.
pub const PATIENCE: Duration = Duration::from_secs(30);

const STEP: Duration = Duration::from_millis(20);

/// A database of one test, empty.
#[derive(Debug)]
pub struct TestDatabase {
    url: String,
    /// Removes SQLite's files when it is dropped.
    _folder: Option<TempDir>,
}

impl TestDatabase {
    /// A SQLite file in a folder of its own.
    pub fn sqlite() -> Self {
        let folder = TempDir::new().expect("a temporary folder");
        let url = format!("sqlite://{}", folder.path().join("contato.db").display());
        Self {
            url,
            _folder: Some(folder),
        }
    }

    /// A database on the test server. It stays until the server's data is removed by `scripts/services down`.
    pub async fn postgres() -> Self {
        Self::postgres_on(&service_url("CONTATO_TEST_POSTGRES_URL")).await
    }

    /// A database on the server of this URL. It stays as [`postgres`](Self::postgres) says.
    pub async fn postgres_on(server: &str) -> Self {
        let name = format!("t{}", Uuid::now_v7().simple());
        let connection = Database::connect(server)
            .await
            .expect("the test PostgreSQL answers");
        connection
            .execute_unprepared(&format!("CREATE DATABASE {name}"))
            .await
            .expect("a new database");
        connection.close().await.expect("closing");
        let (base, _) = server.rsplit_once('/').expect("a URL with a database");
        Self {
            url: format!("{base}/{name}"),
            _folder: None,
        }
    }

    /// The URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// The URL of the test RabbitMQ.
pub fn amqp_url() -> String {
    service_url("CONTATO_TEST_AMQP_URL")
}

/// The URL of the test RabbitMQ where it speaks TLS.
pub fn amqps_url() -> String {
    service_url("CONTATO_TEST_AMQPS_URL")
}

/// The URL of the test PostgreSQL, with its certificate checked.
pub fn postgres_tls_url() -> String {
    service_url("CONTATO_TEST_POSTGRES_TLS_URL")
}

/// The file of the authority that the certificates of both are from.
pub fn ca_file() -> PathBuf {
    service_url("CONTATO_TEST_CA").into()
}

/// The URL of the test RabbitMQ's management API, with an administrator's name and password.
pub fn management_url() -> String {
    service_url("CONTATO_TEST_RABBITMQ_MANAGEMENT_URL")
}

/// The same where it speaks TLS.
pub fn management_tls_url() -> String {
    service_url("CONTATO_TEST_RABBITMQ_MANAGEMENT_TLS_URL")
}

/// A prefix for the queues of one test.
pub fn queue_prefix() -> String {
    format!("t{}.", Uuid::now_v7().simple())
}

fn service_url(variable: &str) -> String {
    std::env::var(variable).unwrap_or_else(|_| {
        panic!("{variable} is not set: run scripts/services up and eval \"$(scripts/services env)\", or scripts/test")
    })
}

/// Waits until a condition holds and gives what it found.
///
/// # Panics
/// If it does not within [`PATIENCE`].
pub async fn eventually<T>(what: &str, condition: impl AsyncFnMut() -> Option<T>) -> T {
    eventually_within(PATIENCE, what, condition).await
}

/// Waits until a condition holds and gives what it found.
///
/// # Panics
/// If it does not in time.
pub async fn eventually_within<T>(
    patience: Duration,
    what: &str,
    condition: impl AsyncFnMut() -> Option<T>,
) -> T {
    within(patience, what, condition)
        .await
        .unwrap_or_else(|in_vain| panic!("{in_vain}"))
}

/// Waits until a condition holds and gives what it found.
///
/// # Errors
/// If it does not in time: what was waited for.
pub async fn within<T>(
    patience: Duration,
    what: &str,
    mut condition: impl AsyncFnMut() -> Option<T>,
) -> Result<T, String> {
    let wait = async {
        loop {
            if let Some(found) = condition().await {
                return found;
            }
            tokio::time::sleep(STEP).await;
        }
    };
    tokio::time::timeout(patience, wait)
        .await
        .map_err(|_| format!("waited {patience:?} in vain: {what}"))
}
