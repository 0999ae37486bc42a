//! `commands`: one row per command that has left the queue.
//!
//! * `status`: `applied`, `superseded`, `rejected` (final, never overwritten) or `deadLettered` (waits).
//! * `reason`: of a rejection or a dead letter.
//! * `request_hash`: a repeat with another one is not a repeat. `key_hash`: one command per idempotency key; empty while
//!   `deadLettered`, which stops nothing.
//! * `accepted_at`: the time of its stamp. `attempts`: the attempt that ended it, from 1.

use sea_orm_migration::prelude::*;

use super::{create_index, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("commands")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("contact_id").uuid().not_null())
            .col(ColumnDef::new("operation").string_len(8).not_null())
            .col(ColumnDef::new("status").string_len(16).not_null())
            .col(ColumnDef::new("reason").string_len(32))
            .col(ColumnDef::new("request_hash").binary_len(16).not_null())
            .col(ColumnDef::new("key_hash").binary_len(16).unique_key())
            .col(
                ColumnDef::new("accepted_at")
                    .timestamp_with_time_zone()
                    .not_null(),
            )
            .col(
                ColumnDef::new("finished_at")
                    .timestamp_with_time_zone()
                    .not_null(),
            )
            .col(ColumnDef::new("attempts").integer().not_null())
            .check(Expr::cust("operation IN ('create', 'update', 'delete')"))
            .check(Expr::cust(
                "status IN ('applied', 'superseded', 'rejected', 'deadLettered')",
            ))
            .to_owned();
        manager.create_table(table).await?;
        create_index(
            manager,
            "commands_contact",
            "commands (contact_id, accepted_at, id)",
            None,
        )
        .await?;
        // For the retention.
        create_index(manager, "commands_finished", "commands (finished_at)", None).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "commands").await
    }
}
