//! Many rows in one statement, whose text is the same however many they are.
//!
//! PostgreSQL takes a list as one array, and rows as an array for each column: it then parses and plans a short statement
//! that it knows, instead of one with thousands of parameters. SQLite has no arrays, and parses fast.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr,
    EntityTrait, ExprTrait, IntoActiveModel, Iterable, Statement, Value,
    sea_query::{
        Alias, ArrayType, Expr, Func, IntoIden, OnConflict, PostgresQueryBuilder, Query, SelectStatement,
        extension::postgres::PgFunc,
    },
};
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
    E::Model: IntoActiveModel<A>,
    A: ActiveModelTrait<Entity = E>,
{
    if rows.is_empty() {
        return Ok(());
    }
    let rows = rows.into_iter().map(IntoActiveModel::into_active_model);
    if sql.get_database_backend() == DbBackend::Postgres {
        let arrays = arrays::<E, A>(rows);
        let mut insert = Query::insert();
        insert
            .into_table(E::default())
            .columns(E::Column::iter().map(IntoIden::into_iden))
            // Its text does not depend on what is in them, and building it copies what it is given.
            .select_from(rows_of::<E>(arrays.iter().map(Value::as_null)))
            .map_err(|error| DbErr::Custom(error.to_string()))?;
        if let Some(on_conflict) = on_conflict {
            insert.on_conflict(on_conflict);
        }
        let (text, _) = insert.build(PostgresQueryBuilder);
        sql.execute_raw(Statement::from_sql_and_values(DbBackend::Postgres, text, arrays))
            .await
            .map(drop)
    } else {
        let mut insert = E::insert_many(rows);
        if let Some(on_conflict) = on_conflict {
            insert = insert.on_conflict(on_conflict);
        }
        insert.exec_without_returning(sql).await.map(drop)
    }
}

/// Rows, taken apart into an array for each column. Those cannot hold NULL: one more says for each row, a bit for each
/// column, which of its values are none.
fn arrays<E, A>(rows: impl Iterator<Item = A>) -> Vec<Value>
where
    E: EntityTrait<ActiveModel = A>,
    A: ActiveModelTrait<Entity = E>,
{
    let columns: Vec<_> = E::Column::iter().collect();
    let mut arrays = vec![Vec::new(); columns.len()];
    let mut nulls = Vec::new();
    for mut row in rows {
        let mut null = 0_i64;
        for (bit, (column, array)) in columns.iter().zip(&mut arrays).enumerate() {
            let value = row.take(*column).into_value().unwrap_or(Value::String(None));
            if value == value.as_null() {
                null |= 1 << bit;
                array.push(value.dummy_value());
            } else {
                array.push(value);
            }
        }
        nulls.push(null);
    }
    let of = |array: Vec<Value>| {
        let kind = array.first().map_or(ArrayType::String, Value::array_type);
        Value::Array(kind, Some(Box::new(array)))
    };
    arrays.into_iter().map(of).chain([nulls.into()]).collect()
}

/// A query that gives the rows of [`arrays`].
fn rows_of<E: EntityTrait>(arrays: impl Iterator<Item = Value>) -> SelectStatement {
    let names = E::Column::iter().map(IntoIden::into_iden);
    let mut elements = Query::select();
    for (name, array) in names.chain([Alias::new("nulls").into_iden()]).zip(arrays) {
        elements.expr_as(Func::cust("unnest").arg(Expr::val(array)), name);
    }
    let mut rows = Query::select();
    for (bit, column) in E::Column::iter().enumerate() {
        let element = Expr::col(column.into_iden());
        if column.def().is_null() {
            let is_there = Expr::cust(format!("nulls & {} = 0", 1_i64 << bit));
            rows.expr(Expr::case(is_there, element));
        } else {
            rows.expr(element);
        }
    }
    rows.from_subquery(elements, Alias::new("rows"));
    rows
}
