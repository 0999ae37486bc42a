//! One row per command that has left the queue: its status for clients, and the inbox of the worker.

use sea_orm::entity::prelude::*;

/// A command as SQL keeps it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "commands")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub contact_id: Uuid,
    pub operation: String,
    pub status: String,
    pub reason: Option<String>,
    pub request_hash: Vec<u8>,
    pub key_hash: Option<Vec<u8>>,
    pub accepted_at: DateTimeUtc,
    pub finished_at: DateTimeUtc,
    pub attempts: i32,
}

/// None: a command may outlive its contact's row and come before it.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
