//! One row per person who has signed in to the console.

use sea_orm::entity::prelude::*;

/// A session as SQL keeps it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "console_sessions")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub token_hash: Vec<u8>,
    pub principal: String,
    pub scopes: String,
    pub created_at: DateTimeUtc,
    pub seen_at: DateTimeUtc,
}

/// None: the audit names who did something by their principal.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
