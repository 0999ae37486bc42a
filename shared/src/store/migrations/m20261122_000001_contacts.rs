//! `contacts`: the contacts themselves.
//!
//! * `life`: `unborn` (an update came before its create; not shown), `born`, `deleted` (tombstone).
//! * `name_key`: what names are sorted by: lower case without accents, compared byte by byte.
//! * `*_stamp`, `*_command`: who set the field last; what `merge` compares and the entity tag is made of.
//! * `area_code` (DDD), `state` (UF): derived from a Brazilian phone.
//! * `created_by`: the command that created it. `created_at`, `updated_at`, `deleted_at`: commit times.

use sea_orm_migration::prelude::*;

use super::{byte_ordered_text, create_index, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

const BORN: Option<&str> = Some("life = 'born'");

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let table = Table::create()
            .table("contacts")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("life").string_len(8).not_null())
            .col(ColumnDef::new("created_by").uuid())
            .col(ColumnDef::new("name").text())
            .col(byte_ordered_text(manager, "name_key"))
            .col(ColumnDef::new("name_stamp").big_integer())
            .col(ColumnDef::new("name_command").uuid())
            .col(ColumnDef::new("phone").string_len(16))
            .col(ColumnDef::new("phone_stamp").big_integer())
            .col(ColumnDef::new("phone_command").uuid())
            .col(ColumnDef::new("area_code").string_len(2))
            .col(ColumnDef::new("state").string_len(2))
            .col(ColumnDef::new("email").text())
            .col(ColumnDef::new("email_stamp").big_integer())
            .col(ColumnDef::new("email_command").uuid())
            .col(ColumnDef::new("created_at").timestamp_with_time_zone())
            .col(ColumnDef::new("updated_at").timestamp_with_time_zone())
            .col(ColumnDef::new("deleted_at").timestamp_with_time_zone())
            .check(Expr::cust("life IN ('unborn', 'born', 'deleted')"))
            .check(Expr::cust(
                "life <> 'deleted' OR (name IS NULL AND phone IS NULL AND email IS NULL)",
            ))
            .to_owned();
        manager.create_table(table).await?;
        create_index(manager, "contacts_name", "contacts (name_key, id)", BORN).await?;
        create_index(manager, "contacts_created", "contacts (created_at, id)", BORN).await?;
        create_index(
            manager,
            "contacts_area_code",
            "contacts (area_code, created_at, id)",
            BORN,
        )
        .await?;
        create_index(
            manager,
            "contacts_state",
            "contacts (state, created_at, id)",
            BORN,
        )
        .await?;
        create_index(
            manager,
            "contacts_phone",
            "contacts (phone, created_at, id)",
            BORN,
        )
        .await?;
        create_index(
            manager,
            "contacts_email",
            "contacts (email, created_at, id)",
            BORN,
        )
        .await?;
        // Without a condition: `updatedSince` also answers what was deleted.
        create_index(manager, "contacts_updated", "contacts (updated_at, id)", None).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "contacts").await
    }
}
