//! `contacts_email` goes: `contacts_email_folded` finds an e-mail just as well, and an index less is kept for each contact.

use sea_orm_migration::prelude::*;

use super::create_index;

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager
            .get_connection()
            .execute_unprepared("DROP INDEX contacts_email")
            .await
            .map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let born = Some("life = 'born'");
        create_index(
            manager,
            "contacts_email",
            "contacts (email, created_at, id)",
            born,
        )
        .await
    }
}
