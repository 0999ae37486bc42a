//! SQL through SeaORM: contacts, the outcomes of commands, dead letters. PostgreSQL in production, SQLite where nothing
//! is installed; one code path for both.
//!
//! **Invariant:** what a batch changes, its contacts, the outcomes of its commands and the dead letters that these close,
//! is one transaction. The rules stand in [`domain`](crate::domain); nothing in here decides about a command.

use std::{
    future::Future,
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};

use chrono::{DateTime, SubsecRound, Utc};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    SqliteTransactionMode, TransactionOptions, TransactionTrait,
    sqlx::{
        postgres::PgSslMode,
        sqlite::{SqliteJournalMode, SqliteSynchronous},
    },
};
use sea_orm_migration::MigratorTrait;
use secrecy::{ExposeSecret, SecretString};

use crate::{tls, traces};

mod apply;
pub mod audit;
mod bulk;
pub mod commands;
pub mod contacts;
pub mod dead_letters;
pub mod duplicates;
mod entities;
mod error;
pub mod examine;
pub mod export;
pub mod grants;
pub mod imports;
mod metrics;
mod migrations;
mod probe;
pub mod replays;
mod retention;
pub mod roles;
mod search;
pub mod sessions;

pub use error::StoreError;
pub use metrics::SqlOperation;
use metrics::{StoreMetrics, Turns};

/// How to reach SQL.
#[derive(Clone, Debug)]
pub struct StoreOptions {
    /// `postgres://…` or `sqlite://path`.
    pub url: SecretString,
    /// A standby for reads; reads go to `url` without it.
    pub read_url: Option<SecretString>,
    /// Authorities (PEM) that are trusted besides the system's. Read for every connection.
    pub ca_file: Option<PathBuf>,
    /// The most connections of a pool.
    pub max_connections: u32,
    /// How long one operation may take in all, waiting for a connection included.
    pub operation_timeout: Duration,
}

/// SQL. Cheap to clone; connects when it is first used and again after every loss.
#[derive(Clone, Debug)]
pub struct Store {
    write: DatabaseConnection,
    read: DatabaseConnection,
    export: DatabaseConnection,
    /// Shared by all clones, as the pools are.
    write_turns: Arc<Turns>,
    read_turns: Arc<Turns>,
    operation_timeout: Duration,
    /// Where what is done is counted.
    metrics: Option<StoreMetrics>,
}

/// Which connections an operation uses.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pool {
    Write,
    Read,
    /// Its own, which are for whole exports.
    Export,
}

/// One version of the schema and whether the database has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The name of the migration.
    pub name: String,
    /// Whether it has been applied.
    pub applied: bool,
}

/// The time as SQL keeps it: whole milliseconds.
pub fn sql_time(time: DateTime<Utc>) -> DateTime<Utc> {
    time.trunc_subsecs(3)
}

impl Store {
    /// Prepares the pools. Does not connect, so that a service starts while SQL is down.
    ///
    /// # Errors
    /// If a URL is neither PostgreSQL's nor SQLite's.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let write = pool(&options.url, options, Access::Write).await?;
        let read_url = options.read_url.as_ref().unwrap_or(&options.url);
        let read = pool(read_url, options, Access::Read).await?;
        Ok(Self {
            write_turns: Turns::at(&write),
            read_turns: Turns::at(&read),
            write,
            read,
            export: pool(read_url, options, Access::Export).await?,
            operation_timeout: options.operation_timeout,
            metrics: None,
        })
    }

    /// Says whether SQL answers to reads.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.answers(&self.read, Pool::Read, SqlOperation::Ping).await
    }

    /// Says whether SQL answers where it is written to.
    ///
    /// # Errors
    /// If it does not.
    pub async fn ping_writer(&self) -> Result<(), StoreError> {
        self.answers(&self.write, Pool::Write, SqlOperation::PingWriter)
            .await
    }

    async fn answers(
        &self,
        sql: &DatabaseConnection,
        pool: Pool,
        operation: SqlOperation,
    ) -> Result<(), StoreError> {
        self.timed(pool, operation, async {
            Ok(sql.execute_unprepared("SELECT 1").await.map(drop)?)
        })
        .await
    }

    /// Refuses a database whose schema is older than this program.
    ///
    /// # Errors
    /// [`StoreError::Schema`] with what to run; any other if SQL does not answer.
    pub async fn check_schema(&self) -> Result<(), StoreError> {
        let missing: Vec<_> = self
            .schema()
            .await?
            .into_iter()
            .filter(|version| !version.applied)
            .map(|version| version.name)
            .collect();
        if missing.is_empty() {
            return Ok(());
        }
        let missing = missing.join(", ");
        Err(StoreError::Schema(format!(
            "the database schema is older than this program (missing: {missing}); run `contato migrate up` with the same settings"
        )))
    }

    /// The versions of the schema that this program knows, in order. A database may have newer ones.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn schema(&self) -> Result<Vec<SchemaVersion>, StoreError> {
        let applied = self
            .timed(Pool::Write, SqlOperation::CheckSchema, async {
                Ok(migrations::applied(&self.write).await?)
            })
            .await?;
        let known = migrations::Migrator::migrations()
            .into_iter()
            .map(|migration| migration.name().to_owned());
        Ok(known
            .map(|name| SchemaVersion {
                applied: applied.contains(&name),
                name,
            })
            .collect())
    }

    /// Applies the next `steps` versions of the schema, or all.
    ///
    /// # Errors
    /// If SQL does not answer or refuses.
    pub async fn migrate_up(&self, steps: Option<u32>) -> Result<(), StoreError> {
        Ok(migrations::Migrator::up(&self.write, steps).await?)
    }

    /// Takes back the last `steps` versions of the schema, or all, with the data in them.
    ///
    /// # Errors
    /// If SQL does not answer or refuses.
    pub async fn migrate_down(&self, steps: Option<u32>) -> Result<(), StoreError> {
        Ok(migrations::Migrator::down(&self.write, steps).await?)
    }

    /// Closes the pools.
    pub async fn close(self) {
        // A pool that is already closed says so; there is nothing to do about it.
        drop(self.export.close().await);
        drop(self.read.close().await);
        drop(self.write.close().await);
    }

    /// `db.system.name` of OpenTelemetry's semantic conventions.
    pub fn system(&self) -> &'static str {
        match self.write.get_database_backend() {
            DbBackend::Sqlite => "sqlite",
            _ => "postgresql",
        }
    }

    async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        begin(&self.write).await
    }

    /// Does an operation on the connections of a pool: within its time, and measured.
    async fn timed<T>(
        &self,
        pool: Pool,
        operation: SqlOperation,
        work: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, StoreError> {
        let since = Instant::now();
        let metrics = self.metrics.as_ref();
        // Kept off the stack: a batch's future is large, and each of the layers around it would hold all of it once more.
        let work = Box::pin(work);
        let in_turn = async {
            let _turn = match pool {
                Pool::Write => self.write_turns.take(metrics).await,
                Pool::Read => self.read_turns.take(metrics).await,
                Pool::Export => None,
            };
            work.await
        };
        let in_time = async {
            tokio::time::timeout(self.operation_timeout, in_turn)
                .await
                .unwrap_or(Err(StoreError::TimedOut(self.operation_timeout)))
        };
        let result = traces::sql(self.system(), operation.as_str(), in_time, StoreError::kind).await;
        if let Some(metrics) = metrics {
            metrics.ended(operation, &result, since);
        }
        result
    }
}

/// Begins a transaction that may write: READ COMMITTED on PostgreSQL, as its connections are set to (`pool`);
/// IMMEDIATE on SQLite, where a transaction that takes its lock late fails at once.
async fn begin(
    sql: &(impl ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>),
) -> Result<DatabaseTransaction, DbErr> {
    let sqlite = sql.get_database_backend() == DbBackend::Sqlite;
    let options = TransactionOptions {
        sqlite_transaction_mode: sqlite.then_some(SqliteTransactionMode::Immediate),
        ..TransactionOptions::default()
    };
    sql.begin_with_options(options).await
}

/// After so long without use a connection is tried before it is used.
const UNTESTED_MAX: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, PartialEq, Eq)]
enum Access {
    Read,
    Write,
    /// Reading everything, at the pace of who takes it.
    Export,
}

async fn pool(
    url: &SecretString,
    options: &StoreOptions,
    access: Access,
) -> Result<DatabaseConnection, StoreError> {
    let url = url.expose_secret();
    let sqlite = DbBackend::Sqlite.is_prefix_of(url);
    let mut connect = ConnectOptions::new(url);
    connect
        .connect_lazy(true)
        .sqlx_logging(false)
        .acquire_timeout(options.operation_timeout)
        .connect_timeout(options.operation_timeout)
        // Asking each time whether the other end is still there would double the way of a read.
        .test_before_acquire_if_idle_for(UNTESTED_MAX)
        .max_connections(match access {
            // SQLite has one writer; waiting for a connection is fairer than waiting for its lock.
            Access::Write if sqlite => 1,
            Access::Read | Access::Write => options.max_connections,
            Access::Export => export::MAX_EXPORTS.try_into().unwrap_or(u32::MAX),
        });
    if !sqlite {
        let limit = match access {
            Access::Read | Access::Write => options.operation_timeout,
            Access::Export => export::PAGE_TIMEOUT,
        };
        let limit = limit.as_millis().to_string();
        let ca_file = options.ca_file.clone();
        let sslmode = tls::sslmode(url).is_none().then_some(PgSslMode::VerifyFull);
        // A process that freezes in the middle of a transaction must not hold its locks for longer than it would run.
        connect.map_sqlx_postgres_opts(move |postgres| {
            let postgres = match &ca_file {
                // Whoever names authorities wants certificates checked, and sqlx would not, unless told.
                Some(file) => {
                    let postgres = postgres.ssl_root_cert(file);
                    match sslmode {
                        Some(mode) => postgres.ssl_mode(mode),
                        None => postgres,
                    }
                }
                None => postgres,
            };
            let postgres = postgres.options([
                ("statement_timeout", &limit),
                ("idle_in_transaction_session_timeout", &limit),
            ]);
            match access {
                // What is written is found by its keys: each statement is planned once, and no table that was small then,
                // nor the price of disks that turn, may make a batch read all of it. Whatever the database's defaults are, a
                // transaction writes and sees what others have committed.
                Access::Write => postgres.options([
                    ("plan_cache_mode", "force_generic_plan"),
                    ("enable_seqscan", "off"),
                    ("default_transaction_isolation", "read committed"),
                    ("default_transaction_read_only", "off"),
                    // Says that this program keeps the words of contacts itself: see the migration of search.
                    (migrations::KEEPS_WORDS, "on"),
                ]),
                Access::Read | Access::Export => postgres,
            }
        });
    }
    let busy_timeout = options.operation_timeout;
    connect.map_sqlx_sqlite_opts(move |sqlite| {
        sqlite
            .create_if_missing(access == Access::Write)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            // What is erased leaves no trace in free pages.
            .pragma("secure_delete", "ON")
            .busy_timeout(busy_timeout)
    });
    Ok(Database::connect(connect).await?)
}

/// A row that no code of ours can have written; [`StoreError::Unknown`].
fn corrupt(what: &str) -> DbErr {
    DbErr::Custom(format!("a stored {what} cannot be read"))
}
