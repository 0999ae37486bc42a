//! What is past its retention goes, in steps, so that no lock is held for long.
//!
//! **Invariant:** what waits is never removed, however old: open and archived dead letters, those that were sent again while
//! their command has no outcome, replays that run. Of the audit nothing that is younger than
//! [its own triggers](super::migrations) allow.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbBackend, DbErr, EntityTrait, QueryFilter, QueryOrder,
    QuerySelect, Statement, sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError,
    bulk::any_of,
    dead_letters::closed_before,
    entities::{audit, dead_letters, replay_items, replays},
    migrations::AUDIT_KEPT_DAYS,
};

impl Store {
    /// Removes at most `limit` dead letters that were closed before a time; says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn forget_dead_letters(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        use dead_letters::{Column, Entity};
        let oldest = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(closed_before(before))
            .limit(limit)
            .into_tuple::<Uuid>();
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            let ids = oldest.all(&self.write).await?;
            // Nothing that is closed opens again.
            let these = any_of(&self.write, Column::Id, ids);
            let gone = Entity::delete_many().filter(these).exec(&self.write).await?;
            Ok(gone.rows_affected)
        })
        .await
    }

    /// Removes at most `limit` items of replays that have come to an end before a time, and a replay itself once it has none
    /// left; says how many rows, 0 if there is nothing left to remove.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn forget_replays(&self, before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        use replays::{Column, Entity};
        let old = Condition::all()
            .add(Column::State.is_in(["stopped", "braked", "finished"]))
            .add(Column::UpdatedAt.lt(before));
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            let transaction = self.begin().await?;
            let oldest = Entity::find()
                .filter(old)
                .order_by_asc(Column::CreatedAt)
                .order_by_asc(Column::Id)
                .lock_exclusive()
                .one(&transaction)
                .await?;
            let Some(replay) = oldest else {
                return Ok(0);
            };
            let mut gone = forget_items(&transaction, replay.id, limit).await?;
            if gone < limit {
                gone += Entity::delete_by_id(replay.id)
                    .exec(&transaction)
                    .await?
                    .rows_affected;
            } else {
                // With some of its items gone it must not go on.
                Entity::update_many()
                    .col_expr(Column::State, Expr::val("finished"))
                    .filter(Column::Id.eq(replay.id))
                    .exec(&transaction)
                    .await?;
            }
            transaction.commit().await?;
            Ok(gone)
        })
        .await
    }

    /// Removes at most `limit` entries of the audit that are older than a time, and older than must be kept; says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn forget_audit(&self, before: DateTime<Utc>, limit: u32) -> Result<u64, StoreError> {
        let sql = &self.write;
        let limit = i32::try_from(limit).unwrap_or(i32::MAX);
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            if sql.get_database_backend() == DbBackend::Postgres {
                let ask = Statement::from_sql_and_values(
                    DbBackend::Postgres,
                    "SELECT forget_audit($1, $2)",
                    [before.into(), limit.into()],
                );
                let row = sql.query_one_raw(ask).await?;
                let gone: i64 = row.map_or(Ok(0), |row| row.try_get_by_index(0))?;
                return Ok(gone.try_into().unwrap_or_default());
            }
            let oldest = audit::Entity::find()
                .select_only()
                .column(audit::Column::Id)
                .filter(audit::Column::At.lt(before))
                .filter(Expr::cust(format!(
                    "julianday(at) < julianday('now', '-{AUDIT_KEPT_DAYS} days')"
                )))
                .order_by_asc(audit::Column::At)
                .limit(u64::from(limit.unsigned_abs()))
                .into_tuple::<Uuid>()
                .all(sql)
                .await?;
            let these = any_of(sql, audit::Column::Id, oldest);
            let gone = audit::Entity::delete_many().filter(these).exec(sql).await?;
            Ok(gone.rows_affected)
        })
        .await
    }
}

async fn forget_items(sql: &impl ConnectionTrait, replay: Uuid, limit: u64) -> Result<u64, DbErr> {
    use replay_items::{Column, Entity};
    let first = Entity::find()
        .select_only()
        .column(Column::Position)
        .filter(Column::ReplayId.eq(replay))
        .order_by_asc(Column::Position)
        .limit(limit)
        .into_tuple::<i32>()
        .all(sql)
        .await?;
    let Some(last) = first.last() else {
        return Ok(0);
    };
    let these = Condition::all()
        .add(Column::ReplayId.eq(replay))
        .add(Column::Position.lte(*last));
    Ok(Entity::delete_many().filter(these).exec(sql).await?.rows_affected)
}
