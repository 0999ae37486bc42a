//! One row per contact, unborn ones and tombstones included.

use sea_orm::entity::prelude::*;

/// A contact as SQL keeps it.
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "contacts")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: Uuid,
    pub life: String,
    pub created_by: Option<Uuid>,
    pub name: Option<String>,
    pub name_key: Option<String>,
    pub name_stamp: Option<i64>,
    pub name_command: Option<Uuid>,
    pub phone: Option<String>,
    pub phone_stamp: Option<i64>,
    pub phone_command: Option<Uuid>,
    pub area_code: Option<String>,
    pub state: Option<String>,
    pub email: Option<String>,
    pub email_stamp: Option<i64>,
    pub email_command: Option<Uuid>,
    pub created_at: Option<DateTimeUtc>,
    pub updated_at: Option<DateTimeUtc>,
    pub deleted_at: Option<DateTimeUtc>,
    pub words: Option<String>,
}

/// None: contacts stand alone.
#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}
