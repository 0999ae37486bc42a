//! Sessions of the console: who has signed in, until they sign out, do nothing for long, or have been in for long.
//!
//! **Invariant:** a session is found only by who knows the bytes that its hash is of, and only before it has ended.

use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};

use super::{
    Pool, SqlOperation, Store, StoreError,
    bulk::any_of_bytes,
    entities::console_sessions::{self, Column, Entity},
    sql_time,
};

/// How old `seen_at` may be before a request brings it up to date, so that reading stays reading.
const SEEN_STEP: TimeDelta = TimeDelta::minutes(1);

/// The SHA-256 of the bytes in a cookie.
pub type TokenHash = [u8; 32];

/// When sessions end.
#[derive(Clone, Copy, Debug)]
pub struct SessionBounds {
    /// After so long without a request.
    pub idle: TimeDelta,
    /// So long after signing in, whatever was done.
    pub longest: TimeDelta,
}

/// A session.
#[derive(Clone, PartialEq, Eq)]
pub struct Session {
    /// Who has signed in.
    pub principal: String,
    /// What they may do: words with blanks between.
    pub scopes: String,
    seen_at: DateTime<Utc>,
}

/// Who somebody is may be personal data.
impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Session({})", self.scopes)
    }
}

impl Session {
    /// Whether it is time to note that it goes on.
    pub fn is_to_touch(&self, now: DateTime<Utc>) -> bool {
        now - self.seen_at >= SEEN_STEP
    }
}

/// What stands under a hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// Nothing.
    Nothing,
    /// A session that has ended by itself.
    Ended,
    /// A session.
    Session(Session),
}

impl SessionBounds {
    /// When a session was seen last, or begun, that has just ended at a time.
    fn starts(&self, now: DateTime<Utc>) -> (DateTime<Utc>, DateTime<Utc>) {
        let before = |span| now.checked_sub_signed(span).unwrap_or(DateTime::UNIX_EPOCH);
        (before(self.idle), before(self.longest))
    }
}

impl Store {
    /// Begins a session.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn open_session(
        &self,
        token: &TokenHash,
        principal: &str,
        scopes: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let now = sql_time(now);
        let row = console_sessions::Model {
            token_hash: token.to_vec(),
            principal: principal.to_owned(),
            scopes: scopes.to_owned(),
            created_at: now,
            seen_at: now,
        };
        self.timed(Pool::Write, SqlOperation::Session, async {
            let insert = Entity::insert(console_sessions::ActiveModel::from(row));
            Ok(insert.exec_without_returning(&self.write).await.map(drop)?)
        })
        .await
    }

    /// Looks for a session. It is read where it is written: what was ended is not found again on a standby.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn session(
        &self,
        token: &TokenHash,
        bounds: &SessionBounds,
        now: DateTime<Utc>,
    ) -> Result<Found, StoreError> {
        let find = Entity::find_by_id(token.to_vec());
        let row = self
            .timed(Pool::Write, SqlOperation::Session, async {
                Ok(find.one(&self.write).await?)
            })
            .await?;
        let Some(row) = row else {
            return Ok(Found::Nothing);
        };
        let (seen, created) = bounds.starts(now);
        if row.seen_at <= seen || row.created_at <= created {
            return Ok(Found::Ended);
        }
        Ok(Found::Session(Session {
            principal: row.principal,
            scopes: row.scopes,
            seen_at: row.seen_at,
        }))
    }

    /// Notes that a session goes on.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn touch_session(&self, token: &TokenHash, now: DateTime<Utc>) -> Result<(), StoreError> {
        let now = sql_time(now);
        let touch = Entity::update_many()
            .col_expr(Column::SeenAt, Expr::val(now))
            .filter(Column::TokenHash.eq(token.to_vec()))
            // Of two requests at once the later counts.
            .filter(Column::SeenAt.lt(now));
        self.timed(Pool::Write, SqlOperation::Session, async {
            Ok(touch.exec(&self.write).await.map(drop)?)
        })
        .await
    }

    /// Ends a session, if there is one.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn close_session(&self, token: &TokenHash) -> Result<(), StoreError> {
        let close = Entity::delete_by_id(token.to_vec());
        self.timed(Pool::Write, SqlOperation::Session, async {
            Ok(close.exec(&self.write).await.map(drop)?)
        })
        .await
    }

    /// Removes at most `limit` sessions that had ended at a time; says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn forget_sessions(
        &self,
        bounds: &SessionBounds,
        at: DateTime<Utc>,
        limit: u64,
    ) -> Result<u64, StoreError> {
        let (seen, created) = bounds.starts(at);
        let ended = Condition::any()
            .add(Column::SeenAt.lte(seen))
            .add(Column::CreatedAt.lte(created));
        let oldest = Entity::find()
            .select_only()
            .column(Column::TokenHash)
            .filter(ended.clone())
            .limit(limit)
            .into_tuple::<Vec<u8>>();
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            let hashes = oldest.all(&self.write).await?;
            let these = any_of_bytes(&self.write, Column::TokenHash, hashes);
            // One that goes on meanwhile has other times.
            let gone = Entity::delete_many()
                .filter(these)
                .filter(ended)
                .exec(&self.write)
                .await?;
            Ok(gone.rows_affected)
        })
        .await
    }
}
