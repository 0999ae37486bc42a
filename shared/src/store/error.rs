//! What a failure of SQL means for the work in hand: one pure function decides.

use std::time::Duration;

use sea_orm::{DbErr, RuntimeErr, sqlx};

use crate::tls;

/// A failure of the store. The variants are what a caller does about it.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another transaction was in the way (deadlock, serialization failure, unique race): run again.
    #[error("another transaction was in the way")]
    Conflict(#[source] DbErr),
    /// SQL refuses this data (SQLSTATE 22, 23) and will again.
    #[error("SQL refuses the data")]
    Refused(#[source] DbErr),
    /// SQL is unreachable, refusing, read-only, full, or lacks a grant or a column: nothing can be written now.
    #[error("SQL cannot be used now")]
    Outage(#[source] DbErr),
    /// Anything else.
    #[error("SQL failed")]
    Unknown(#[source] DbErr),
    /// No answer within the time limit.
    #[error("SQL did not answer within {0:?}")]
    TimedOut(Duration),
    /// The schema is not the one that this program knows.
    #[error("{0}")]
    Schema(String),
}

impl StoreError {
    /// The kind of failure in one word, for logs and metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conflict(_) => "conflict",
            Self::Refused(_) => "refused",
            Self::Outage(_) => "outage",
            Self::Unknown(_) => "unknown",
            Self::TimedOut(_) => "timed-out",
            Self::Schema(_) => "schema",
        }
    }

    /// Whether a row with the same unique value was in the way: alone among conflicts it can be the data's own fault.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self.code().as_deref(), Some("23505" | "1555" | "2067"))
    }

    /// What a person can do something about, in plain words: an older schema, a certificate, who may connect. Never data, nor a
    /// password.
    pub fn reason(&self) -> Option<String> {
        match self {
            Self::Schema(reason) => Some(reason.clone()),
            Self::Outage(DbErr::Conn(RuntimeErr::Internal(reason))) => Some(reason.clone()),
            Self::Outage(error) => refusal_to_connect(error),
            Self::Conflict(_) | Self::Refused(_) | Self::Unknown(_) | Self::TimedOut(_) => None,
        }
    }

    /// The SQLSTATE (PostgreSQL) or the extended result code (SQLite), where there is one. Unlike the message it
    /// never repeats data.
    pub fn code(&self) -> Option<String> {
        match self {
            Self::Conflict(error) | Self::Refused(error) | Self::Outage(error) | Self::Unknown(error) => {
                database_code(error)
            }
            Self::TimedOut(_) | Self::Schema(_) => None,
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        if let Some(reason) = tls_failure(&error) {
            return Self::Outage(DbErr::Conn(RuntimeErr::Internal(reason)));
        }
        let Some(code) = database_code(&error) else {
            return if is_connection(&error) {
                Self::Outage(error)
            } else {
                Self::Unknown(error)
            };
        };
        match class_of(&code) {
            Class::Conflict => Self::Conflict(error),
            Class::Refused => Self::Refused(error),
            Class::Outage => Self::Outage(error),
            Class::Unknown => Self::Unknown(error),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Class {
    Conflict,
    Refused,
    Outage,
    Unknown,
}

/// PostgreSQL's SQLSTATE has five characters (PostgreSQL manual, appendix A); SQLite's result codes are numbers whose
/// low byte is the primary code (sqlite.org/rescode.html).
fn class_of(code: &str) -> Class {
    if code.len() == 5 {
        return match (&code[..2], code) {
            (_, "40001" | "40P01" | "55P03" | "23505") => Class::Conflict,
            ("22" | "23", _) => Class::Refused,
            // Connection, state of the transaction (read-only, ended by the server), authorisation, resources, operator
            // intervention, system error. Not XX: one corrupt row is one message's trouble, which the probe tells apart.
            ("08" | "25" | "28" | "3D" | "53" | "57" | "58" | "F0", _) => Class::Outage,
            // Missing grant, table, column, function, schema.
            (_, "42501" | "42P01" | "42703" | "42883" | "3F000") => Class::Outage,
            _ => Class::Unknown,
        };
    }
    let Ok(number) = code.parse::<u32>() else {
        return Class::Unknown;
    };
    const PRIMARY_KEY: u32 = 1555;
    const UNIQUE: u32 = 2067;
    match (number, number & 0xff) {
        (PRIMARY_KEY | UNIQUE, _) => Class::Conflict,
        (_, 5 | 6) => Class::Conflict,  // BUSY, LOCKED
        (_, 18..=20) => Class::Refused, // TOOBIG, CONSTRAINT, MISMATCH
        (_, 3 | 8 | 10 | 11 | 13 | 14 | 23 | 26) => Class::Outage, // PERM, READONLY, IOERR, CORRUPT, FULL, CANTOPEN, AUTH, NOTADB
        _ => Class::Unknown,
    }
}

fn sqlx_error(error: &DbErr) -> Option<&sqlx::Error> {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(error))
        | DbErr::Exec(RuntimeErr::SqlxError(error))
        | DbErr::Query(RuntimeErr::SqlxError(error)) => Some(error),
        _ => None,
    }
}

fn database_code(error: &DbErr) -> Option<String> {
    sqlx_error(error)?
        .as_database_error()?
        .code()
        .map(|code| code.into_owned())
}

/// What was wrong with TLS, if that is why there is no connection.
fn tls_failure(error: &DbErr) -> Option<String> {
    let error = sqlx_error(error)?;
    tls::in_plain_words(error, "store.caFile").or_else(|| match error {
        // sqlx says so in a text of its own where the server declines.
        sqlx::Error::Tls(reason) => Some(format!("TLS failed: {reason}")),
        _ => None,
    })
}

/// What PostgreSQL says to whom it lets in under no circumstances (classes 28 and 3D): it names the user, the host and the
/// database.
fn refusal_to_connect(error: &DbErr) -> Option<String> {
    let error = sqlx_error(error)?.as_database_error()?;
    let code = error.code()?;
    let refused = code.len() == 5 && ["28", "3D"].contains(&&code[..2]);
    refused.then(|| error.message().to_owned())
}

fn is_connection(error: &DbErr) -> bool {
    use sqlx::Error as E;
    let lost = sqlx_error(error).is_some_and(|error| {
        matches!(
            error,
            E::Io(_) | E::Tls(_) | E::Protocol(_) | E::PoolTimedOut | E::PoolClosed | E::WorkerCrashed
        )
    });
    lost || matches!(error, DbErr::Conn(_) | DbErr::ConnectionAcquire(_))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_told_apart() {
        for (code, class) in [
            ("40P01", Class::Conflict),
            ("40001", Class::Conflict),
            ("23505", Class::Conflict),
            ("22001", Class::Refused),
            ("23514", Class::Refused),
            ("57P01", Class::Outage),
            ("53100", Class::Outage),
            ("42501", Class::Outage),
            ("42703", Class::Outage),
            ("25006", Class::Outage),
            ("25P03", Class::Outage),
            ("XX001", Class::Unknown),
            ("42601", Class::Unknown),
            ("5", Class::Conflict),
            ("517", Class::Conflict),
            ("1555", Class::Conflict),
            ("2067", Class::Conflict),
            ("275", Class::Refused),
            ("13", Class::Outage),
            ("8", Class::Outage),
            ("1", Class::Unknown),
        ] {
            assert_eq!(class_of(code), class, "{code}");
        }
    }
}
