//! The probe: whether SQL would take a batch now. A worker that paused takes nothing until it has succeeded.

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter, QuerySelect, Set,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError,
    entities::{commands, contacts, dead_letters},
    sql_time,
};

/// No contact and no command has this id: ours are of version 8.
const PROBE_ID: Uuid = Uuid::nil();

impl Store {
    /// Writes to each table that a batch writes to, and takes it back in the same transaction, which commits. Fails for
    /// whatever a batch would fail for: an outage, a full disk, a missing grant or column, an older schema.
    ///
    /// # Errors
    /// As [`Store::apply`](Store::apply).
    pub async fn probe(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.check_schema().await?;
        let work = async {
            let transaction = self.begin().await?;
            write_and_take_back(&transaction, sql_time(now)).await?;
            Ok(transaction.commit().await?)
        };
        self.timed(Pool::Write, SqlOperation::Probe, work).await
    }

    /// As [`probe`](Self::probe), for what stores dead letters: it writes no contacts, and may not have to.
    ///
    /// # Errors
    /// As it.
    pub async fn probe_dead_letters(&self, now: DateTime<Utc>) -> Result<(), StoreError> {
        self.check_schema().await?;
        let now = sql_time(now);
        let work = async {
            let transaction = self.begin().await?;
            write_a_dead_letter_and_take_it_back(&transaction, now).await?;
            Ok(transaction.commit().await?)
        };
        self.timed(Pool::Write, SqlOperation::Probe, work).await
    }
}

async fn write_a_dead_letter_and_take_it_back(
    sql: &DatabaseTransaction,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    contacts::Entity::find_by_id(PROBE_ID).one(sql).await?;
    commands::Entity::update_many()
        .col_expr(commands::Column::FinishedAt, Expr::val(now))
        .filter(commands::Column::Id.eq(PROBE_ID))
        .exec(sql)
        .await?;
    dead_letters::Entity::delete_by_id(PROBE_ID).exec(sql).await?;
    let letter = dead_letters::ActiveModel {
        id: Set(PROBE_ID),
        identity: Set(vec![0; 32]),
        reason: Set("unknown".to_owned()),
        detail: Set(String::new()),
        fingerprint: Set(String::new()),
        attempt: Set(1),
        replay: Set(0),
        failed_at: Set(now),
        received_at: Set(now),
        worker: Set(String::new()),
        content_type: Set(String::new()),
        body_bytes: Set(0),
        state: Set("open".to_owned()),
        state_changed_at: Set(now),
        ..Default::default()
    };
    dead_letters::Entity::insert(letter)
        .exec_without_returning(sql)
        .await?;
    dead_letters::Entity::delete_by_id(PROBE_ID).exec(sql).await?;
    Ok(())
}

async fn write_and_take_back(sql: &DatabaseTransaction, now: DateTime<Utc>) -> Result<(), DbErr> {
    contacts::Entity::find_by_id(PROBE_ID)
        .lock_exclusive()
        .one(sql)
        .await?;
    commands::Entity::delete_by_id(PROBE_ID).exec(sql).await?;
    contacts::Entity::delete_by_id(PROBE_ID).exec(sql).await?;
    let contact = contacts::ActiveModel {
        id: Set(PROBE_ID),
        life: Set("unborn".to_owned()),
        updated_at: Set(Some(now)),
        ..Default::default()
    };
    contacts::Entity::insert(contact.clone())
        .exec_without_returning(sql)
        .await?;
    contact.update_without_returning(sql).await?;
    let command = commands::ActiveModel {
        id: Set(PROBE_ID),
        contact_id: Set(PROBE_ID),
        operation: Set("update".to_owned()),
        status: Set("rejected".to_owned()),
        reason: Set(None),
        request_hash: Set(vec![0; 16]),
        key_hash: Set(None),
        accepted_at: Set(now),
        finished_at: Set(now),
        attempts: Set(1),
    };
    commands::Entity::insert(command)
        .exec_without_returning(sql)
        .await?;
    dead_letters::Entity::update_many()
        .col_expr(dead_letters::Column::StateChangedAt, Expr::val(now))
        .filter(dead_letters::Column::Id.eq(PROBE_ID))
        .exec(sql)
        .await?;
    commands::Entity::delete_by_id(PROBE_ID).exec(sql).await?;
    contacts::Entity::delete_by_id(PROBE_ID).exec(sql).await?;
    Ok(())
}
