//! A database of one measurement, filled by the same transactions that the worker runs.

use std::time::{Duration, Instant};

use anyhow::Context;
use sea_orm::{ConnectionTrait, DatabaseConnection, DbBackend, Statement};
use shared::{
    clock::Clock,
    domain::Stamp,
    store::{Store, StoreOptions},
};
use tempfile::TempDir;
use uuid::Uuid;

use crate::people::People;

/// Creates in one transaction: the worker's largest batch.
const BATCH: usize = 500;
/// How far a stamp may be ahead; the clock is one here.
const AHEAD_MS: u64 = 5_000;

pub struct Database {
    pub store: Store,
    /// A connection of our own, for what the store does not do.
    pub sql: DatabaseConnection,
    /// The server and the database's name there.
    server: Option<(String, String)>,
    _folder: Option<TempDir>,
}

impl Database {
    /// A new database on a server.
    pub async fn postgres(server: &str) -> anyhow::Result<Self> {
        let name = format!("search{}", Uuid::now_v7().simple());
        on_server(server, &format!("CREATE DATABASE {name}")).await?;
        let (base, _) = server.rsplit_once('/').context("a URL with a database")?;
        let mut database = Self::open(&format!("{base}/{name}")).await?;
        database.server = Some((server.to_owned(), name));
        Ok(database)
    }

    /// A new file.
    pub async fn sqlite(folder: TempDir) -> anyhow::Result<Self> {
        let path = folder.path().join("contato.db");
        let mut database = Self::open(&format!("sqlite://{}", path.display())).await?;
        database._folder = Some(folder);
        Ok(database)
    }

    async fn open(url: &str) -> anyhow::Result<Self> {
        let store = Store::open(&StoreOptions {
            url: url.to_owned().into(),
            read_url: None,
            ca_file: None,
            // One: what a connection has prepared is then used by every repetition.
            max_connections: 1,
            operation_timeout: Duration::from_secs(60),
        })
        .await?;
        store.migrate_up(None).await?;
        let mut options = sea_orm::ConnectOptions::new(url);
        options.max_connections(1);
        Ok(Self {
            store,
            sql: sea_orm::Database::connect(options).await?,
            server: None,
            _folder: None,
        })
    }

    pub fn is_postgres(&self) -> bool {
        self.sql.get_database_backend() == DbBackend::Postgres
    }

    /// Applies so many creates; says how long that took.
    pub async fn fill(&self, people: &mut People, contacts: usize) -> anyhow::Result<Duration> {
        let (mut left, mut taken) = (contacts, Duration::ZERO);
        while left > 0 {
            let batch = people.next(left.min(BATCH))?;
            left -= batch.len();
            let now = Clock::system();
            let since = Instant::now();
            let latest = Stamp::at_ms(now.now_ms() + AHEAD_MS);
            self.store.apply(&batch, now.now(), latest).await?;
            taken += since.elapsed();
        }
        Ok(taken)
    }

    /// The rows of a statement as text, a line each.
    pub async fn lines(&self, statement: &str) -> anyhow::Result<Vec<String>> {
        let statement = Statement::from_string(self.sql.get_database_backend(), statement);
        let column = if self.is_postgres() { 0 } else { 3 };
        let rows = self.sql.query_all_raw(statement).await?;
        let line = |row: &sea_orm::QueryResult| row.try_get_by_index::<String>(column);
        Ok(rows.iter().map(line).collect::<Result<_, _>>()?)
    }

    /// Drops the database from its server.
    pub async fn remove(self) -> anyhow::Result<()> {
        self.store.close().await;
        self.sql.close().await?;
        match self.server {
            Some((server, name)) => on_server(&server, &format!("DROP DATABASE {name}")).await,
            None => Ok(()),
        }
    }
}

async fn on_server(url: &str, statement: &str) -> anyhow::Result<()> {
    let server = sea_orm::Database::connect(url).await?;
    server.execute_unprepared(statement).await?;
    Ok(server.close().await?)
}
