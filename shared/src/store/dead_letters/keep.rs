//! Storing what came out of the queue, once.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter,
    QuerySelect, sea_query::OnConflict,
};

use super::{
    Collected, DeadLetterState, Kept, move_to,
    rows::{command_row, row},
};
use crate::{
    domain::ContactId,
    payload_keys::PayloadKeys,
    store::{
        Pool, SqlOperation, Store, StoreError,
        commands::DEAD_LETTERED,
        entities::{
            commands as command_rows, contacts,
            dead_letters::{Column, Entity},
        },
        sql_time,
    },
    wire::Reason,
};

impl Store {
    /// Stores a dead letter, unless it is stored already, and marks its command, unless that has ended. Its payload is
    /// encrypted, or left out if its contact is deleted.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is stored then.
    pub async fn keep_dead_letter(
        &self,
        collected: &Collected,
        keys: &PayloadKeys,
        now: DateTime<Utc>,
    ) -> Result<Kept, StoreError> {
        let now = sql_time(now);
        self.timed(Pool::Write, SqlOperation::StoreDeadLetter, async {
            let transaction = self.begin().await?;
            let kept = keep(&transaction, collected, keys, now).await?;
            transaction.commit().await?;
            Ok(kept)
        })
        .await
    }
}

async fn keep(
    sql: &DatabaseTransaction,
    collected: &Collected,
    keys: &PayloadKeys,
    now: DateTime<Utc>,
) -> Result<Kept, StoreError> {
    let deleted = match &collected.command {
        Some(command) => is_deleted(sql, command.contact_id).await?,
        None => false,
    };
    let body = (!deleted).then(|| keys.seal(collected.id, &collected.letter.payload));
    let once = OnConflict::column(Column::Identity).do_nothing().to_owned();
    let inserted = Entity::insert(row(collected, body, now))
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

pub(super) async fn is_deleted(sql: &DatabaseTransaction, id: ContactId) -> Result<bool, DbErr> {
    let tombstone = Condition::all()
        .add(contacts::Column::Id.eq(id.as_uuid()))
        .add(contacts::Column::Life.eq("deleted"));
    Ok(contacts::Entity::find().filter(tombstone).count(sql).await? > 0)
}
