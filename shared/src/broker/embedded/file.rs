//! The queue's file: where it is, its schema and its connections.
//!
//! SQLite through sqlx, WAL, `synchronous=FULL`: a commit that returned has been synced.
//!
//! **Invariant:** whoever holds a connection from here has a file of [`SCHEMA_VERSION`].

use std::{fs, path::Path, path::PathBuf, time::Duration};

use sea_orm::sqlx::{
    self, ConnectOptions, Connection, SqliteConnection,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};

use crate::broker::BrokerError;

/// The version that this program reads and writes, in `PRAGMA user_version`; an empty file has 0.
const SCHEMA_VERSION: i64 = 2;

/// How long one statement waits for a lock that another process holds. The writer asks again and again, so that it
/// notices between two waits that nobody waits for it any more.
pub(super) const LOCK_WAIT: Duration = Duration::from_millis(200);

/// How often opening is tried while other processes set the same file up: together ten times [`LOCK_WAIT`] at least.
const OPEN_ATTEMPTS: u32 = 10;

/// `id` is never used twice (AUTOINCREMENT), so that consumers can read on from the last one they have seen. A
/// message that moves to another queue gets a new one there. Only the retry tiers have `available_at`.
const SCHEMA: &str = "
CREATE TABLE messages (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    queue TEXT NOT NULL,
    available_at INTEGER,
    kind TEXT NOT NULL,
    message_id TEXT NOT NULL,
    content_type TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    replay INTEGER NOT NULL,
    traceparent TEXT,
    deliveries INTEGER NOT NULL DEFAULT 0,
    redelivered INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    body BLOB NOT NULL
) STRICT;
CREATE INDEX messages_by_queue ON messages (queue);
CREATE INDEX messages_by_time ON messages (available_at) WHERE available_at IS NOT NULL;
CREATE TABLE consuming (only INTEGER PRIMARY KEY CHECK (only = 1)) STRICT;
PRAGMA user_version = 2;
";

/// From version 1, which knew no traces of messages.
const FROM_1: &str = "
ALTER TABLE messages ADD COLUMN traceparent TEXT;
PRAGMA user_version = 2;
";

/// A queue's file, known to exist.
#[derive(Clone, Debug)]
pub(super) struct QueueFile {
    path: PathBuf,
}

impl QueueFile {
    /// Makes the folder and the file unless they are there, and looks at the version. The first connection comes
    /// along.
    pub async fn open(path: &Path) -> Result<(Self, SqliteConnection), BrokerError> {
        // An absolute path cannot be mistaken for one of SQLite's `file:` addresses.
        let path = std::path::absolute(path).map_err(|error| unusable(path, &error))?;
        crate::files::make_folder_of(&path).map_err(|error| unusable(&path, &error))?;
        let mut attempt = 1;
        let connection = loop {
            match establish(&path).await {
                Ok(connection) => break connection,
                // Turning WAL on does not wait for locks: whoever else opens the new file may be doing just that.
                Err(Setup::Sql(error)) if is_busy(&error) && attempt < OPEN_ATTEMPTS => attempt += 1,
                Err(Setup::Sql(error)) => return Err(unusable(&path, &error)),
                Err(Setup::Version(found)) => return Err(unknown_version(&path, found)),
            }
            tokio::time::sleep(LOCK_WAIT).await;
        };
        // One file has one lock, by whichever link it was named.
        let path = fs::canonicalize(&path).map_err(|error| unusable(&path, &error))?;
        Ok((Self { path }, connection))
    }

    /// Another connection. It never makes a new file, so that a file somebody removed is an error and not an empty
    /// queue.
    pub async fn connect(&self) -> Result<SqliteConnection, sqlx::Error> {
        options(&self.path).create_if_missing(false).connect().await
    }

    /// Takes the right to consume, which lasts until the lock is dropped or the process ends, however it ends.
    /// [`BrokerError::Consumed`] if another process has it.
    pub fn lock(&self) -> Result<ConsumerLock, BrokerError> {
        let mut path = self.path.clone().into_os_string();
        path.push(".lock");
        let path = PathBuf::from(path);
        let open = fs::OpenOptions::new()
            .create(true)
            .write(true)
            .truncate(false)
            .open(&path);
        let file = open.map_err(|error| unusable(&path, &error))?;
        match file.try_lock() {
            Ok(()) => Ok(ConsumerLock { file }),
            Err(fs::TryLockError::WouldBlock) => Err(BrokerError::Consumed(format!(
                "{} is consumed already: another holds {}. Stop that process, or give this one a queue file of its own",
                self.path.display(),
                path.display(),
            ))),
            Err(fs::TryLockError::Error(error)) => Err(unusable(&path, &error)),
        }
    }

    /// The file's path.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The right to consume. The operating system takes it back when the process dies.
#[derive(Debug)]
pub(super) struct ConsumerLock {
    file: fs::File,
}

impl Drop for ConsumerLock {
    fn drop(&mut self) {
        // To close the file is not enough: a child process that is just being started may have a copy of it. What
        // cannot be unlocked is closed all the same.
        drop(self.file.unlock());
    }
}

/// Whether somebody else held a lock for longer than [`LOCK_WAIT`].
pub(super) fn is_busy(error: &sqlx::Error) -> bool {
    const SQLITE_BUSY: i64 = 5;
    const PRIMARY_CODE: i64 = 0xff;
    let code = error.as_database_error().and_then(|error| error.code());
    let code = code.and_then(|code| code.parse::<i64>().ok());
    code.is_some_and(|code| code & PRIMARY_CODE == SQLITE_BUSY)
}

enum Setup {
    Sql(sqlx::Error),
    Version(i64),
}

impl From<sqlx::Error> for Setup {
    fn from(error: sqlx::Error) -> Self {
        Self::Sql(error)
    }
}

async fn establish(path: &Path) -> Result<SqliteConnection, Setup> {
    let mut connection = options(path).create_if_missing(true).connect().await?;
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let version = sqlx::query_scalar("PRAGMA user_version");
    match version.fetch_one(&mut *transaction).await? {
        0 => {
            sqlx::raw_sql(SCHEMA).execute(&mut *transaction).await?;
        }
        1 => {
            sqlx::raw_sql(FROM_1).execute(&mut *transaction).await?;
        }
        SCHEMA_VERSION => {}
        other => return Err(Setup::Version(other)),
    }
    transaction.commit().await?;
    Ok(connection)
}

fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        // What is settled leaves no trace in free pages.
        .pragma("secure_delete", "ON")
        .busy_timeout(LOCK_WAIT)
        .disable_statement_logging()
}

fn unusable(path: &Path, why: &dyn std::error::Error) -> BrokerError {
    BrokerError::Topology(format!("cannot use {}: {why}", path.display()))
}

fn unknown_version(path: &Path, found: i64) -> BrokerError {
    BrokerError::Topology(format!(
        "{} is a queue of version {found}, and this program knows version {SCHEMA_VERSION}: use the program that \
         wrote it",
        path.display(),
    ))
}
