//! `console_sessions`: who has signed in to the console.
//!
//! * `token_hash`: SHA-256 of the 32 bytes in the reader's cookie, so that the table lets nobody in.
//! * `scopes`: words with blanks between.
//! * `seen_at`: the last request of a person, brought up to date at most once a minute.

use sea_orm_migration::prelude::*;

use super::{create_index, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let time = |name: &'static str| {
            ColumnDef::new(name)
                .timestamp_with_time_zone()
                .not_null()
                .to_owned()
        };
        let sessions = Table::create()
            .table("console_sessions")
            .col(
                ColumnDef::new("token_hash")
                    .binary_len(32)
                    .not_null()
                    .primary_key(),
            )
            .col(ColumnDef::new("principal").text().not_null())
            .col(ColumnDef::new("scopes").text().not_null())
            .col(time("created_at"))
            .col(time("seen_at"))
            .to_owned();
        manager.create_table(sessions).await?;
        // For those that have ended, each by one of the two bounds.
        create_index(
            manager,
            "console_sessions_seen",
            "console_sessions (seen_at)",
            None,
        )
        .await?;
        create_index(
            manager,
            "console_sessions_created",
            "console_sessions (created_at)",
            None,
        )
        .await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "console_sessions").await
    }
}
