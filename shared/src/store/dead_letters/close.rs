//! Closing dead letters: sent again, given up, or their command has ended.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{DeadLetterState, Discarded, StoredDeadLetter, move_to};
use crate::{
    domain::Rejection,
    store::{
        Pool, SqlOperation, Store, StoreError,
        audit::{self, Entry},
        bulk::any_of,
        commands::DEAD_LETTERED,
        entities::{
            commands as command_rows,
            dead_letters::{Column, Entity},
        },
        sql_time,
    },
    wire::Reason,
};

impl Store {
    /// Notes that a dead letter was sent again. One whose command has ended meanwhile stays closed.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn mark_replayed(&self, id: Uuid, now: DateTime<Utc>) -> Result<(), StoreError> {
        let open = Condition::all()
            .add(Column::Id.eq(id))
            .add(Column::State.eq(DeadLetterState::Open.stored()));
        let write = async { Ok(move_to(&self.write, open, DeadLetterState::Replayed, sql_time(now)).await?) };
        self.timed(Pool::Write, SqlOperation::ChangeDeadLetters, write)
            .await
    }

    /// Gives a dead letter up: its command ends as rejected, unless it has ended already. The entry, of whose time it is done,
    /// goes to the audit.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then.
    pub async fn discard_dead_letter(&self, id: Uuid, entry: &Entry) -> Result<Discarded, StoreError> {
        self.timed(Pool::Write, SqlOperation::ChangeDeadLetters, async {
            let transaction = self.begin().await?;
            let discarded = discard(&transaction, id, entry).await?;
            transaction.commit().await?;
            Ok(discarded)
        })
        .await
    }
}

async fn discard(sql: &DatabaseTransaction, id: Uuid, entry: &Entry) -> Result<Discarded, StoreError> {
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
    let (now, ends_command) = (entry.at, found.reason != Reason::IdConflict.as_str());
    let (command_id, found) = (found.command_id, StoredDeadLetter::try_from(found)?);
    match found.state {
        DeadLetterState::Discarded | DeadLetterState::Replaced => return Ok(Discarded::Already),
        DeadLetterState::Resolved => return Ok(Discarded::Resolved),
        DeadLetterState::Open | DeadLetterState::Archived | DeadLetterState::Replayed => {}
    }
    let this = Condition::all().add(Column::Id.eq(id));
    if let Some(command) = command_id.filter(|_| ends_command) {
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
    let entry = Entry {
        before: Some(found.state.as_str().to_owned()),
        after: Some(DeadLetterState::Discarded.as_str().to_owned()),
        ..entry.clone()
    };
    audit::add(sql, &entry).await?;
    Ok(Discarded::Done)
}

/// Closes the dead letters that wait for these commands.
pub(in crate::store) async fn resolve(
    sql: &DatabaseTransaction,
    commands: Vec<Uuid>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    if commands.is_empty() {
        return Ok(());
    }
    let waiting = any_of(sql, Column::CommandId, commands)
        .add(Column::State.is_in([DeadLetterState::Open.stored(), DeadLetterState::Replayed.stored()]));
    move_to(sql, waiting, DeadLetterState::Resolved, now).await
}
