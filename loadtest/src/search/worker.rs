//! What the index costs the worker: creates through the transaction of a batch, with it and without.

use sea_orm::ConnectionTrait;

use crate::{database::Database, people::People};

/// The index as it is, without its list of pending entries, and none.
const VARIANTS: [(&str, Option<&str>); 3] = [
    ("with the index", None),
    (
        "with the index, without pending entries",
        Some("ALTER INDEX contacts_words SET (fastupdate = off)"),
    ),
    ("without the index", Some("DROP INDEX contacts_words")),
];
/// They take turns, so that a slow minute of the machine strikes all alike.
const ROUNDS: usize = 3;

pub async fn measure(server: &str, creates: usize) -> anyhow::Result<()> {
    println!("\n## {creates} creates, a second\n");
    let mut rates = VARIANTS.map(|_| Vec::new());
    for _ in 0..ROUNDS {
        for ((_, change), rates) in VARIANTS.iter().zip(&mut rates) {
            let database = Database::postgres(server).await?;
            if let Some(change) = change {
                database.sql.execute_unprepared(change).await?;
            }
            let took = database.fill(&mut People::new()?, creates).await?;
            rates.push(creates as f64 / took.as_secs_f64());
            database.remove().await?;
        }
    }
    println!("| | median | smallest | largest |\n|---|---:|---:|---:|");
    for ((what, _), mut rates) in VARIANTS.into_iter().zip(rates) {
        rates.sort_by(f64::total_cmp);
        println!(
            "| {what} | {:.0} | {:.0} | {:.0} |",
            rates[ROUNDS / 2],
            rates[0],
            rates[ROUNDS - 1]
        );
    }
    Ok(())
}
