//! An import as it stands in JSON.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    domain::ImportId,
    http::openapi::schema::{TimeText, UuidText, or_null},
    store::{
        commands::StatusCounts,
        imports::{ImportRecord, ImportRefusal, ImportStatus},
    },
    wire::rfc3339,
};
use utoipa::ToSchema;

use crate::{
    openapi::schemas::{
        Columns, CountNumber, FieldText, FirstRefusals, FormatText, HeaderText, ImportStatusText, LineNumber,
        PathText, RefusalText,
    },
    server::IMPORTS,
};

/// How many refusals an import shows; the others are on pages.
pub const FIRST_REFUSALS: u64 = 20;
/// An import that has not gone on for so long has broken off, though nobody was left to say so.
pub const SILENT_MAX: Duration = Duration::from_secs(60);

/// The words for where an import stands.
pub const STATUSES: [&str; 4] = [RECEIVING, INTERRUPTED, APPLYING, FINISHED];
const RECEIVING: &str = "receiving";
const INTERRUPTED: &str = "interrupted";
const APPLYING: &str = "applying";
const FINISHED: &str = "finished";

/// An import of contacts.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Import)]
pub struct ImportView {
    #[schema(value_type = UuidText, inline)]
    id: String,
    #[schema(value_type = ImportStatusText, inline)]
    status: &'static str,
    #[schema(value_type = FormatText, inline)]
    format: &'static str,
    #[schema(value_type = CountNumber, inline)]
    rows: u32,
    #[schema(value_type = CountNumber, inline)]
    accepted: u32,
    #[schema(value_type = CountNumber, inline)]
    refused: u32,
    #[schema(inline)]
    outcomes: OutcomesView,
    #[schema(value_type = Columns, inline)]
    columns: Vec<ColumnView>,
    #[schema(value_type = CountNumber, inline)]
    ignored_columns: u32,
    #[schema(value_type = FirstRefusals, inline)]
    refusals: Vec<RefusalView>,
    #[schema(value_type = TimeText, inline)]
    started_at: String,
    #[schema(value_type = TimeText, inline)]
    updated_at: String,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    finished_at: Option<String>,
    #[schema(inline)]
    links: ImportLinks,
}

/// What became of the commands.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct OutcomesView {
    #[schema(value_type = CountNumber, inline)]
    pending: u64,
    #[schema(value_type = CountNumber, inline)]
    applied: u64,
    #[schema(value_type = CountNumber, inline)]
    superseded: u64,
    #[schema(value_type = CountNumber, inline)]
    rejected: u64,
    #[schema(value_type = CountNumber, inline)]
    dead_lettered: u64,
}

/// A column that became a field.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportColumn)]
pub struct ColumnView {
    #[schema(value_type = HeaderText, inline)]
    header: String,
    #[schema(value_type = FieldText, inline)]
    field: String,
}

/// A fault of a row.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = ImportRefusal)]
pub struct RefusalView {
    #[schema(value_type = LineNumber, inline)]
    line: u64,
    #[schema(value_type = RefusalText, inline)]
    pointer: String,
    #[schema(value_type = RefusalText, inline)]
    code: String,
    #[schema(value_type = RefusalText, inline)]
    detail: String,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
struct ImportLinks {
    #[serde(rename = "self")]
    #[schema(value_type = PathText, inline)]
    import: String,
    #[schema(value_type = PathText, inline)]
    refusals: String,
}

impl ImportView {
    /// An import as it stands at a time.
    pub fn new(
        record: &ImportRecord,
        outcomes: StatusCounts,
        refusals: &[ImportRefusal],
        now: DateTime<Utc>,
    ) -> Self {
        let StatusCounts {
            applied,
            superseded,
            rejected,
            dead_lettered,
        } = outcomes;
        let ended = applied + superseded + rejected + dead_lettered;
        let outcomes = OutcomesView {
            // Commands that may have been published, but are not counted as accepted, end too.
            pending: u64::from(record.confirmed.accepted).saturating_sub(ended),
            applied,
            superseded,
            rejected,
            dead_lettered,
        };
        let silent = (now - record.updated_at).to_std().unwrap_or_default();
        let path = import_path(record.id);
        Self {
            id: record.id.to_string(),
            status: match record.status {
                ImportStatus::Receiving if silent <= SILENT_MAX => RECEIVING,
                ImportStatus::Receiving | ImportStatus::Interrupted => INTERRUPTED,
                ImportStatus::Complete if outcomes.pending > 0 => APPLYING,
                ImportStatus::Complete => FINISHED,
            },
            format: record.format.as_str(),
            rows: record.confirmed.rows,
            accepted: record.confirmed.accepted,
            refused: record.confirmed.refused,
            outcomes,
            columns: record.columns.iter().map(column).collect(),
            ignored_columns: record.ignored_columns,
            refusals: refusals.iter().map(RefusalView::from).collect(),
            started_at: rfc3339(record.started_at),
            updated_at: rfc3339(record.updated_at),
            finished_at: record.finished_at.map(rfc3339),
            links: ImportLinks {
                refusals: format!("{path}/refusals"),
                import: path,
            },
        }
    }

    /// Whether there is more to come.
    pub fn goes_on(&self) -> bool {
        matches!(self.status, RECEIVING | APPLYING)
    }
}

fn column((header, field): (&String, &String)) -> ColumnView {
    ColumnView {
        header: header.clone(),
        field: field.clone(),
    }
}

impl From<&ImportRefusal> for RefusalView {
    fn from(refusal: &ImportRefusal) -> Self {
        Self {
            line: refusal.line,
            pointer: refusal.pointer.clone(),
            code: refusal.code.clone(),
            detail: refusal.detail.clone(),
        }
    }
}

/// Where an import is found.
pub fn import_path(id: ImportId) -> String {
    format!("{IMPORTS}/{id}")
}
