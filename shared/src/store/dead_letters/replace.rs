//! A corrected dead letter in the place of one, or of all that wait for its command.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, Iterable, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{Expr, LockType, OnConflict},
};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::{
    Collected, DeadCommand, DeadLetterState, StoredDeadLetter,
    keep::is_deleted,
    rows::{Listed, command_row, row},
    sent::on_its_way,
};
use crate::{
    payload_keys::PayloadKeys,
    store::{
        Pool, SqlOperation, Store, StoreError,
        audit::{self, Entry},
        commands::DEAD_LETTERED,
        entities::{
            commands as command_rows,
            dead_letters::{Column, Entity},
        },
    },
    wire::{Payload, Reason},
};

/// The most dead letters that one is told to have been sent in the place of.
pub const REPLACED_MAX: u64 = 100;

/// What is sent in the place of a dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replacement {
    /// A new id.
    pub id: Uuid,
    /// The corrected message.
    pub payload: Payload,
    /// The command in it.
    pub command: DeadCommand,
    /// The W3C trace context in it.
    pub traceparent: Option<String>,
}

/// What became of a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Corrected {
    /// The new one waits in the place of the old ones.
    Done,
    /// Nothing was changed: it stands so.
    Closed(DeadLetterState),
    /// Nothing was changed: one of the same command was sent again and its outcome is not known.
    UnderWay,
    /// Nothing was changed: its payload, or its contact, was erased.
    Erased,
    /// There is no such dead letter.
    Missing,
}

/// Whether one of a command's dead letters was sent again and its outcome is not known: none that failed later is there.
/// Another request under the same id (`id-conflict`) says nothing of this one.
pub fn under_way<'a>(letters: impl IntoIterator<Item = &'a StoredDeadLetter> + Clone) -> bool {
    let own = |letter: &&StoredDeadLetter| letter.letter.reason != Reason::IdConflict;
    let sent = letters.clone().into_iter().filter(own);
    sent.filter(|letter| letter.state == DeadLetterState::Replayed)
        .any(|sent| {
            let mut others = letters.clone().into_iter().filter(own);
            !others.any(|other| other.letter.replay > sent.letter.replay)
        })
}

impl Store {
    /// Puts a corrected dead letter, open, in the place of one and of all others that wait for its command. The entry, of whose
    /// time it is done, goes to the audit.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then.
    pub async fn replace_dead_letter(
        &self,
        original: Uuid,
        replacement: &Replacement,
        keys: &PayloadKeys,
        entry: &Entry,
    ) -> Result<Corrected, StoreError> {
        self.timed(Pool::Write, SqlOperation::ChangeDeadLetters, async {
            let transaction = self.begin().await?;
            let corrected = replace(&transaction, original, replacement, keys, entry).await?;
            // What was refused leaves nothing: not even the row of a command that was not known.
            match corrected {
                Corrected::Done => transaction.commit().await?,
                Corrected::Closed(_) | Corrected::UnderWay | Corrected::Erased | Corrected::Missing => {
                    transaction.rollback().await?;
                }
            }
            Ok(corrected)
        })
        .await
    }

    /// The dead letters in whose place this one was sent, oldest first.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn replaced_dead_letters(&self, by: Uuid) -> Result<Vec<Uuid>, StoreError> {
        let query = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::ReplacedBy.eq(by))
            .order_by_asc(Column::ReceivedAt)
            .order_by_asc(Column::Id)
            .limit(REPLACED_MAX);
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, async {
            Ok(query.into_tuple().all(&self.write).await?)
        })
        .await
    }
}

async fn replace(
    sql: &DatabaseTransaction,
    original: Uuid,
    replacement: &Replacement,
    keys: &PayloadKeys,
    entry: &Entry,
) -> Result<Corrected, StoreError> {
    let (now, command) = (entry.at, &replacement.command);
    let Some(seen) = one(sql, original).await? else {
        return Ok(Corrected::Missing);
    };
    // In the order in which a worker locks: the command, then its dead letters.
    if !waits(sql, command, &seen, now).await? {
        return Ok(Corrected::Closed(DeadLetterState::Resolved));
    }
    let letters = of_command(sql, original, command).await?;
    let Some(found) = letters.iter().find(|letter| letter.id == original) else {
        return Ok(Corrected::Missing);
    };
    match found.state {
        DeadLetterState::Open | DeadLetterState::Archived => {}
        DeadLetterState::Replayed => return Ok(Corrected::UnderWay),
        closed @ (DeadLetterState::Resolved | DeadLetterState::Replaced | DeadLetterState::Discarded) => {
            return Ok(Corrected::Closed(closed));
        }
    }
    if found.erased || is_deleted(sql, command.contact_id).await? {
        return Ok(Corrected::Erased);
    }
    if under_way(&letters) || on_its_way(sql, &letters, now).await? {
        return Ok(Corrected::UnderWay);
    }
    let collected = collected(found, &letters, replacement);
    let sealed = keys.seal(replacement.id, &replacement.payload);
    Entity::insert(row(&collected, Some(sealed), now))
        .exec_without_returning(sql)
        .await?;
    close(sql, &letters, original, replacement.id, now).await?;
    audit::add(sql, entry).await?;
    Ok(Corrected::Done)
}

/// Whether the command waits, its row locked. One that no row tells of, since it could not be read so far, gets its row.
async fn waits(
    sql: &DatabaseTransaction,
    command: &DeadCommand,
    seen: &StoredDeadLetter,
    now: DateTime<Utc>,
) -> Result<bool, StoreError> {
    let unless_known = OnConflict::column(command_rows::Column::Id)
        .do_nothing()
        .to_owned();
    command_rows::Entity::insert(command_row(command, &seen.letter, now))
        .on_conflict(unless_known)
        .exec_without_returning(sql)
        .await?;
    let recorded = command_rows::Entity::find_by_id(command.id.as_uuid())
        .lock_exclusive()
        .one(sql)
        .await?;
    match recorded {
        Some(recorded) => Ok(recorded.status == DEAD_LETTERED),
        None => Err(StoreError::Conflict(DbErr::RecordNotFound(
            "a command's row was replaced".to_owned(),
        ))),
    }
}

/// The new row: of the same failure, with an identity of its own. It counts as sent once more than any of the others, so that
/// a failure of a copy of theirs that is still under way is not taken for a copy of its own.
fn collected(found: &StoredDeadLetter, letters: &[StoredDeadLetter], replacement: &Replacement) -> Collected {
    let sent = letters.iter().map(|letter| letter.letter.replay).max();
    let mut letter = found.letter.clone();
    letter.replay = sent.unwrap_or_default().saturating_add(1);
    letter.payload = replacement.payload.clone();
    letter.traceparent = replacement.traceparent.clone().or(letter.traceparent);
    let mut identity = Sha256::new();
    identity.update(b"edit");
    identity.update(replacement.id.as_bytes());
    Collected {
        id: replacement.id,
        identity: identity.finalize().into(),
        fingerprint: found.fingerprint.clone(),
        command: Some(replacement.command),
        letter,
    }
}

/// Closes the original and all that wait for the same command; another request under the same id does not.
async fn close(
    sql: &DatabaseTransaction,
    letters: &[StoredDeadLetter],
    original: Uuid,
    by: Uuid,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    let waiting = |letter: &&StoredDeadLetter| match letter.state {
        DeadLetterState::Open | DeadLetterState::Archived | DeadLetterState::Replayed => true,
        DeadLetterState::Resolved | DeadLetterState::Replaced | DeadLetterState::Discarded => false,
    };
    let own =
        |letter: &&StoredDeadLetter| letter.id == original || letter.letter.reason != Reason::IdConflict;
    let replaced = letters.iter().filter(waiting).filter(own);
    Entity::update_many()
        .col_expr(Column::State, Expr::val(DeadLetterState::Replaced.stored()))
        .col_expr(Column::StateChangedAt, Expr::val(now))
        .col_expr(Column::ReplacedBy, Expr::val(by))
        .filter(Column::Id.is_in(replaced.map(|letter| letter.id)))
        .exec(sql)
        .await
        .map(drop)
}

async fn one(sql: &DatabaseTransaction, id: Uuid) -> Result<Option<StoredDeadLetter>, StoreError> {
    let found = listed(Condition::all().add(Column::Id.eq(id)), None, sql).await?;
    Ok(found.into_iter().next())
}

/// The original and every dead letter of the command, locked.
async fn of_command(
    sql: &DatabaseTransaction,
    original: Uuid,
    command: &DeadCommand,
) -> Result<Vec<StoredDeadLetter>, StoreError> {
    let theirs = Condition::any()
        .add(Column::Id.eq(original))
        .add(Column::CommandId.eq(command.id.as_uuid()));
    listed(theirs, Some(LockType::Update), sql).await
}

pub(super) async fn listed(
    which: Condition,
    lock: Option<LockType>,
    sql: &DatabaseTransaction,
) -> Result<Vec<StoredDeadLetter>, StoreError> {
    let columns = Column::iter().filter(|column| !matches!(column, Column::Body | Column::Identity));
    let mut query = Entity::find()
        .select_only()
        .columns(columns)
        .column_as(Column::Body.is_null(), "erased")
        .filter(which)
        .order_by_asc(Column::Id);
    if let Some(lock) = lock {
        query = query.lock(lock);
    }
    let rows = query.into_model::<Listed>().all(sql).await?;
    rows.into_iter().map(StoredDeadLetter::try_from).collect()
}
