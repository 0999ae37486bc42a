//! `imports`: one row per import of contacts; `import_refusals`: what was wrong with rows that were not taken.
//!
//! * `status`: `receiving`, `interrupted` (may go on) or `complete` (all of the file was read and what is good of it confirmed).
//! * `session`: the request that goes on with it; no other may change the row.
//! * `confirmed_…`: up to where the broker has everything. `announced_…`: up to where it may have. Of each: how many rows were
//!   read, how many of them were taken and refused, how many faults were found, and a hash of the rows.
//! * `columns`: of a CSV, which header became which field, as JSON; headers that are not known are only counted.
//! * `import_refusals.number`: counts the faults of an import. The tables hold nothing of what stood in a row.

use sea_orm_migration::prelude::*;

use super::{create_index, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let count = |name: &'static str| ColumnDef::new(name).integer().not_null().to_owned();
        let time = |name: &'static str| ColumnDef::new(name).timestamp_with_time_zone().to_owned();
        let digest = |name: &'static str| ColumnDef::new(name).binary_len(32).not_null().to_owned();
        let imports = Table::create()
            .table("imports")
            .col(ColumnDef::new("id").uuid().not_null().primary_key())
            .col(ColumnDef::new("principal").text().not_null())
            .col(ColumnDef::new("format").string_len(8).not_null())
            .col(ColumnDef::new("status").string_len(16).not_null())
            .col(ColumnDef::new("session").uuid().not_null())
            .col(count("confirmed_rows"))
            .col(count("confirmed_accepted"))
            .col(count("confirmed_refused"))
            .col(count("confirmed_faults"))
            .col(digest("confirmed_digest"))
            .col(count("announced_rows"))
            .col(count("announced_accepted"))
            .col(count("announced_refused"))
            .col(count("announced_faults"))
            .col(digest("announced_digest"))
            .col(ColumnDef::new("columns").text().not_null())
            .col(count("ignored_columns"))
            .col(time("started_at").not_null())
            .col(time("updated_at").not_null())
            .col(time("finished_at"))
            .check(Expr::cust("format IN ('csv', 'ndjson', 'vcard')"))
            .check(Expr::cust("status IN ('receiving', 'interrupted', 'complete')"))
            .to_owned();
        manager.create_table(imports).await?;
        // For the retention.
        create_index(manager, "imports_updated", "imports (updated_at)", None).await?;
        let refusals = Table::create()
            .table("import_refusals")
            .col(ColumnDef::new("import_id").uuid().not_null())
            .col(count("number"))
            .col(ColumnDef::new("line").big_integer().not_null())
            .col(ColumnDef::new("pointer").text().not_null())
            .col(ColumnDef::new("code").text().not_null())
            .col(ColumnDef::new("detail").text().not_null())
            .primary_key(Index::create().col("import_id").col("number"))
            .to_owned();
        manager.create_table(refusals).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        drop_table(manager, "import_refusals").await?;
        drop_table(manager, "imports").await
    }
}
