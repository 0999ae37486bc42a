//! One row per dead letter.

use sea_orm::entity::prelude::*;

/// A dead letter as SQL keeps it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "dead_letters")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub identity: Vec<u8>,
    pub command_id: Option<Uuid>,
    pub contact_id: Option<Uuid>,
    pub operation: Option<String>,
    pub reason: String,
    pub detail: String,
    pub fingerprint: String,
    pub attempt: i32,
    pub replay: i32,
    pub failed_at: DateTimeUtc,
    pub received_at: DateTimeUtc,
    pub worker: String,
    pub traceparent: Option<String>,
    pub content_type: String,
    pub body: Option<Vec<u8>>,
    pub body_bytes: i32,
    pub state: String,
    pub state_changed_at: DateTimeUtc,
    pub body_key: Option<String>,
    pub archived_at: Option<DateTimeUtc>,
    pub replaced_by: Option<Uuid>,
}

/// None: a dead letter may be of no known command.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
