//! The audit: who did what to dead letters. Only ever added to.
//!
//! **Invariant:** an entry is part of the transaction that it tells of, or stands before what leaves the database (a replay's
//! message, personal data that is shown). No entry has personal data of a contact: ids, closed words and counts only.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, ExprTrait, QueryFilter, QueryOrder,
    QuerySelect, Set, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError, corrupt,
    entities::audit::{self, Column, Entity},
    sql_time,
};

/// What was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    /// A dead letter was sent again.
    Replay,
    /// A replay of many was started.
    ReplayStarted,
    /// A replay of many was stopped.
    ReplayStopped,
    /// A replay of many went on.
    ReplayResumed,
    /// A dead letter was corrected; the corrected one was sent.
    EditAndReplay,
    /// Dead letters were given up.
    Discard,
    /// Dead letters were put aside.
    Archive,
    /// Archived dead letters were put back.
    Restore,
    /// Personal data was shown in the clear.
    Reveal,
    /// Messages were put back from the parking queue.
    ParkingRestored,
}

impl Act {
    /// Every act.
    pub const ALL: [Self; 10] = [
        Self::Replay,
        Self::ReplayStarted,
        Self::ReplayStopped,
        Self::ReplayResumed,
        Self::EditAndReplay,
        Self::Discard,
        Self::Archive,
        Self::Restore,
        Self::Reveal,
        Self::ParkingRestored,
    ];

    /// The word in SQL, JSON and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::ReplayStarted => "replay-started",
            Self::ReplayStopped => "replay-stopped",
            Self::ReplayResumed => "replay-resumed",
            Self::EditAndReplay => "edit-and-replay",
            Self::Discard => "discard",
            Self::Archive => "archive",
            Self::Restore => "restore",
            Self::Reveal => "reveal",
            Self::ParkingRestored => "parking-restored",
        }
    }

    /// The act of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|act| act.as_str() == word)
    }
}

/// An entry of the audit.
#[derive(Clone, PartialEq, Eq)]
pub struct Entry {
    /// A new id, of version 7.
    pub id: Uuid,
    /// When.
    pub at: DateTime<Utc>,
    /// Who; empty where nobody has to say who they are.
    pub principal: String,
    /// What.
    pub act: Act,
    /// To which dead letter, if to one.
    pub dead_letter: Option<Uuid>,
    /// In or to which replay.
    pub replay: Option<Uuid>,
    /// To which dead letters, if to many: ids or a filter, as JSON.
    pub selection: Option<String>,
    /// To how many.
    pub count: u32,
    /// How it stood before: a state, or which fields were changed, as JSON.
    pub before: Option<String>,
    /// How it stood after.
    pub after: Option<String>,
}

impl Entry {
    /// An entry of one act, told of nothing yet.
    pub fn new(act: Act, principal: impl Into<String>, at: DateTime<Utc>) -> Self {
        Self {
            id: Uuid::now_v7(),
            at: sql_time(at),
            principal: principal.into(),
            act,
            dead_letter: None,
            replay: None,
            selection: None,
            count: 1,
            before: None,
            after: None,
        }
    }
}

/// Who somebody is may be personal data.
impl std::fmt::Debug for Entry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Entry({} {})", self.act.as_str(), self.id)
    }
}

/// Which entries; every filter that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this act.
    pub act: Option<Act>,
    /// By whom.
    pub principal: Option<String>,
    /// Of this dead letter alone.
    pub dead_letter: Option<Uuid>,
    /// Of this replay.
    pub replay: Option<Uuid>,
    /// At or after.
    pub since: Option<DateTime<Utc>>,
    /// Before.
    pub until: Option<DateTime<Utc>>,
}

/// Where in the audit, newest first, a page starts, itself excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AuditPosition {
    /// When.
    pub at: DateTime<Utc>,
    /// The entry.
    pub id: Uuid,
}

impl Store {
    /// A page of the audit, newest first, from a position on.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn audit_page(
        &self,
        filter: &AuditFilter,
        after: Option<AuditPosition>,
        limit: u64,
    ) -> Result<Vec<Entry>, StoreError> {
        let after = after.map(|after| {
            let place = Expr::tuple([Expr::col(Column::At), Expr::col(Column::Id)]);
            place.lt(Expr::tuple([Expr::val(after.at), Expr::val(after.id)]))
        });
        let query = Entity::find()
            .filter(filter.condition().add_option(after))
            .order_by_desc(Column::At)
            .order_by_desc(Column::Id)
            .limit(limit);
        let read = async { Ok(query.all(&self.write).await?) };
        self.timed(Pool::Write, SqlOperation::Audit, read)
            .await?
            .into_iter()
            .map(Entry::try_from)
            .collect()
    }

    /// Adds an entry by itself: before something leaves the database.
    ///
    /// # Errors
    /// If SQL does not answer or refuses; then what the entry tells of must not happen.
    pub async fn note(&self, entry: &Entry) -> Result<(), StoreError> {
        self.timed(Pool::Write, SqlOperation::Audit, async {
            Ok(add(&self.write, entry).await?)
        })
        .await
    }
}

impl AuditFilter {
    fn condition(&self) -> Condition {
        let Self {
            act,
            principal,
            dead_letter,
            replay,
            since,
            until,
        } = self;
        let principal = principal.as_ref();
        Condition::all()
            .add_option(act.map(|act| Column::Action.eq(act.as_str())))
            .add_option(principal.map(|principal| Column::Principal.eq(principal.as_str())))
            .add_option(dead_letter.map(|id| Column::DeadLetterId.eq(id)))
            .add_option(replay.map(|id| Column::ReplayId.eq(id)))
            .add_option(since.map(|since| Column::At.gte(since)))
            .add_option(until.map(|until| Column::At.lt(until)))
    }
}

impl TryFrom<audit::Model> for Entry {
    type Error = StoreError;

    fn try_from(row: audit::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            at: row.at,
            principal: row.principal,
            act: Act::from_word(&row.action).ok_or_else(|| corrupt("act"))?,
            dead_letter: row.dead_letter_id,
            replay: row.replay_id,
            selection: row.selection,
            count: row.count.try_into().unwrap_or_default(),
            before: row.before,
            after: row.after,
        })
    }
}

/// Adds an entry, in the transaction of what it tells of.
pub(super) async fn add(sql: &impl ConnectionTrait, entry: &Entry) -> Result<(), DbErr> {
    let row = audit::ActiveModel {
        id: Set(entry.id),
        at: Set(entry.at),
        principal: Set(entry.principal.clone()),
        action: Set(entry.act.as_str().to_owned()),
        dead_letter_id: Set(entry.dead_letter),
        replay_id: Set(entry.replay),
        selection: Set(entry.selection.clone()),
        count: Set(entry.count.try_into().unwrap_or(i32::MAX)),
        before: Set(entry.before.clone()),
        after: Set(entry.after.clone()),
    };
    audit::Entity::insert(row).exec_without_returning(sql).await?;
    Ok(())
}
