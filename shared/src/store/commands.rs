//! Commands: what is recorded of those that have left the queue.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, ExprTrait, QueryFilter,
    QueryOrder, QuerySelect, QueryTrait, Select, Statement,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError,
    bulk::{self, any_of, any_of_bytes},
    corrupt,
    entities::{
        commands::{Column, Entity, Model},
        dead_letters,
    },
};
use crate::{
    clock::time_of_ms,
    domain::{CommandId, ContactId, Entry, KeyHash, Operation, Outcome, Recorded, Rejection, RequestHash},
    wire::CommandStatus,
};

const APPLIED: &str = "applied";
const SUPERSEDED: &str = "superseded";
const REJECTED: &str = "rejected";
pub(super) const DEAD_LETTERED: &str = "deadLettered";

/// A command that has left the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandRecord {
    /// Which command.
    pub id: CommandId,
    /// Which contact.
    pub contact_id: ContactId,
    /// What it does.
    pub operation: Operation,
    /// Its status; never pending, for that is what has no record.
    pub status: CommandStatus,
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// When it ended or was dead-lettered.
    pub finished_at: DateTime<Utc>,
    /// The attempt that ended it, from 1.
    pub attempts: u32,
}

/// Where in a list of commands, newest first, a page starts, itself excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CommandPosition {
    /// When it was accepted.
    pub accepted_at: DateTime<Utc>,
    /// The command.
    pub id: CommandId,
}

/// Which commands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CommandFilter {
    /// Of this contact.
    pub contact_id: Option<ContactId>,
    /// With this status, as it is written.
    pub status: Option<&'static str>,
}

/// How many commands have which status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StatusCounts {
    /// Applied.
    pub applied: u64,
    /// Superseded.
    pub superseded: u64,
    /// Rejected.
    pub rejected: u64,
    /// Waiting as dead letters.
    pub dead_lettered: u64,
}

/// The statuses that are recorded, as they are written.
pub const RECORDED_STATUSES: [&str; 4] = [APPLIED, SUPERSEDED, REJECTED, DEAD_LETTERED];

/// A command that ended in the batch in hand.
pub(super) struct Written<'a> {
    pub entry: &'a Entry,
    pub outcome: Outcome,
    pub finished_at: DateTime<Utc>,
}

/// What is on record for the commands of a batch.
pub(super) struct OnRecord {
    pub outcomes: Vec<(CommandId, Recorded)>,
    pub keys: Vec<(KeyHash, CommandId)>,
    pub dead_lettered: HashSet<Uuid>,
}

impl Store {
    /// What is recorded of a command.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn command(&self, id: CommandId) -> Result<Option<CommandRecord>, StoreError> {
        Ok(self.commands_by_ids(&[id]).await?.pop())
    }

    /// What is recorded of several commands, in no order.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn commands_by_ids(&self, ids: &[CommandId]) -> Result<Vec<CommandRecord>, StoreError> {
        let ids = ids.iter().map(|id| id.as_uuid());
        let read = async {
            Ok(Entity::find()
                .filter(Column::Id.is_in(ids))
                .all(&self.read)
                .await?)
        };
        self.timed(Pool::Read, SqlOperation::GetCommand, read)
            .await?
            .into_iter()
            .map(CommandRecord::try_from)
            .collect()
    }

    /// A page of commands, newest first, from a position on.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn commands_page(
        &self,
        filter: &CommandFilter,
        after: Option<CommandPosition>,
        limit: u64,
    ) -> Result<Vec<CommandRecord>, StoreError> {
        let after = after.map(|after| {
            let place = Expr::tuple([Expr::col(Column::AcceptedAt), Expr::col(Column::Id)]);
            place.lt(Expr::tuple([
                Expr::val(after.accepted_at),
                Expr::val(after.id.as_uuid()),
            ]))
        });
        let condition = Condition::all()
            .add_option(filter.contact_id.map(|id| Column::ContactId.eq(id.as_uuid())))
            .add_option(filter.status.map(|status| Column::Status.eq(status)))
            .add_option(after);
        let query = Entity::find()
            .filter(condition)
            .order_by_desc(Column::AcceptedAt)
            .order_by_desc(Column::Id)
            .limit(limit);
        let read = async { Ok(query.all(&self.read).await?) };
        self.timed(Pool::Read, SqlOperation::ListCommands, read)
            .await?
            .into_iter()
            .map(CommandRecord::try_from)
            .collect()
    }

    /// How many commands ended how, at or after a time and before another one. Of the database that is written to: a standby
    /// that lags would be short of some.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn commands_ended(
        &self,
        since: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Result<StatusCounts, StoreError> {
        self.timed(
            Pool::Write,
            SqlOperation::ListCommands,
            status_counts(&self.write, ended_within(since, until)),
        )
        .await
    }

    /// The statement of [`commands_ended`](Self::commands_ended), for those who ask the database how it runs it.
    pub fn commands_ended_statement(&self, since: DateTime<Utc>, until: DateTime<Utc>) -> Statement {
        counted(ended_within(since, until)).build(self.write.get_database_backend())
    }

    /// Forgets at most `limit` commands that ended before a time; those with a dead letter that waits stay. Says how
    /// many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn forget_commands(&self, ended_before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let waiting = Query::select()
            .expr(Expr::val(1))
            .from(dead_letters::Entity)
            .and_where(
                Expr::col((dead_letters::Entity, dead_letters::Column::CommandId))
                    .equals((Entity, Column::Id))
                    .and(
                        Expr::col((dead_letters::Entity, dead_letters::Column::State))
                            .is_in(["open", "replayed"]),
                    ),
            )
            .to_owned();
        let oldest = Query::select()
            .column(Column::Id)
            .from(Entity)
            .and_where(Column::FinishedAt.lt(ended_before))
            .and_where(Column::Status.ne(DEAD_LETTERED))
            .and_where(Expr::exists(waiting).not())
            .order_by(Column::FinishedAt, sea_orm::Order::Asc)
            .limit(limit)
            .to_owned();
        // Two statements: as one, kept for every limit (`pool`), its plan would join all commands.
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            let rows = self.write.query_all(&oldest).await?;
            let ids: Vec<Uuid> = rows
                .iter()
                .map(|row| row.try_get_by_index(0))
                .collect::<Result<_, _>>()?;
            let oldest = any_of(&self.write, Column::Id, ids).add(Column::Status.ne(DEAD_LETTERED));
            let deleted = Entity::delete_many().filter(oldest).exec(&self.write).await?;
            Ok(deleted.rows_affected)
        })
        .await
    }
}

fn ended_within(since: DateTime<Utc>, until: DateTime<Utc>) -> Expr {
    Column::FinishedAt.gte(since).and(Column::FinishedAt.lt(until))
}

fn counted(condition: Expr) -> Select<Entity> {
    Entity::find()
        .select_only()
        .column(Column::Status)
        .column_as(Column::Id.count(), "count")
        .filter(condition)
        .group_by(Column::Status)
}

/// How many commands that a condition holds for have ended how.
pub(super) async fn status_counts(
    sql: &impl ConnectionTrait,
    condition: Expr,
) -> Result<StatusCounts, StoreError> {
    let counts: Vec<(String, i64)> = counted(condition).into_tuple().all(sql).await?;
    let mut outcomes = StatusCounts::default();
    for (status, count) in counts {
        let place = match status.as_str() {
            APPLIED => &mut outcomes.applied,
            SUPERSEDED => &mut outcomes.superseded,
            REJECTED => &mut outcomes.rejected,
            DEAD_LETTERED => &mut outcomes.dead_lettered,
            _ => return Err(corrupt("status").into()),
        };
        *place = count.try_into().unwrap_or_default();
    }
    Ok(outcomes)
}

/// What is on record for the ids and keys of a batch.
pub(super) async fn recorded(sql: &impl ConnectionTrait, entries: &[Entry]) -> Result<OnRecord, StoreError> {
    let ids = entries.iter().map(|entry| entry.command.id.as_uuid()).collect();
    let keys: Vec<Vec<u8>> = entries
        .iter()
        .filter_map(|entry| entry.key_hash)
        .map(|hash| hash.as_bytes().to_vec())
        .collect();
    let mut condition = Condition::any().add(any_of(sql, Column::Id, ids));
    if !keys.is_empty() {
        condition = condition.add(any_of_bytes(sql, Column::KeyHash, keys));
    }
    let rows = Entity::find().filter(condition).all(sql).await?;
    let mut found = OnRecord {
        outcomes: Vec::new(),
        keys: Vec::new(),
        dead_lettered: HashSet::new(),
    };
    for row in rows {
        let id = CommandId::from_uuid(row.id);
        if let Some(hash) = &row.key_hash {
            found
                .keys
                .push((KeyHash::from_bytes(hash).ok_or_else(|| corrupt("key hash"))?, id));
        }
        let request_hash =
            RequestHash::from_bytes(&row.request_hash).ok_or_else(|| corrupt("request hash"))?;
        match outcome(&row)? {
            Some(outcome) => found.outcomes.push((
                id,
                Recorded {
                    outcome,
                    request_hash,
                },
            )),
            None => {
                found.dead_lettered.insert(row.id);
            }
        }
    }
    Ok(found)
}

/// Records the commands that ended. The rows of those that waited as dead letters are replaced.
pub(super) async fn write(
    sql: &DatabaseTransaction,
    finished: &[Written<'_>],
    waiting: &HashSet<Uuid>,
) -> Result<(), DbErr> {
    if !waiting.is_empty() {
        let ended = finished.iter().map(|written| written.entry.command.id.as_uuid());
        let waited = Condition::all()
            .add(any_of(sql, Column::Id, waiting.iter().copied().collect()))
            .add(any_of(sql, Column::Id, ended.collect()))
            .add(Column::Status.eq(DEAD_LETTERED));
        Entity::delete_many().filter(waited).exec(sql).await?;
    }
    bulk::insert::<Entity, _>(sql, finished.iter().map(row).collect(), None).await
}

fn row(written: &Written<'_>) -> Model {
    let entry = written.entry;
    let (status, reason) = match written.outcome {
        Outcome::Applied => (APPLIED, None),
        Outcome::Superseded => (SUPERSEDED, None),
        Outcome::Rejected(rejection) => (REJECTED, Some(rejection.as_str())),
    };
    Model {
        id: entry.command.id.as_uuid(),
        contact_id: entry.command.contact_id.as_uuid(),
        operation: entry.command.action.operation().as_str().to_owned(),
        status: status.to_owned(),
        reason: reason.map(str::to_owned),
        request_hash: entry.request_hash.as_bytes().to_vec(),
        key_hash: entry.key_hash.map(|hash| hash.as_bytes().to_vec()),
        accepted_at: time_of_ms(entry.command.stamp.ms()),
        finished_at: written.finished_at,
        attempts: entry.attempt.try_into().unwrap_or(i32::MAX),
    }
}

fn outcome(row: &Model) -> Result<Option<Outcome>, StoreError> {
    let reason = row.reason.as_deref().unwrap_or_default();
    match row.status.as_str() {
        APPLIED => Ok(Some(Outcome::Applied)),
        SUPERSEDED => Ok(Some(Outcome::Superseded)),
        REJECTED => {
            let rejection = Rejection::from_code(reason).ok_or_else(|| corrupt("rejection"))?;
            Ok(Some(Outcome::Rejected(rejection)))
        }
        DEAD_LETTERED => Ok(None),
        _ => Err(corrupt("status").into()),
    }
}

impl TryFrom<Model> for CommandRecord {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let status = match outcome(&row)? {
            Some(Outcome::Applied) => CommandStatus::Applied,
            Some(Outcome::Superseded) => CommandStatus::Superseded,
            Some(Outcome::Rejected(rejection)) => CommandStatus::Rejected(rejection),
            None => CommandStatus::DeadLettered,
        };
        Ok(Self {
            id: CommandId::from_uuid(row.id),
            contact_id: ContactId::from_uuid(row.contact_id),
            operation: row.operation.parse().map_err(|_| corrupt("operation"))?,
            status,
            accepted_at: row.accepted_at,
            finished_at: row.finished_at,
            attempts: row.attempts.try_into().unwrap_or_default(),
        })
    }
}
