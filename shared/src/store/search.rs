//! Search by words in SQL: the conditions, the order in which a page is looked for, and the words of contacts that have none.
//!
//! How many contacts have a word nobody knows beforehand, the database's planner least of all: it takes a beginning of a
//! word for as rare as any other. So no page is left to its guess. First a bounded stretch of the sort order is read and
//! looked through, which finds what is common; only if that does not fill the page, the index of words gives all that
//! there is, to be sorted. Common or rare, neither reads much.

use sea_orm::{
    ColumnTrait, ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, EntityTrait, ExprTrait,
    FromQueryResult, QueryFilter, QueryOrder, QuerySelect, Statement, TransactionTrait,
    sea_query::{BinOper, Condition, Expr, Func, SelectStatement},
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError, begin,
    contacts::{self, ContactFilter, Sequence, SortBy},
    entities::contacts::{Column, Entity},
};
use crate::domain::{SearchQuery, Term, words};

/// Rows of the sort order that are read before the index of words is asked. What every two-hundredth contact has is
/// found among them; of what is rarer the index gives few.
pub const STRETCH_ROWS: u64 = 5_000;

/// Contacts that are given their words in one transaction.
const FILLED_AT_ONCE_ROWS: u64 = 1_000;
/// A line in the log after so many.
const PROGRESS_EVERY_ROWS: u64 = 50_000;

impl Store {
    /// Gives words to contacts that have none, since a program wrote them that knows of no words; says how many.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn mend_words(&self) -> Result<u64, StoreError> {
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            Ok(fill(&self.write).await?)
        })
        .await
    }
}

/// How a page is looked for: the first statement that fills it has it, else the last one.
pub(super) fn page(
    filter: &ContactFilter,
    query: &SearchQuery,
    sequence: &Sequence<'_>,
    limit: u64,
    sql: DbBackend,
) -> [SelectStatement; 2] {
    let bounds = match filter.updated_since {
        Some(since) => Condition::all().add(Column::UpdatedAt.gte(since)),
        // The indexes of the other filters are in the order of creation: there the stretch goes through theirs alone.
        None if sequence.sort == SortBy::CreatedAt => contacts::matching(filter, None, sql),
        None => contacts::matching(&ContactFilter::default(), None, sql),
    };
    let stretch = sequence.first(contacts::rows().cond_where(bounds).take(), STRETCH_ROWS);
    let among_these = contacts::rows_of(stretch)
        .cond_where(contacts::matching(filter, Some(seen(query, sql)), sql))
        .take();
    // The limit within, which is none, keeps the planner from walking through the sort order again.
    let all = contacts::rows()
        .cond_where(contacts::matching(filter, Some(indexed(query, sql)), sql))
        .cond_where(sequence.start())
        .limit(i64::MAX.unsigned_abs())
        .take();
    [among_these, contacts::rows_of(all)].map(|rows| sequence.in_order(rows, limit))
}

/// Whether a row's words match, by reading them.
pub(super) fn seen(query: &SearchQuery, sql: DbBackend) -> Expr {
    let place = match sql {
        DbBackend::Postgres => "strpos",
        _ => "instr",
    };
    let has = |beginning: &String| {
        let place = Func::cust(place).arg(Expr::cust("' ' || words"));
        Expr::from(place.arg(format!(" {beginning}"))).gt(0)
    };
    let list = |list: &Vec<String>| list.iter().map(has).fold(Condition::all(), Condition::add);
    let term = |term: &Term| {
        term.any_of()
            .iter()
            .map(list)
            .fold(Condition::any(), Condition::add)
    };
    query
        .terms()
        .iter()
        .map(term)
        .fold(Condition::all(), Condition::add)
        .into()
}

/// Whether a row's words match, by the index. What is bound holds nothing that was typed but letters and digits.
fn indexed(query: &SearchQuery, sql: DbBackend) -> Expr {
    match sql {
        DbBackend::Postgres => Expr::cust("array_to_tsvector(string_to_array(words, ' '))").binary(
            BinOper::Custom("@@"),
            Expr::val(text(query, |beginning| format!("'{beginning}':*"), " & ", " | ")).cast_as("tsquery"),
        ),
        _ => Expr::cust_with_values(
            "contacts.id IN (SELECT contact FROM contact_rows WHERE row IN \
             (SELECT rowid FROM contact_words WHERE contact_words MATCH ?))",
            [text(
                query,
                |beginning| format!("\"{beginning}\"*"),
                " AND ",
                " OR ",
            )],
        ),
    }
}

fn text(query: &SearchQuery, beginning: impl Fn(&String) -> String, and: &str, or: &str) -> String {
    let list = |list: &Vec<String>| list.iter().map(&beginning).collect::<Vec<_>>().join(and);
    let term = |term: &Term| {
        let lists: Vec<_> = term
            .any_of()
            .iter()
            .map(|one| format!("({})", list(one)))
            .collect();
        format!("({})", lists.join(or))
    };
    query.terms().iter().map(term).collect::<Vec<_>>().join(and)
}

/// What words are made of.
#[derive(FromQueryResult)]
struct Wordless {
    id: Uuid,
    name: Option<String>,
    phone: Option<String>,
    email: Option<String>,
}

/// Gives words to the born contacts that have none, a batch a transaction, in the order of their ids.
pub(super) async fn fill(
    sql: &(impl ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>),
) -> Result<u64, DbErr> {
    let (mut last, mut filled) = (Uuid::nil(), 0);
    loop {
        let batch = fill_batch(sql, last).await?;
        let Some(end) = batch.last() else {
            return Ok(filled);
        };
        last = end.id;
        let before = filled / PROGRESS_EVERY_ROWS;
        filled += batch.len() as u64;
        if filled / PROGRESS_EVERY_ROWS > before {
            tracing::info!(contacts.count = filled, "contacts have been given their words");
        }
    }
}

async fn fill_batch(
    sql: &(impl ConnectionTrait + TransactionTrait<Transaction = DatabaseTransaction>),
    after: Uuid,
) -> Result<Vec<Wordless>, DbErr> {
    let sql = begin(sql).await?;
    let rows = Entity::find()
        .select_only()
        .columns([Column::Id, Column::Name, Column::Phone, Column::Email])
        .filter(Expr::cust("life = 'born' AND words IS NULL"))
        .filter(Column::Id.gt(after))
        .order_by_asc(Column::Id)
        .limit(FILLED_AT_ONCE_ROWS)
        .lock_exclusive()
        .into_model::<Wordless>()
        .all(&sql)
        .await?;
    write(&sql, &rows).await?;
    sql.commit().await?;
    Ok(rows)
}

async fn write(sql: &DatabaseTransaction, rows: &[Wordless]) -> Result<(), DbErr> {
    let texts = rows.iter().map(Wordless::words).collect::<Result<Vec<_>, _>>()?;
    if sql.get_database_backend() == DbBackend::Postgres {
        let ids: Vec<Uuid> = rows.iter().map(|row| row.id).collect();
        let update = Statement::from_sql_and_values(
            DbBackend::Postgres,
            "UPDATE contacts SET words = filled.words \
             FROM (SELECT unnest($1) AS id, unnest($2) AS words) AS filled WHERE contacts.id = filled.id",
            [ids.into(), texts.into()],
        );
        return sql.execute_raw(update).await.map(drop);
    }
    for (row, text) in rows.iter().zip(texts) {
        Entity::update_many()
            .col_expr(Column::Words, Expr::val(text))
            .filter(Column::Id.eq(row.id))
            .exec(sql)
            .await?;
    }
    Ok(())
}

impl Wordless {
    fn words(&self) -> Result<String, DbErr> {
        let (name, phone, email) =
            contacts::fields(self.name.clone(), self.phone.clone(), self.email.clone())?;
        Ok(words(name.as_ref(), phone.as_ref(), email.as_ref()))
    }
}
