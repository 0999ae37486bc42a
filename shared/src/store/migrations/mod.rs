//! The versions of the schema, for PostgreSQL and SQLite alike. A migration that has been released is never changed;
//! the next one mends it.

use std::collections::HashSet;

use sea_orm::{DatabaseConnection, EntityTrait};
use sea_orm_migration::prelude::*;

mod m20261122_000001_contacts;
mod m20261122_000002_commands;
mod m20261122_000003_dead_letters;
mod m20261125_000004_search;
mod m20261125_000005_imports;
mod m20261125_000006_duplicates;
mod m20261125_000007_dead_letter_tools;
mod m20261125_000008_one_email_index;
mod m20261125_000009_console_sessions;

pub(super) use m20261125_000004_search::KEEPS_WORDS;
pub(super) use m20261125_000007_dead_letter_tools::AUDIT_KEPT_DAYS;

/// Every version in order.
pub struct Migrator;

#[async_trait::async_trait]
impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m20261122_000001_contacts::Migration),
            Box::new(m20261122_000002_commands::Migration),
            Box::new(m20261122_000003_dead_letters::Migration),
            Box::new(m20261125_000004_search::Migration),
            Box::new(m20261125_000005_imports::Migration),
            Box::new(m20261125_000006_duplicates::Migration),
            Box::new(m20261125_000007_dead_letter_tools::Migration),
            Box::new(m20261125_000008_one_email_index::Migration),
            Box::new(m20261125_000009_console_sessions::Migration),
        ]
    }
}

/// The names of the versions that a database has, those of a newer program included.
pub(super) async fn applied(database: &DatabaseConnection) -> Result<HashSet<String>, DbErr> {
    const TABLE: &str = "seaql_migrations";
    if !SchemaManager::new(database).has_table(TABLE).await? {
        return Ok(HashSet::new());
    }
    let rows = sea_orm_migration::seaql_migrations::Entity::find()
        .all(database)
        .await?;
    Ok(rows.into_iter().map(|row| row.version).collect())
}

/// A text whose order is that of its bytes, the same on every database and in every locale.
fn byte_ordered_text(manager: &SchemaManager<'_>, column: &'static str) -> ColumnDef {
    let mut definition = ColumnDef::new(column);
    match manager.get_database_backend() {
        sea_orm::DbBackend::Postgres => definition.custom("text COLLATE \"C\""),
        _ => definition.text(), // SQLite compares bytes unless told otherwise.
    };
    definition
}

/// Creates an index; sea-query's builder has no partial ones for SQLite.
async fn create_index(
    manager: &SchemaManager<'_>,
    name: &str,
    on: &str,
    condition: Option<&str>,
) -> Result<(), DbErr> {
    let condition = condition
        .map(|condition| format!(" WHERE {condition}"))
        .unwrap_or_default();
    let statement = format!("CREATE INDEX {name} ON {on}{condition}");
    manager
        .get_connection()
        .execute_unprepared(&statement)
        .await
        .map(drop)
}

async fn drop_table(manager: &SchemaManager<'_>, table: &'static str) -> Result<(), DbErr> {
    manager.drop_table(Table::drop().table(table).to_owned()).await
}
