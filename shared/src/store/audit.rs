//! The audit: who did what to dead letters. Only ever added to.
//!
//! **Invariant:** an entry is part of the transaction that it tells of, or stands before what leaves the database (a replay's
//! message, personal data that is shown). No entry has personal data of a contact: ids, closed words and counts only.

use chrono::{DateTime, Utc};
use sea_orm::{ConnectionTrait, DbErr, EntityTrait, Set};
use uuid::Uuid;

use super::{Store, StoreError, entities::audit, sql_time};

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

impl Store {
    /// Adds an entry by itself: before something leaves the database.
    ///
    /// # Errors
    /// If SQL does not answer or refuses; then what the entry tells of must not happen.
    pub async fn note(&self, entry: &Entry) -> Result<(), StoreError> {
        self.timed(async { Ok(add(&self.write, entry).await?) }).await
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
