//! Dead letters: kept until their command has ended, a person discards them, or their contact is deleted.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, Iterable,
    PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::{Expr, OnConflict, Query},
};
use uuid::Uuid;

use super::{
    Store, StoreError,
    bulk::any_of,
    commands::DEAD_LETTERED,
    corrupt,
    entities::{
        commands as command_rows, contacts,
        dead_letters::{Column, Entity},
    },
    sql_time,
};
use crate::{
    domain::{CommandId, ContactId, Operation, Rejection, RequestHash, Stamp},
    wire::{DeadLetter, Reason},
};

mod rows;
use rows::{Listed, command_row, row};

/// Where a dead letter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeadLetterState {
    /// Waits for a person or a policy.
    Open,
    /// Sent again; its outcome is not known yet.
    Replayed,
    /// Its command has ended.
    Resolved,
    /// Given up by a person.
    Discarded,
}

impl DeadLetterState {
    /// Every state.
    pub const ALL: [Self; 4] = [Self::Open, Self::Replayed, Self::Resolved, Self::Discarded];

    /// The word in SQL, JSON and on command lines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Replayed => "replayed",
            Self::Resolved => "resolved",
            Self::Discarded => "discarded",
        }
    }

    /// The state of a word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// The command in a dead letter, where it could be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadCommand {
    /// Which command.
    pub id: CommandId,
    /// Which contact.
    pub contact_id: ContactId,
    /// What it does.
    pub operation: Operation,
    /// When it was accepted.
    pub stamp: Stamp,
    /// The hash of its request.
    pub request_hash: RequestHash,
}

/// A dead letter that came out of the queue, to be stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Collected {
    /// A new id.
    pub id: Uuid,
    /// A hash of (command id or body, request hash, replay): a second copy has the same.
    pub identity: [u8; 32],
    /// What groups it with its like: 32 hexadecimal digits.
    pub fingerprint: String,
    /// The command in it, where it could be read.
    pub command: Option<DeadCommand>,
    /// The dead letter itself.
    pub letter: DeadLetter,
}

/// What became of a dead letter that was to be stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It waits.
    Open,
    /// Its command had ended: stored, closed.
    Resolved,
    /// A copy of one that is stored.
    Duplicate,
}

/// A stored dead letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredDeadLetter {
    /// Which dead letter.
    pub id: Uuid,
    /// The command, where it could be read.
    pub command_id: Option<CommandId>,
    /// The contact, where it could be read.
    pub contact_id: Option<ContactId>,
    /// The operation, where it could be read.
    pub operation: Option<Operation>,
    /// What groups it with its like.
    pub fingerprint: String,
    /// Where it stands.
    pub state: DeadLetterState,
    /// Since when.
    pub state_changed_at: DateTime<Utc>,
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// How many bytes the message had.
    pub body_bytes: u32,
    /// The dead letter; its payload is empty once it was erased.
    pub letter: DeadLetter,
    /// Whether the payload was erased with the contact's data.
    pub erased: bool,
}

/// Which dead letters; every filter that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeadLetterFilter {
    /// Dead for this reason.
    pub reason: Option<Reason>,
    /// Of this operation.
    pub operation: Option<Operation>,
    /// With this fingerprint.
    pub group: Option<String>,
    /// Of this contact.
    pub contact_id: Option<ContactId>,
    /// Of this command.
    pub command_id: Option<CommandId>,
    /// Stored at or after.
    pub since: Option<DateTime<Utc>>,
    /// Stored before.
    pub until: Option<DateTime<Utc>>,
    /// Standing so.
    pub state: Option<DeadLetterState>,
}

/// Where in a list of dead letters, newest first, a page starts, itself excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeadLetterPosition {
    /// When it was stored.
    pub received_at: DateTime<Utc>,
    /// The dead letter.
    pub id: Uuid,
}

/// What a discard did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Discarded {
    /// It is discarded, and its command, if any, has ended as rejected.
    Done,
    /// It had been discarded before.
    Already,
    /// Its command had ended otherwise; the dead letter is closed and nothing else changed.
    Resolved,
    /// There is no such dead letter.
    Missing,
}

impl Store {
    /// Stores a dead letter, unless it is stored already, and marks its command, unless that has ended. Without its
    /// payload if its contact is deleted.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is stored then.
    pub async fn keep_dead_letter(
        &self,
        collected: &Collected,
        now: DateTime<Utc>,
    ) -> Result<Kept, StoreError> {
        let now = sql_time(now);
        self.timed(async {
            let transaction = self.begin().await?;
            let kept = keep(&transaction, collected, now).await?;
            transaction.commit().await?;
            Ok(kept)
        })
        .await
    }

    /// One dead letter.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letter(&self, id: Uuid) -> Result<Option<StoredDeadLetter>, StoreError> {
        let read = async { Ok(Entity::find_by_id(id).one(&self.write).await?) };
        self.timed(read)
            .await?
            .map(StoredDeadLetter::try_from)
            .transpose()
    }

    /// A page of dead letters, newest first, from a position on; their payloads are left out.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letters_page(
        &self,
        filter: &DeadLetterFilter,
        after: Option<DeadLetterPosition>,
        limit: u64,
    ) -> Result<Vec<StoredDeadLetter>, StoreError> {
        let after = after.map(|after| {
            let place = Expr::tuple([Expr::col(Column::ReceivedAt), Expr::col(Column::Id)]);
            place.lt(Expr::tuple([Expr::val(after.received_at), Expr::val(after.id)]))
        });
        let query = Entity::find()
            .filter(matching(filter).add_option(after))
            .order_by_desc(Column::ReceivedAt)
            .order_by_desc(Column::Id)
            .limit(limit);
        let listed = Column::iter().filter(|column| !matches!(column, Column::Body | Column::Identity));
        let query = query
            .select_only()
            .columns(listed)
            .column_as(Column::Body.is_null(), "erased");
        let read = async { Ok(query.into_model::<Listed>().all(&self.write).await?) };
        self.timed(read)
            .await?
            .into_iter()
            .map(StoredDeadLetter::try_from)
            .collect()
    }

    /// How many dead letters a filter holds for.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn dead_letters_count(&self, filter: &DeadLetterFilter) -> Result<u64, StoreError> {
        let read = async { Ok(Entity::find().filter(matching(filter)).count(&self.write).await?) };
        self.timed(read).await
    }

    /// Notes that a dead letter was sent again. One whose command has ended meanwhile stays closed.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn mark_replayed(&self, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        let open = Condition::all()
            .add(Column::Id.eq(id))
            .add(Column::State.eq(DeadLetterState::Open.as_str()));
        let write = async { Ok(move_to(&self.write, open, DeadLetterState::Replayed, sql_time(now)).await?) };
        self.timed(write).await
    }

    /// Gives a dead letter up: its command ends as rejected, unless it has ended already.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then.
    pub async fn discard_dead_letter(&self, id: Uuid, now: DateTime<Utc>) -> Result<Discarded, StoreError> {
        let now = sql_time(now);
        self.timed(async {
            let transaction = self.begin().await?;
            let discarded = discard(&transaction, id, now).await?;
            transaction.commit().await?;
            Ok(discarded)
        })
        .await
    }

    /// Empties closed dead letters that were closed before a time, and those that were sent again before it and can never
    /// be matched with an outcome, since no command could be read in them. Says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn empty_old_dead_letters(&self, closed_before: DateTime<Utc>) -> Result<u64, StoreError> {
        let closed = [DeadLetterState::Resolved, DeadLetterState::Discarded].map(DeadLetterState::as_str);
        let unmatched = Condition::all()
            .add(Column::State.eq(DeadLetterState::Replayed.as_str()))
            .add(Column::CommandId.is_null());
        let old = Condition::all()
            .add(Column::Body.is_not_null())
            .add(Column::StateChangedAt.lt(closed_before))
            .add(Condition::any().add(Column::State.is_in(closed)).add(unmatched));
        self.timed(async { Ok(empty_bodies(&self.write, old).await?) })
            .await
    }

    /// Erases what a delete raced with: payloads of dead letters whose contact is deleted. Says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn erase_raced_dead_letters(&self) -> Result<u64, StoreError> {
        let deleted = Query::select()
            .column(contacts::Column::Id)
            .from(contacts::Entity)
            .and_where(contacts::Column::Life.eq("deleted"))
            .to_owned();
        let raced = Condition::all()
            .add(Column::Body.is_not_null())
            .add(Column::ContactId.in_subquery(deleted));
        self.timed(async { Ok(empty_bodies(&self.write, raced).await?) })
            .await
    }
}

fn matching(filter: &DeadLetterFilter) -> Condition {
    Condition::all()
        .add_option(filter.reason.map(|reason| Column::Reason.eq(reason.as_str())))
        .add_option(
            filter
                .operation
                .map(|operation| Column::Operation.eq(operation.as_str())),
        )
        .add_option(
            filter
                .group
                .as_ref()
                .map(|group| Column::Fingerprint.eq(group.as_str())),
        )
        .add_option(filter.contact_id.map(|id| Column::ContactId.eq(id.as_uuid())))
        .add_option(filter.command_id.map(|id| Column::CommandId.eq(id.as_uuid())))
        .add_option(filter.since.map(|since| Column::ReceivedAt.gte(since)))
        .add_option(filter.until.map(|until| Column::ReceivedAt.lt(until)))
        .add_option(filter.state.map(|state| Column::State.eq(state.as_str())))
}

async fn keep(
    sql: &DatabaseTransaction,
    collected: &Collected,
    now: DateTime<Utc>,
) -> Result<Kept, StoreError> {
    let deleted = match &collected.command {
        Some(command) => is_deleted(sql, command.contact_id).await?,
        None => false,
    };
    let once = OnConflict::column(Column::Identity).do_nothing().to_owned();
    let inserted = Entity::insert(row(collected, deleted, now))
        .on_conflict(once)
        .exec_without_returning(sql)
        .await?;
    if inserted == 0 {
        return Ok(Kept::Duplicate);
    }
    let Some(command) = &collected.command else {
        return Ok(Kept::Open);
    };
    let unless_known = OnConflict::column(command_rows::Column::Id)
        .do_nothing()
        .to_owned();
    command_rows::Entity::insert(command_row(command, &collected.letter, now))
        .on_conflict(unless_known)
        .exec_without_returning(sql)
        .await?;
    // Locked, so that a worker that ends the command now either is seen or sees this dead letter.
    let recorded = command_rows::Entity::find_by_id(command.id.as_uuid())
        .lock_exclusive()
        .one(sql)
        .await?;
    let Some(recorded) = recorded else {
        return Err(StoreError::Conflict(DbErr::RecordNotFound(
            "a command's row was replaced".to_owned(),
        )));
    };
    if recorded.status == DEAD_LETTERED {
        return Ok(Kept::Open);
    }
    // An id that conflicts is another request under a used id: the recorded outcome is not this one's.
    if collected.letter.reason == Reason::IdConflict {
        return Ok(Kept::Open);
    }
    move_to(
        sql,
        Condition::all().add(Column::Id.eq(collected.id)),
        DeadLetterState::Resolved,
        now,
    )
    .await?;
    Ok(Kept::Resolved)
}

async fn is_deleted(sql: &DatabaseTransaction, id: ContactId) -> Result<bool, DbErr> {
    let tombstone = Condition::all()
        .add(contacts::Column::Id.eq(id.as_uuid()))
        .add(contacts::Column::Life.eq("deleted"));
    Ok(contacts::Entity::find().filter(tombstone).count(sql).await? > 0)
}

async fn discard(sql: &DatabaseTransaction, id: Uuid, now: DateTime<Utc>) -> Result<Discarded, StoreError> {
    let Some(seen) = Entity::find_by_id(id).one(sql).await? else {
        return Ok(Discarded::Missing);
    };
    // In the order in which a worker locks: the command, then its dead letters.
    if let Some(command) = seen.command_id {
        command_rows::Entity::find_by_id(command)
            .lock_exclusive()
            .one(sql)
            .await?;
    }
    let Some(found) = Entity::find_by_id(id).lock_exclusive().one(sql).await? else {
        return Ok(Discarded::Missing);
    };
    match DeadLetterState::from_word(&found.state).ok_or_else(|| corrupt("dead letter"))? {
        DeadLetterState::Discarded => return Ok(Discarded::Already),
        DeadLetterState::Resolved => return Ok(Discarded::Resolved),
        DeadLetterState::Open | DeadLetterState::Replayed => {}
    }
    let this = Condition::all().add(Column::Id.eq(id));
    let ends_command = found.reason != Reason::IdConflict.as_str();
    if let Some(command) = found.command_id.filter(|_| ends_command) {
        let waits = Condition::all()
            .add(command_rows::Column::Id.eq(command))
            .add(command_rows::Column::Status.eq(DEAD_LETTERED));
        let ended = command_rows::Entity::update_many()
            .col_expr(command_rows::Column::Status, Expr::val("rejected"))
            .col_expr(
                command_rows::Column::Reason,
                Expr::val(Rejection::Discarded.as_str()),
            )
            .col_expr(command_rows::Column::FinishedAt, Expr::val(now))
            .filter(waits)
            .exec(sql)
            .await?;
        if ended.rows_affected == 0 {
            // The worker was first: its outcome stands.
            move_to(sql, this, DeadLetterState::Resolved, now).await?;
            return Ok(Discarded::Resolved);
        }
        move_to(sql, this, DeadLetterState::Discarded, now).await?;
        resolve(sql, vec![command], now).await?;
    } else {
        move_to(sql, this, DeadLetterState::Discarded, now).await?;
    }
    Ok(Discarded::Done)
}

/// Closes the dead letters that wait for these commands.
pub(super) async fn resolve(
    sql: &DatabaseTransaction,
    commands: Vec<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if commands.is_empty() {
        return Ok(());
    }
    let waiting = any_of(sql, Column::CommandId, commands)
        .add(Column::State.is_in([DeadLetterState::Open.as_str(), DeadLetterState::Replayed.as_str()]));
    move_to(sql, waiting, DeadLetterState::Resolved, now).await
}

/// Erases the payloads of dead letters of deleted contacts.
pub(super) async fn erase(sql: &DatabaseTransaction, contacts: Vec<Uuid>) -> Result<(), DbErr> {
    if contacts.is_empty() {
        return Ok(());
    }
    let theirs = any_of(sql, Column::ContactId, contacts).add(Column::Body.is_not_null());
    empty_bodies(sql, theirs).await.map(drop)
}

async fn empty_bodies(sql: &impl ConnectionTrait, which: Condition) -> Result<u64, DbErr> {
    let nothing = Expr::val(None::<Vec<u8>>);
    let erased = Entity::update_many()
        .col_expr(Column::Body, nothing)
        .filter(which)
        .exec(sql)
        .await?;
    Ok(erased.rows_affected)
}

async fn move_to(
    sql: &impl ConnectionTrait,
    which: Condition,
    state: DeadLetterState,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    Entity::update_many()
        .col_expr(Column::State, Expr::val(state.as_str()))
        .col_expr(Column::StateChangedAt, Expr::val(now))
        .filter(which)
        .exec(sql)
        .await
        .map(drop)
}
