//! Measures search by words: how long a page takes for rare and common words, how the database finds it, and what the index
//! costs the worker. `loadtest/search` starts the servers, builds this and calls it.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;

mod database;
mod pages;
mod people;
mod worker;

use database::Database;

/// Measures search by words on PostgreSQL and SQLite.
#[derive(Debug, Parser)]
struct Arguments {
    /// The PostgreSQL server; each measurement has a database of its own on it.
    #[arg(long, env = "CONTATO_TEST_POSTGRES_URL", hide_env_values = true)]
    postgres_url: String,
    /// A folder for SQLite's files, which are removed again; the system's for temporary files unless said.
    #[arg(long)]
    folder: Option<PathBuf>,
    /// Contacts on PostgreSQL.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000")]
    contacts: Vec<usize>,
    /// Contacts on SQLite.
    #[arg(long, value_delimiter = ',', default_value = "1000,100000,1000000")]
    sqlite_contacts: Vec<usize>,
    /// How often each page is read.
    #[arg(long, default_value = "200")]
    repetitions: usize,
    /// Creates that are applied with and without the index; none: 0.
    #[arg(long, default_value = "50000")]
    creates: usize,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    for &contacts in &arguments.contacts {
        let database = Database::postgres(&arguments.postgres_url).await?;
        pages::measure(&database, contacts, arguments.repetitions).await?;
        database.remove().await?;
    }
    for &contacts in &arguments.sqlite_contacts {
        let folder = match &arguments.folder {
            Some(folder) => tempfile::tempdir_in(folder),
            None => tempfile::tempdir(),
        };
        let database = Database::sqlite(folder.context("a folder for SQLite")?).await?;
        pages::measure(&database, contacts, arguments.repetitions).await?;
    }
    if arguments.creates > 0 {
        worker::measure(&arguments.postgres_url, arguments.creates).await?;
    }
    Ok(())
}
