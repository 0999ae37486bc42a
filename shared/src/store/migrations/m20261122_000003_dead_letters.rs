//! `dead_letters`: messages that could not be processed.
//!
//! * `identity`: a hash of (command id or body, request hash, replay), so that a second copy is not a second row.
//! * `fingerprint`: what groups them: a hash of reason, operation and detail with its variable parts removed.
//! * `attempt`, `replay`: the attempt that failed, and how often it had been sent again before.
//! * `body`: the original bytes; empty once erased. `body_bytes`: how many they were.
//! * `state`: `open` (waits), `replayed` (sent again, outcome not yet known), `resolved` (its command has ended),
//!   `discarded`.

use sea_orm_migration::prelude::*;

use super::{create_index, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("dead_letters")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("identity").binary_len(32).not_null().unique_key())
            .col(ColumnDef::new("command_id").uuid())
            .col(ColumnDef::new("contact_id").uuid())
            .col(ColumnDef::new("operation").string_len(8))
            .col(ColumnDef::new("reason").string_len(32).not_null())
            .col(ColumnDef::new("detail").text().not_null())
            .col(ColumnDef::new("fingerprint").string_len(32).not_null())
            .col(ColumnDef::new("attempt").integer().not_null())
            .col(ColumnDef::new("replay").integer().not_null())
            .col(ColumnDef::new("failed_at").timestamp_with_time_zone().not_null())
            .col(
                ColumnDef::new("received_at")
                    .timestamp_with_time_zone()
                    .not_null(),
            )
            .col(ColumnDef::new("worker").text().not_null())
            .col(ColumnDef::new("traceparent").string_len(128))
            .col(ColumnDef::new("content_type").text().not_null())
            .col(ColumnDef::new("body").blob())
            .col(ColumnDef::new("body_bytes").integer().not_null())
            .col(ColumnDef::new("state").string_len(16).not_null())
            .col(
                ColumnDef::new("state_changed_at")
                    .timestamp_with_time_zone()
                    .not_null(),
            )
            .check(Expr::cust(
                "state IN ('open', 'replayed', 'resolved', 'discarded')",
            ))
            .to_owned();
        manager.create_table(table).await?;
        create_index(
            manager,
            "dead_letters_received",
            "dead_letters (received_at, id)",
            None,
        )
        .await?;
        create_index(
            manager,
            "dead_letters_state",
            "dead_letters (state, received_at, id)",
            None,
        )
        .await?;
        create_index(
            manager,
            "dead_letters_reason",
            "dead_letters (reason, received_at, id)",
            None,
        )
        .await?;
        create_index(
            manager,
            "dead_letters_group",
            "dead_letters (fingerprint, received_at, id)",
            None,
        )
        .await?;
        create_index(
            manager,
            "dead_letters_command",
            "dead_letters (command_id, replay)",
            None,
        )
        .await?;
        create_index(manager, "dead_letters_contact", "dead_letters (contact_id)", None).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "dead_letters").await
    }
}
