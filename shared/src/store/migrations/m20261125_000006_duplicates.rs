//! `contacts_email_folded`: contacts with the same e-mail address, whatever the case of its letters; oldest first.
//!
//! Phones need none: `contacts_phone` is in the same order. A program that knows nothing of this index writes as before.

use sea_orm::DbBackend;
use sea_orm_migration::prelude::*;

#[derive(DeriveMigrationName)]
pub struct Migration;

/// The address itself is in it, since neither database otherwise sees that it can answer from the index alone.
/// Building it takes longer than a statement of a service may. `"C"`: the same letters on every database and in every locale.
const POSTGRES: &str = r#"
SET LOCAL statement_timeout = 0;
CREATE INDEX IF NOT EXISTS contacts_email_folded ON contacts
    (lower(email COLLATE "C"), created_at, id) INCLUDE (email) WHERE life = 'born';
"#;

const SQLITE: &str = "
CREATE INDEX IF NOT EXISTS contacts_email_folded ON contacts (lower(email), created_at, id, email) WHERE life = 'born';
";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = manager.get_connection();
        let statements = match sql.get_database_backend() {
            DbBackend::Postgres => POSTGRES,
            _ => SQLITE,
        };
        sql.execute_unprepared(statements).await.map(drop)
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let sql = manager.get_connection();
        sql.execute_unprepared("DROP INDEX IF EXISTS contacts_email_folded")
            .await
            .map(drop)
    }
}
