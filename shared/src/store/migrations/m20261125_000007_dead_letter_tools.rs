//! What operators do with dead letters: archiving, correcting, replaying many, and the record of all that.
//!
//! `dead_letters` gains
//! * `body_key`: the id of the key that its body is encrypted with (AES-256-GCM); null where an older version stored it plainly.
//! * `archived_at`: put aside since then. An archived dead letter stays `open`, so that an older program still closes it.
//! * `replaced_by`: the corrected dead letter that was sent in its place. A replaced one is stored as `discarded`, so that an
//!   older program does not send it.
//!
//! `replays`: dead letters that are sent again together. `replay_items`: which, frozen when it began, oldest first.
//! * `request`: what was asked for, as JSON without personal data. `rate`: messages a second at most. `brake`: the share of
//!   failures in percent beyond which it stops; 0 never. `truncated`: whether more matched than a replay may have.
//! * `state`: `running`, `stopped` (by a person), `braked` (too many failed again), `finished`.
//! * `lease_owner`, `lease_until`: the process that works on it. When the lease has run out another goes on.
//! * an item's `state`: `waiting`, `sent`, `applied`, `superseded`, `rejected`, `deadAgain`, `refused` (with `refusal`),
//!   `unknown` (sent, and its outcome can no longer be told). `identity`: what a dead letter would have if it failed again,
//!   written before the item is sent; `command_id`: the command whose outcome is the item's, likewise.
//!
//! `audit`: who did what, append-only: a trigger refuses every change, and every removal before the shortest retention. On
//! PostgreSQL `forget_audit` removes what is older with its owner's rights, so that a role that may only INSERT can ask for it.
//!
//! Indexes: `dead_letters_groups` has all that groups count, so that they are counted without reading a row. With
//! `dead_letters_keys` what is kept under another key than the present one is found, however many there are.

use sea_orm_migration::prelude::*;

use super::{create_index, drop_table};

#[derive(DeriveMigrationName)]
pub struct Migration;

/// Nothing younger leaves the audit, whoever asks.
pub const AUDIT_KEPT_DAYS: u32 = 30;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let columns = [
            ColumnDef::new("body_key").string_len(32).take(),
            ColumnDef::new("archived_at").timestamp_with_time_zone().take(),
            ColumnDef::new("replaced_by").uuid().take(),
        ];
        for column in columns {
            let add = Table::alter().table("dead_letters").add_column(column).to_owned();
            manager.alter_table(add).await?;
        }
        create_index(
            manager,
            "dead_letters_groups",
            "dead_letters (fingerprint, state, received_at, archived_at, replaced_by)",
            None,
        )
        .await?;
        create_index(
            manager,
            "dead_letters_keys",
            "dead_letters (body_key)",
            Some("body IS NOT NULL"),
        )
        .await?;
        create_index(
            manager,
            "dead_letters_replaced",
            "dead_letters (replaced_by)",
            Some("replaced_by IS NOT NULL"),
        )
        .await?;
        replays(manager).await?;
        audit(manager).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        if manager.get_database_backend() == sea_orm::DbBackend::Postgres {
            let sql = "DROP FUNCTION forget_audit(timestamptz, integer); DROP TRIGGER audit_append_only ON audit; \
                       DROP TRIGGER audit_not_emptied ON audit; DROP FUNCTION audit_append_only()";
            manager.get_connection().execute_unprepared(sql).await?;
        }
        for table in ["audit", "replay_items", "replays"] {
            drop_table(manager, table).await?;
        }
        for index in [
            "dead_letters_groups",
            "dead_letters_keys",
            "dead_letters_replaced",
        ] {
            let drop = format!("DROP INDEX {index}");
            manager.get_connection().execute_unprepared(&drop).await?;
        }
        for column in ["replaced_by", "archived_at", "body_key"] {
            let drop = Table::alter()
                .table("dead_letters")
                .drop_column(column)
                .to_owned();
            manager.alter_table(drop).await?;
        }
        Ok(())
    }
}

async fn replays(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("replays")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("principal").text().not_null())
        .col(ColumnDef::new("request").text().not_null())
        .col(ColumnDef::new("rate").integer().not_null())
        .col(ColumnDef::new("brake").integer().not_null())
        .col(ColumnDef::new("total").integer().not_null())
        .col(ColumnDef::new("truncated").boolean().not_null())
        .col(ColumnDef::new("state").string_len(16).not_null())
        .col(ColumnDef::new("created_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("updated_at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("finished_at").timestamp_with_time_zone())
        .col(ColumnDef::new("lease_owner").uuid())
        .col(ColumnDef::new("lease_until").timestamp_with_time_zone())
        .check(Expr::cust(
            "state IN ('running', 'stopped', 'braked', 'finished')",
        ))
        .to_owned();
    manager.create_table(table).await?;
    create_index(manager, "replays_created", "replays (created_at, id)", None).await?;
    let running = Some("state = 'running'");
    create_index(manager, "replays_running", "replays (id)", running).await?;

    let table = Table::create()
        .table("replay_items")
        .col(ColumnDef::new("replay_id").uuid().not_null())
        .col(ColumnDef::new("position").integer().not_null())
        .col(ColumnDef::new("dead_letter_id").uuid().not_null())
        .col(ColumnDef::new("command_id").uuid())
        .col(ColumnDef::new("identity").binary_len(32))
        .col(ColumnDef::new("state").string_len(16).not_null())
        .col(ColumnDef::new("refusal").string_len(32))
        .col(ColumnDef::new("sent_at").timestamp_with_time_zone())
        .primary_key(Index::create().col("replay_id").col("position"))
        .to_owned();
    manager.create_table(table).await?;
    create_index(
        manager,
        "replay_items_state",
        "replay_items (replay_id, state, position)",
        None,
    )
    .await?;
    create_index(
        manager,
        "replay_items_dead_letter",
        "replay_items (dead_letter_id)",
        None,
    )
    .await
}

async fn audit(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let table = Table::create()
        .table("audit")
        .col(ColumnDef::new("id").uuid().not_null().primary_key())
        .col(ColumnDef::new("at").timestamp_with_time_zone().not_null())
        .col(ColumnDef::new("principal").text().not_null())
        .col(ColumnDef::new("action").string_len(32).not_null())
        .col(ColumnDef::new("dead_letter_id").uuid())
        .col(ColumnDef::new("replay_id").uuid())
        .col(ColumnDef::new("selection").text())
        .col(ColumnDef::new("count").integer().not_null())
        .col(ColumnDef::new("before").text())
        .col(ColumnDef::new("after").text())
        .to_owned();
    manager.create_table(table).await?;
    create_index(manager, "audit_at", "audit (at, id)", None).await?;
    create_index(
        manager,
        "audit_dead_letter",
        "audit (dead_letter_id, at)",
        Some("dead_letter_id IS NOT NULL"),
    )
    .await?;
    create_index(
        manager,
        "audit_replay",
        "audit (replay_id, at)",
        Some("replay_id IS NOT NULL"),
    )
    .await?;
    let append_only = match manager.get_database_backend() {
        sea_orm::DbBackend::Postgres => format!(
            "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
             BEGIN
               IF TG_OP = 'DELETE' AND OLD.at < now() - interval '{AUDIT_KEPT_DAYS} days' THEN
                 RETURN OLD;
               END IF;
               RAISE EXCEPTION 'the audit is append-only';
             END $$;
             CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON audit
               FOR EACH ROW EXECUTE FUNCTION audit_append_only();
             CREATE TRIGGER audit_not_emptied BEFORE TRUNCATE ON audit
               FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();
             {}",
            forget_audit()
        ),
        _ => format!(
            "CREATE TRIGGER audit_unchanged BEFORE UPDATE ON audit
             BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END;
             CREATE TRIGGER audit_kept BEFORE DELETE ON audit
             WHEN julianday(OLD.at) >= julianday('now', '-{AUDIT_KEPT_DAYS} days')
             BEGIN SELECT RAISE(ABORT, 'the audit is append-only'); END"
        ),
    };
    manager
        .get_connection()
        .execute_unprepared(&append_only)
        .await
        .map(drop)
}

/// A function that removes what is older than a time, so many at most, and says how many; nothing that is younger than it
/// must be. It runs with the rights of who made it, hence looks in this schema alone, for temporary tables last.
fn forget_audit() -> String {
    format!(
        r#"DO $make$ BEGIN EXECUTE format('
           CREATE FUNCTION forget_audit(older_than timestamptz, at_most integer) RETURNS bigint
           LANGUAGE sql SECURITY DEFINER SET search_path = %I, pg_temp AS $$
             WITH gone AS (
               DELETE FROM audit WHERE id IN (
                 SELECT id FROM audit WHERE "at" < least(older_than, now() - interval ''{AUDIT_KEPT_DAYS} days'')
                 ORDER BY "at", id LIMIT at_most)
               RETURNING id)
             SELECT count(*) FROM gone $$', current_schema()); END $make$;
           REVOKE ALL ON FUNCTION forget_audit(timestamptz, integer) FROM PUBLIC"#
    )
}
