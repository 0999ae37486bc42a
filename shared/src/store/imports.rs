//! Imports: how far each has come, and what was refused. What became of its commands stands in `commands`.
//!
//! **Invariant:** a row that may have been published is announced first: whatever breaks off, the same file goes on from
//! there under the same ids. Nothing in here says what stood in a row.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, DatabaseTransaction, EntityTrait, IntoActiveModel, QueryFilter,
    QueryOrder, QuerySelect, UpdateMany,
    sea_query::{Expr, OnConflict},
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError, bulk, corrupt,
    entities::{
        commands, import_refusals,
        imports::{Column, Entity, Model},
    },
    sql_time,
};
use crate::{
    domain::{ImportId, import_commands},
    store::commands::{StatusCounts, status_counts},
};

/// How many refusals of an import are kept; all are counted.
pub const MAX_REFUSALS_KEPT: u32 = 10_000;
/// How many refusals one statement writes.
const REFUSALS_STEP: usize = 1_000;
/// How often opening one is tried while others do the same.
const OPEN_ATTEMPTS: u32 = 5;

/// How the contacts come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImportFormat {
    /// Comma-separated values.
    Csv,
    /// A JSON object a line.
    Ndjson,
    /// vCards.
    VCard,
}

impl ImportFormat {
    /// Every format.
    pub const ALL: [Self; 3] = [Self::Csv, Self::Ndjson, Self::VCard];

    /// The word in SQL and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Ndjson => "ndjson",
            Self::VCard => "vcard",
        }
    }
}

/// Where an import stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ImportStatus {
    /// A request goes on with it.
    Receiving,
    /// It broke off, and goes on when the same file comes again.
    Interrupted,
    /// All of it was read, and the broker has what is good of it.
    Complete,
}

impl ImportStatus {
    const ALL: [Self; 3] = [Self::Receiving, Self::Interrupted, Self::Complete];

    fn as_str(self) -> &'static str {
        match self {
            Self::Receiving => "receiving",
            Self::Interrupted => "interrupted",
            Self::Complete => "complete",
        }
    }
}

/// A place between two rows of a file, and what it took to get there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How many rows were read.
    pub rows: u32,
    /// How many of them were taken.
    pub accepted: u32,
    /// How many were not.
    pub refused: u32,
    /// How many faults those had.
    pub faults: u32,
    /// A hash of all of them.
    pub digest: [u8; 32],
}

impl Progress {
    /// The beginning of a file; `digest` is the hash of no rows.
    pub fn start(digest: [u8; 32]) -> Self {
        Self {
            rows: 0,
            accepted: 0,
            refused: 0,
            faults: 0,
            digest,
        }
    }
}

/// Which fields the columns of a file became: header and field.
pub type ImportColumns = BTreeMap<String, String>;

/// An import that a request begins or goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewImport {
    /// Which import.
    pub id: ImportId,
    /// The request.
    pub session: Uuid,
    /// Who asks.
    pub principal: String,
    /// How the contacts come.
    pub format: ImportFormat,
    /// Which header became which field.
    pub columns: ImportColumns,
    /// How many columns became none.
    pub ignored_columns: u32,
    /// Where it begins.
    pub start: Progress,
}

/// An import as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRecord {
    /// Which import.
    pub id: ImportId,
    /// How the contacts come.
    pub format: ImportFormat,
    /// Where it stands.
    pub status: ImportStatus,
    /// Up to here the broker has everything.
    pub confirmed: Progress,
    /// Up to here it may have; not before `confirmed`.
    pub announced: Progress,
    /// Which header became which field.
    pub columns: ImportColumns,
    /// How many columns became none.
    pub ignored_columns: u32,
    /// When it began.
    pub started_at: DateTime<Utc>,
    /// When it last went on.
    pub updated_at: DateTime<Utc>,
    /// When it was complete.
    pub finished_at: Option<DateTime<Utc>>,
}

/// A fault of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ImportRefusal {
    /// Which fault of the import, from 0.
    pub number: u32,
    /// The line on which the row begins, from 1.
    pub line: u64,
    /// Where in the row: a JSON pointer to the field.
    pub pointer: String,
    /// Which rule is broken.
    pub code: String,
    /// The rule in a sentence.
    pub detail: String,
}

/// Whether a request still has its import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Held {
    /// It has.
    Yes,
    /// A later request has taken it over, or it is forgotten; nothing was written.
    No,
}
impl Store {
    /// Begins an import, or takes it over from whoever had it; one that is complete is only answered.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn open_import(&self, new: &NewImport, now: DateTime<Utc>) -> Result<ImportRecord, StoreError> {
        let now = sql_time(now);
        let mut attempt = 1;
        loop {
            let opened = self.timed(Pool::Write, SqlOperation::Import, async {
                let transaction = self.begin().await?;
                let row = open(&transaction, new, now).await?;
                transaction.commit().await?;
                row.try_into()
            });
            match opened.await {
                Err(StoreError::Conflict(_)) if attempt < OPEN_ATTEMPTS => attempt += 1,
                opened => return opened,
            }
        }
    }

    /// Notes, before anything of it is published, that an import goes on from `confirmed` to `announced`, and what was
    /// refused in between. Announcing the same again changes nothing.
    ///
    /// # Errors
    /// If SQL does not answer; nothing is written then.
    pub async fn announce_import(
        &self,
        id: ImportId,
        session: Uuid,
        confirmed: &Progress,
        announced: &Progress,
        refusals: &[ImportRefusal],
        now: DateTime<Utc>,
    ) -> Result<Held, StoreError> {
        let update = place(held_by(id, session, now), &CONFIRMED, confirmed);
        let update = place(update, &ANNOUNCED, announced);
        self.timed(Pool::Write, SqlOperation::Import, async {
            let transaction = self.begin().await?;
            if update.exec(&transaction).await?.rows_affected == 0 {
                return Ok(Held::No);
            }
            let once = OnConflict::new().do_nothing().to_owned();
            let kept: Vec<_> = refusals
                .iter()
                .filter(|refusal| refusal.number < MAX_REFUSALS_KEPT)
                .map(|refusal| refusal_row(id, refusal))
                .collect();
            for part in kept.chunks(REFUSALS_STEP) {
                bulk::insert::<import_refusals::Entity, _>(&transaction, part.to_vec(), Some(once.clone()))
                    .await?;
            }
            transaction.commit().await?;
            Ok(Held::Yes)
        })
        .await
    }

    /// Notes that all of a file up to `end` is confirmed, and that it ends there.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn complete_import(
        &self,
        id: ImportId,
        session: Uuid,
        end: &Progress,
        now: DateTime<Utc>,
    ) -> Result<Held, StoreError> {
        let update = place(held_by(id, session, now), &CONFIRMED, end);
        let update = place(update, &ANNOUNCED, end)
            .col_expr(Column::Status, Expr::val(ImportStatus::Complete.as_str()))
            .col_expr(Column::FinishedAt, Expr::val(sql_time(now)));
        self.held(update).await
    }

    /// Notes that an import broke off, and up to where it is confirmed.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn interrupt_import(
        &self,
        id: ImportId,
        session: Uuid,
        confirmed: &Progress,
        now: DateTime<Utc>,
    ) -> Result<Held, StoreError> {
        let update = place(held_by(id, session, now), &CONFIRMED, confirmed)
            .col_expr(Column::Status, Expr::val(ImportStatus::Interrupted.as_str()));
        self.held(update).await
    }

    async fn held(&self, update: UpdateMany<Entity>) -> Result<Held, StoreError> {
        let updated = async { Ok(update.exec(&self.write).await?) };
        Ok(
            match self
                .timed(Pool::Write, SqlOperation::Import, updated)
                .await?
                .rows_affected
            {
                0 => Held::No,
                _ => Held::Yes,
            },
        )
    }

    /// One import. Asked of the primary, since its client knows it already.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn import(&self, id: ImportId) -> Result<Option<ImportRecord>, StoreError> {
        let read = async { Ok(Entity::find_by_id(id.as_uuid()).one(&self.write).await?) };
        self.timed(Pool::Write, SqlOperation::Import, read)
            .await?
            .map(ImportRecord::try_from)
            .transpose()
    }

    /// How the commands of an import have ended so far.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn import_outcomes(&self, id: ImportId) -> Result<StatusCounts, StoreError> {
        let (first, last) = import_commands(id).into_inner();
        let of_import = commands::Column::Id.between(first.as_uuid(), last.as_uuid());
        self.timed(Pool::Read, SqlOperation::Import, async {
            status_counts(&self.read, of_import).await
        })
        .await
    }

    /// The next refusals of an import, in the order of its lines, from a number on.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn import_refusals(
        &self,
        id: ImportId,
        from: u32,
        limit: u64,
    ) -> Result<Vec<ImportRefusal>, StoreError> {
        use import_refusals::{Column, Entity};
        let query = Entity::find()
            .filter(Column::ImportId.eq(id.as_uuid()))
            .filter(Column::Number.gte(signed(from)))
            .order_by_asc(Column::Number)
            .limit(limit);
        let rows = self
            .timed(Pool::Write, SqlOperation::Import, async {
                Ok(query.all(&self.write).await?)
            })
            .await?;
        let refusal = |row: import_refusals::Model| ImportRefusal {
            number: unsigned(row.number),
            line: row.line.try_into().unwrap_or_default(),
            pointer: row.pointer,
            code: row.code,
            detail: row.detail,
        };
        Ok(rows.into_iter().map(refusal).collect())
    }

    /// Forgets at most `limit` imports that last went on before a time, with their refusals. Says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn forget_imports(&self, updated_before: DateTime<Utc>, limit: u64) -> Result<u64, StoreError> {
        let oldest = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::UpdatedAt.lt(updated_before))
            .order_by_asc(Column::UpdatedAt)
            .limit(limit)
            .into_tuple::<Uuid>();
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            let transaction = self.begin().await?;
            let ids = oldest.all(&transaction).await?;
            let theirs = bulk::any_of(&transaction, import_refusals::Column::ImportId, ids.clone());
            import_refusals::Entity::delete_many()
                .filter(theirs)
                .exec(&transaction)
                .await?;
            let deleted = Entity::delete_many()
                .filter(bulk::any_of(&transaction, Column::Id, ids))
                .exec(&transaction)
                .await?;
            transaction.commit().await?;
            Ok(deleted.rows_affected)
        })
        .await
    }
}

async fn open(sql: &DatabaseTransaction, new: &NewImport, now: DateTime<Utc>) -> Result<Model, StoreError> {
    let id = new.id.as_uuid();
    let found = Entity::find_by_id(id).lock_exclusive().one(sql).await?;
    let fresh = Model {
        id,
        principal: new.principal.clone(),
        format: new.format.as_str().to_owned(),
        status: ImportStatus::Receiving.as_str().to_owned(),
        session: new.session,
        confirmed_rows: signed(new.start.rows),
        confirmed_accepted: signed(new.start.accepted),
        confirmed_refused: signed(new.start.refused),
        confirmed_faults: signed(new.start.faults),
        confirmed_digest: new.start.digest.to_vec(),
        announced_rows: signed(new.start.rows),
        announced_accepted: signed(new.start.accepted),
        announced_refused: signed(new.start.refused),
        announced_faults: signed(new.start.faults),
        announced_digest: new.start.digest.to_vec(),
        columns: serde_json::to_string(&new.columns).map_err(|_| corrupt("list of columns"))?,
        ignored_columns: signed(new.ignored_columns),
        started_at: found.as_ref().map_or(now, |found| found.started_at),
        updated_at: now,
        finished_at: None,
    };
    let row = match found {
        None => {
            Entity::insert(fresh.clone().into_active_model())
                .exec_without_returning(sql)
                .await?;
            return Ok(fresh);
        }
        Some(complete) if complete.status == ImportStatus::Complete.as_str() => return Ok(complete),
        // Nothing of it is anywhere yet: another file may come under its name.
        Some(empty) if empty.announced_rows == 0 => fresh,
        Some(found) => Model {
            status: fresh.status,
            session: fresh.session,
            updated_at: now,
            ..found
        },
    };
    Entity::update(row.clone().into_active_model().reset_all())
        .exec(sql)
        .await?;
    Ok(row)
}

/// The columns of a place.
struct Place {
    rows: Column,
    accepted: Column,
    refused: Column,
    faults: Column,
    digest: Column,
}

const CONFIRMED: Place = Place {
    rows: Column::ConfirmedRows,
    accepted: Column::ConfirmedAccepted,
    refused: Column::ConfirmedRefused,
    faults: Column::ConfirmedFaults,
    digest: Column::ConfirmedDigest,
};

const ANNOUNCED: Place = Place {
    rows: Column::AnnouncedRows,
    accepted: Column::AnnouncedAccepted,
    refused: Column::AnnouncedRefused,
    faults: Column::AnnouncedFaults,
    digest: Column::AnnouncedDigest,
};

fn place(update: UpdateMany<Entity>, columns: &Place, progress: &Progress) -> UpdateMany<Entity> {
    update
        .col_expr(columns.rows, Expr::val(signed(progress.rows)))
        .col_expr(columns.accepted, Expr::val(signed(progress.accepted)))
        .col_expr(columns.refused, Expr::val(signed(progress.refused)))
        .col_expr(columns.faults, Expr::val(signed(progress.faults)))
        .col_expr(columns.digest, Expr::val(progress.digest.to_vec()))
}

/// A change that only the request that has the import may make.
fn held_by(id: ImportId, session: Uuid, now: DateTime<Utc>) -> UpdateMany<Entity> {
    Entity::update_many()
        .filter(Column::Id.eq(id.as_uuid()))
        .filter(Column::Session.eq(session))
        .filter(Column::Status.eq(ImportStatus::Receiving.as_str()))
        .col_expr(Column::UpdatedAt, Expr::val(sql_time(now)))
}

fn refusal_row(id: ImportId, refusal: &ImportRefusal) -> import_refusals::Model {
    import_refusals::Model {
        import_id: id.as_uuid(),
        number: signed(refusal.number),
        line: refusal.line.try_into().unwrap_or(i64::MAX),
        pointer: refusal.pointer.clone(),
        code: refusal.code.clone(),
        detail: refusal.detail.clone(),
    }
}

fn signed(count: u32) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

fn unsigned(count: i32) -> u32 {
    count.try_into().unwrap_or_default()
}

impl TryFrom<Model> for ImportRecord {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let digest = |bytes: Vec<u8>| bytes.try_into().map_err(|_| corrupt("digest"));
        Ok(Self {
            id: ImportId::from_uuid(row.id),
            format: ImportFormat::ALL
                .into_iter()
                .find(|format| format.as_str() == row.format)
                .ok_or_else(|| corrupt("format"))?,
            status: ImportStatus::ALL
                .into_iter()
                .find(|status| status.as_str() == row.status)
                .ok_or_else(|| corrupt("status"))?,
            confirmed: Progress {
                rows: unsigned(row.confirmed_rows),
                accepted: unsigned(row.confirmed_accepted),
                refused: unsigned(row.confirmed_refused),
                faults: unsigned(row.confirmed_faults),
                digest: digest(row.confirmed_digest)?,
            },
            announced: Progress {
                rows: unsigned(row.announced_rows),
                accepted: unsigned(row.announced_accepted),
                refused: unsigned(row.announced_refused),
                faults: unsigned(row.announced_faults),
                digest: digest(row.announced_digest)?,
            },
            columns: serde_json::from_str(&row.columns).map_err(|_| corrupt("list of columns"))?,
            ignored_columns: unsigned(row.ignored_columns),
            started_at: row.started_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        })
    }
}
