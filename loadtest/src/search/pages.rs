//! How long a page of a search takes, and how the database finds it.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use shared::{
    domain::SearchQuery,
    store::contacts::{Contact, ContactFilter, ContactPosition, Direction, SortBy},
};

use crate::{database::Database, people::People};

/// A page as the API reads it: 20, and one more that tells whether there are more.
const LIMIT: u64 = 21;
/// The page behind so many.
const LATER: usize = 5;
/// More than a connection runs before it may stop planning anew.
const EXECUTIONS: usize = 10;

/// What is searched for, and in which order.
const CASES: [(&str, &str, SortBy); 11] = [
    ("rare word", "batel", SortBy::CreatedAt),
    ("less common word", "wanderley", SortBy::CreatedAt),
    ("common word", "silva", SortBy::CreatedAt),
    ("one letter", "a", SortBy::CreatedAt),
    ("two words", "maria silva", SortBy::CreatedAt),
    (
        "phone, area code and five digits",
        "(11) 98765",
        SortBy::CreatedAt,
    ),
    ("e-mail", "ana.souza12@", SortBy::CreatedAt),
    ("nobody", "xyzzy", SortBy::CreatedAt),
    ("common word by name", "silva", SortBy::Name),
    ("one letter at the end of the names", "w", SortBy::Name),
    ("first name at the end of the names", "zacarias", SortBy::Name),
];

pub async fn measure(database: &Database, contacts: usize, repetitions: usize) -> anyhow::Result<()> {
    let backend = if database.is_postgres() {
        "PostgreSQL"
    } else {
        "SQLite"
    };
    let took = database.fill(&mut People::new()?, contacts).await?;
    println!(
        "\n## {backend}, {contacts} contacts (applied in {:.1} s)\n",
        took.as_secs_f64()
    );
    if database.is_postgres() {
        // As autovacuum would in a while.
        database.sql.execute_unprepared("VACUUM ANALYZE contacts").await?;
        for line in database.lines(SIZES).await? {
            println!("{line}");
        }
    }
    println!(
        "\n| searched for | q | found | first page, p50 | p99 | later page, p50 | p99 |\n|---|---|---:|---:|---:|---:|---:|"
    );
    for (what, q, sort) in CASES {
        row(database, what, q, sort, repetitions).await?;
    }
    for (what, q, sort) in CASES {
        plan(database, what, q, sort).await?;
    }
    Ok(())
}

const SIZES: &str = "SELECT format('%s: %s', relname, pg_size_pretty(pg_relation_size(oid)))
    FROM pg_class WHERE relname IN ('contacts', 'contacts_words', 'contacts_created', 'contacts_name') ORDER BY relname";

async fn row(
    database: &Database,
    what: &str,
    q: &str,
    sort: SortBy,
    repetitions: usize,
) -> anyhow::Result<()> {
    let filter = filter(q)?;
    let mut after = None;
    let first = times(database, &filter, sort, after.as_ref(), repetitions).await?;
    for _ in 0..LATER {
        let page = page(database, &filter, sort, after.as_ref()).await?;
        let Some(last) = page.last().filter(|_| page.len() as u64 == LIMIT) else {
            break;
        };
        after = Some(ContactPosition {
            key: last.sort_key(sort),
            id: last.state.id,
        });
    }
    let later = match &after {
        Some(after) => Some(times(database, &filter, sort, Some(after), repetitions).await?),
        None => None,
    };
    let ms = |times: Option<&Histogram<u64>>, quantile| match times {
        Some(times) => format!("{:.1} ms", times.value_at_quantile(quantile) as f64 / 1000.0),
        None => "-".to_owned(),
    };
    println!(
        "| {what} | `{q}` | {} | {} | {} | {} | {} |",
        count(database, &filter).await?,
        ms(Some(&first), 0.5),
        ms(Some(&first), 0.99),
        ms(later.as_ref(), 0.5),
        ms(later.as_ref(), 0.99)
    );
    Ok(())
}

fn filter(q: &str) -> anyhow::Result<ContactFilter> {
    Ok(ContactFilter {
        words: Some(SearchQuery::parse(q)?),
        ..ContactFilter::default()
    })
}

fn direction(sort: SortBy) -> Direction {
    match sort {
        SortBy::Name => Direction::Ascending,
        SortBy::CreatedAt | SortBy::UpdatedAt => Direction::Descending,
    }
}

async fn page(
    database: &Database,
    filter: &ContactFilter,
    sort: SortBy,
    after: Option<&ContactPosition>,
) -> anyhow::Result<Vec<Contact>> {
    Ok(database
        .store
        .contacts_page(filter, sort, direction(sort), after, LIMIT)
        .await?)
}

async fn times(
    database: &Database,
    filter: &ContactFilter,
    sort: SortBy,
    after: Option<&ContactPosition>,
    repetitions: usize,
) -> anyhow::Result<Histogram<u64>> {
    let mut times = Histogram::new(3)?;
    for _ in 0..repetitions {
        let since = Instant::now();
        page(database, filter, sort, after).await?;
        times.record(u64::try_from(since.elapsed().as_micros())?)?;
    }
    Ok(times)
}

/// How many there are in all, told by pages as large as there may be.
async fn count(database: &Database, filter: &ContactFilter) -> anyhow::Result<usize> {
    let all = database
        .store
        .contacts_page(
            filter,
            SortBy::CreatedAt,
            Direction::Descending,
            None,
            u64::from(u32::MAX),
        )
        .await?;
    Ok(all.len())
}

/// The statements of a first page, how they run, and how long.
async fn plan(database: &Database, what: &str, q: &str, sort: SortBy) -> anyhow::Result<()> {
    println!("\n### {what}: `{q}`\n\n```");
    let statements = database
        .store
        .page_statements(&filter(q)?, sort, direction(sort), None, LIMIT);
    for (number, statement) in statements.into_iter().enumerate() {
        if database.is_postgres() {
            postgres_plan(database, number, &statement).await?;
        } else {
            let explained = format!("EXPLAIN QUERY PLAN {statement}");
            println!("{}", database.lines(&explained).await?.join("\n"));
        }
        let since = Instant::now();
        let rows = database.sql.query_all_raw(statement).await?.len();
        println!("-- {rows} rows after {:.1} ms", ms(since.elapsed()));
        if rows as u64 == LIMIT {
            break;
        }
    }
    println!("```");
    Ok(())
}

fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

/// Runs a prepared statement so often that the server may keep its plan, then asks for that.
async fn postgres_plan(database: &Database, number: usize, statement: &Statement) -> anyhow::Result<()> {
    let values: Vec<String> = statement
        .values
        .iter()
        .flat_map(|values| &values.0)
        .map(|value| Statement::from_sql_and_values(DbBackend::Postgres, "$1", [value.clone()]).to_string())
        .collect();
    let values = values.join(", ");
    let sql = &database.sql;
    sql.execute_unprepared(&format!("PREPARE page{number} AS {}", statement.sql))
        .await?;
    for _ in 0..EXECUTIONS {
        sql.execute_unprepared(&format!("EXECUTE page{number}({values})"))
            .await?;
    }
    let explained = format!("EXPLAIN (ANALYZE, BUFFERS) EXECUTE page{number}({values})");
    println!("{}", database.lines(&explained).await?.join("\n"));
    let plans = format!(
        "SELECT format('-- planned anew %s times, kept plan used %s times', custom_plans, generic_plans)
         FROM pg_prepared_statements WHERE name = 'page{number}'"
    );
    println!("{}", database.lines(&plans).await?.join("\n"));
    Ok(sql
        .execute_unprepared(&format!("DEALLOCATE page{number}"))
        .await
        .map(drop)?)
}
