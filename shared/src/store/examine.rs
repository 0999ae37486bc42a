//! What a person asks who wonders why contato does not work: is SQL there, does it let this user in, may this user do what its
//! role does, and what time is it there.
//!
//! **Invariant:** examining changes nothing.

use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DbBackend, DbErr, Statement, Value, sqlx::postgres::PgConnectOptions,
};
use secrecy::{ExposeSecret, SecretString};

use super::{Pool, SqlOperation, Store, StoreError};
use crate::knock::{self, Unanswered};

/// How long a server may take to take a connection at its port.
const KNOCK_MAX: Duration = Duration::from_secs(5);

/// One side of a store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// What is written to.
    Write,
    /// What is read from.
    Read,
}

/// What a database says of itself.
#[derive(Clone, Debug)]
pub struct ServerFacts {
    /// Product and version.
    pub version: String,
    /// Whether the connection is encrypted; `None` where there is no network between.
    pub encrypted: Option<bool>,
    /// Whether it takes no writes.
    pub read_only: bool,
    /// How far its clock is ahead of this process's (negative: behind), in milliseconds; half of what asking took is doubt.
    pub ahead_ms: i64,
    /// How long asking for the time took.
    pub asked_in: Duration,
}

/// A right on a table or function, in PostgreSQL's words.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// `SELECT`, `INSERT`, `UPDATE`, `DELETE` or `EXECUTE`.
    pub privilege: String,
    /// The table, or the function with the types of its arguments.
    pub object: String,
    /// The one column that it is for; the whole table without it.
    pub column: Option<String>,
}

impl std::fmt::Display for Right {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self {
            privilege,
            object,
            column,
        } = self;
        match column {
            Some(column) => write!(formatter, "{privilege} ({column}) ON {object}"),
            None => write!(formatter, "{privilege} ON {object}"),
        }
    }
}

/// Whether anybody answers where the URL of a database leads.
///
/// # Errors
/// Why not: host and port, and the system's words.
pub async fn knock(url: &SecretString) -> Result<(), String> {
    if DbBackend::Sqlite.is_prefix_of(url.expose_secret()) {
        return Ok(());
    }
    // The parser's error would quote the URL, password and all.
    let options: PgConnectOptions = url
        .expose_secret()
        .parse()
        .map_err(|_| "is not a URL of PostgreSQL".to_owned())?;
    if options.get_socket().is_some() {
        return Ok(());
    }
    let knocked = tokio::time::timeout(KNOCK_MAX, knock::knock(options.get_host(), options.get_port())).await;
    match knocked {
        Ok(Ok(())) => Ok(()),
        Ok(Err(Unanswered::NoHost(text) | Unanswered::NoAnswer(text))) => Err(text),
        Err(_) => Err(format!(
            "{}:{}: no answer within {KNOCK_MAX:?}",
            options.get_host(),
            options.get_port()
        )),
    }
}

impl Store {
    /// Asks a side of the store what it is and what time it has.
    ///
    /// # Errors
    /// If it does not answer.
    pub async fn examine(&self, side: Side) -> Result<ServerFacts, StoreError> {
        let (pool, sql) = self.side(side);
        self.timed(pool, SqlOperation::Examine, async {
            Ok(match sql.get_database_backend() {
                DbBackend::Sqlite => sqlite(sql).await?,
                _ => postgres(sql).await?,
            })
        })
        .await
    }

    /// Which of these rights the user does not have. SQLite has no users, so none is missing there.
    ///
    /// # Errors
    /// If SQL does not answer, or a table is not there.
    pub async fn lacks(&self, side: Side, rights: &[Right]) -> Result<Vec<Right>, StoreError> {
        let (pool, sql) = self.side(side);
        if sql.get_database_backend() == DbBackend::Sqlite {
            return Ok(Vec::new());
        }
        self.timed(pool, SqlOperation::Examine, async {
            let mut lacking = Vec::new();
            for right in rights {
                if !has(sql, right).await? {
                    lacking.push(right.clone());
                }
            }
            Ok(lacking)
        })
        .await
    }

    fn side(&self, side: Side) -> (Pool, &DatabaseConnection) {
        match side {
            Side::Write => (Pool::Write, &self.write),
            Side::Read => (Pool::Read, &self.read),
        }
    }
}

async fn has(sql: &DatabaseConnection, right: &Right) -> Result<bool, DbErr> {
    let Right {
        privilege,
        object,
        column,
    } = right;
    let (question, values) = match column {
        Some(column) => (
            "SELECT has_column_privilege($1, $2, $3)",
            vec![object, column, privilege],
        ),
        None if privilege == "EXECUTE" => ("SELECT has_function_privilege($1, $2)", vec![object, privilege]),
        None => ("SELECT has_table_privilege($1, $2)", vec![object, privilege]),
    };
    let values = values.into_iter().map(|value| Value::from(value.clone()));
    let statement = Statement::from_sql_and_values(DbBackend::Postgres, question, values);
    one(sql, statement).await?.try_get_by_index(0)
}

async fn postgres(sql: &DatabaseConnection) -> Result<ServerFacts, DbErr> {
    const FACTS: &str = "SELECT current_setting('server_version'), \
         (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()), \
         pg_is_in_recovery() OR current_setting('transaction_read_only')::boolean";
    let facts = one(sql, Statement::from_string(DbBackend::Postgres, FACTS)).await?;
    let version: String = facts.try_get_by_index(0)?;
    let (ahead_ms, asked_in) = clock(sql).await?;
    Ok(ServerFacts {
        version: format!("PostgreSQL {version}"),
        encrypted: facts.try_get_by_index(1)?,
        read_only: facts.try_get_by_index(2)?,
        ahead_ms,
        asked_in,
    })
}

async fn sqlite(sql: &DatabaseConnection) -> Result<ServerFacts, DbErr> {
    let facts = one(
        sql,
        Statement::from_string(DbBackend::Sqlite, "SELECT sqlite_version()"),
    )
    .await?;
    let version: String = facts.try_get_by_index(0)?;
    Ok(ServerFacts {
        version: format!("SQLite {version}"),
        encrypted: None,
        read_only: false,
        // The same machine's.
        ahead_ms: 0,
        asked_in: Duration::ZERO,
    })
}

/// The connection is there already, so that asking is one way there and back; the answer is taken for that of the middle.
async fn clock(sql: &DatabaseConnection) -> Result<(i64, Duration), DbErr> {
    let statement = Statement::from_string(DbBackend::Postgres, "SELECT clock_timestamp()");
    let before = Utc::now();
    let theirs: DateTime<Utc> = one(sql, statement).await?.try_get_by_index(0)?;
    let asked_in = Utc::now() - before;
    let ahead = theirs - (before + asked_in / 2);
    Ok((ahead.num_milliseconds(), asked_in.to_std().unwrap_or_default()))
}

async fn one(sql: &DatabaseConnection, statement: Statement) -> Result<sea_orm::QueryResult, DbErr> {
    let asked = sql.query_one_raw(statement).await?;
    asked.ok_or_else(|| DbErr::Custom("no answer to a question that has one row".to_owned()))
}
