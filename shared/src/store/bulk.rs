//! Many rows in one statement, whose text is the same however many they are.
//!
//! PostgreSQL takes a list as one array and rows as one JSON text: it then parses and plans a short statement that it
//! knows, instead of one with thousands of parameters. SQLite has neither, and parses fast.

use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExprTrait,
    IntoActiveModel, Iterable,
    sea_query::{Alias, Expr, Func, IntoIden, OnConflict, Query, extension::postgres::PgFunc},
};
use serde::{Serialize, Serializer};
use uuid::Uuid;

/// `column IN (ids)`, false for no ids.
pub(super) fn any_of(sql: &impl ConnectionTrait, column: impl ColumnTrait, ids: Vec<Uuid>) -> Condition {
    let is_one = match sql.get_database_backend() {
        DbBackend::Postgres => Expr::col(column.as_column_ref()).eq(PgFunc::any(ids)),
        _ if ids.is_empty() => Expr::val(false),
        _ => column.is_in(ids),
    };
    Condition::all().add(is_one)
}

/// [`any_of`] for columns of bytes.
pub(super) fn any_of_bytes(
    sql: &impl ConnectionTrait,
    column: impl ColumnTrait,
    values: Vec<Vec<u8>>,
) -> Condition {
    let is_one = match sql.get_database_backend() {
        DbBackend::Postgres => Expr::col(column.as_column_ref()).eq(PgFunc::any(values)),
        _ if values.is_empty() => Expr::val(false),
        _ => column.is_in(values),
    };
    Condition::all().add(is_one)
}

/// Inserts rows, if any; `on_conflict` says what becomes of those that are there, which else is an error.
pub(super) async fn insert<E, A>(
    sql: &DatabaseTransaction,
    rows: Vec<E::Model>,
    on_conflict: Option<OnConflict>,
) -> Result<(), DbErr>
where
    E: EntityTrait<ActiveModel = A>,
    E::Model: Serialize + IntoActiveModel<A>,
    A: sea_orm::ActiveModelTrait<Entity = E>,
{
    if rows.is_empty() {
        return Ok(());
    }
    if sql.get_database_backend() != DbBackend::Postgres {
        let mut insert = E::insert_many(rows.into_iter().map(IntoActiveModel::into_active_model));
        if let Some(on_conflict) = on_conflict {
            insert = insert.on_conflict(on_conflict);
        }
        return insert.exec_without_returning(sql).await.map(drop);
    }
    let table = E::default().table_name();
    let rows = serde_json::to_string(&rows).map_err(|error| DbErr::Json(error.to_string()))?;
    let records = Func::cust("json_populate_recordset")
        .arg(Expr::cust(format!("NULL::{table}")))
        .arg(Expr::val(rows).cast_as("json"));
    let columns = || E::Column::iter().map(IntoIden::into_iden);
    let rows = Query::select()
        .columns(columns())
        .from_function(records, Alias::new("rows"))
        .to_owned();
    let mut insert = Query::insert();
    insert.into_table(E::default()).columns(columns());
    insert
        .select_from(rows)
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    if let Some(on_conflict) = on_conflict {
        insert.on_conflict(on_conflict);
    }
    sql.execute(&insert).await.map(drop)
}

/// Bytes as PostgreSQL reads them from text: `\x` and hexadecimal digits.
pub(super) fn bytea<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&Hex(bytes))
}

/// [`bytea`], or `null`.
pub(super) fn optional_bytea<S: Serializer>(
    bytes: &Option<Vec<u8>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match bytes {
        Some(bytes) => bytea(bytes, serializer),
        None => serializer.serialize_none(),
    }
}

struct Hex<'a>(&'a [u8]);

impl std::fmt::Display for Hex<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("\\x")?;
        self.0.iter().try_for_each(|byte| write!(formatter, "{byte:02x}"))
    }
}
