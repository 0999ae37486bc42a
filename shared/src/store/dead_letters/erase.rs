//! What is no longer needed, or belonged to a contact that was deleted, is emptied.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QuerySelect,
    sea_query::{Expr, Query},
};
use uuid::Uuid;

use super::DeadLetterState;
use crate::store::{
    Pool, SqlOperation, Store, StoreError,
    bulk::any_of,
    entities::{
        contacts,
        dead_letters::{Column, Entity},
    },
};

impl Store {
    /// Empties at most `limit` dead letters that were closed before a time; says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn empty_old_dead_letters(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let full = closed_before(before).add(Column::Body.is_not_null());
        let oldest = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(full)
            .limit(limit)
            .into_tuple::<Uuid>();
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            let ids = oldest.all(&self.write).await?;
            let these = any_of(&self.write, Column::Id, ids);
            Ok(empty_bodies(&self.write, these).await?)
        })
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
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            Ok(empty_bodies(&self.write, raced).await?)
        })
        .await
    }
}

/// Those that were closed before a time, and those that were sent again before it and can never be matched with an outcome,
/// since no command could be read in them. None of them can be opened again.
pub(in crate::store) fn closed_before(time: DateTime<Utc>) -> Condition {
    let closed = [DeadLetterState::Resolved, DeadLetterState::Discarded].map(DeadLetterState::stored);
    let unmatched = Condition::all()
        .add(Column::State.eq(DeadLetterState::Replayed.stored()))
        .add(Column::CommandId.is_null());
    Condition::all()
        // It was stored before it was closed: the indexes know when that was.
        .add(Column::ReceivedAt.lt(time))
        .add(Column::StateChangedAt.lt(time))
        .add(Condition::any().add(Column::State.is_in(closed)).add(unmatched))
}

/// Erases the payloads of dead letters of deleted contacts.
pub(in crate::store) async fn erase(sql: &DatabaseTransaction, contacts: Vec<Uuid>) -> Result<(), DbErr> {
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
        .col_expr(Column::BodyKey, Expr::val(None::<String>))
        .filter(which)
        .exec(sql)
        .await?;
    Ok(erased.rows_affected)
}
