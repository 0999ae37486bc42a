//! One row per dead letter of a replay, in the order in which they are sent.

use sea_orm::entity::prelude::*;

/// A dead letter's place in a replay as SQL keeps it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "replay_items")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub replay_id: Uuid,
    #[sea_orm(primary_key, auto_increment = false)]
    pub position: i32,
    pub dead_letter_id: Uuid,
    pub command_id: Option<Uuid>,
    pub identity: Option<Vec<u8>>,
    pub state: String,
    pub refusal: Option<String>,
    pub sent_at: Option<DateTimeUtc>,
}

/// None that SQL has to know: a replay outlives its dead letters.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
