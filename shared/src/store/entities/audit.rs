//! One row per act of an operator. Rows are only ever inserted, and removed past the retention.

use sea_orm::entity::prelude::*;

/// An act as SQL keeps it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "audit")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub at: DateTimeUtc,
    pub principal: String,
    pub action: String,
    pub dead_letter_id: Option<Uuid>,
    pub replay_id: Option<Uuid>,
    pub selection: Option<String>,
    pub count: i32,
    pub before: Option<String>,
    pub after: Option<String>,
}

/// None: the audit outlives what it tells of.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
