//! One row per import of contacts.

use sea_orm::entity::prelude::*;

/// An import as SQL keeps it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "imports")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub principal: String,
    pub format: String,
    pub status: String,
    pub session: Uuid,
    pub confirmed_rows: i32,
    pub confirmed_accepted: i32,
    pub confirmed_refused: i32,
    pub confirmed_faults: i32,
    pub confirmed_digest: Vec<u8>,
    pub announced_rows: i32,
    pub announced_accepted: i32,
    pub announced_refused: i32,
    pub announced_faults: i32,
    pub announced_digest: Vec<u8>,
    pub columns: String,
    pub ignored_columns: i32,
    pub started_at: DateTimeUtc,
    pub updated_at: DateTimeUtc,
    pub finished_at: Option<DateTimeUtc>,
}

/// None: its commands are found by their ids.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
