//! Measures contato against what carries it: the broker's and the database's own rates on the same machine, in the same
//! run. `loadtest/bench` starts the servers, builds the services and calls this.

use std::{num::NonZeroUsize, path::PathBuf};

use clap::{Parser, ValueEnum};

mod dead;
mod drain;
mod http;
mod import;
mod ladder;
mod raw;
mod reads;
mod report;
mod sample;
mod sql;
mod stack;

use report::Report;
use stack::Servers;

/// Measures contato's rates beside those of the broker and the database alone.
#[derive(Debug, Parser)]
struct Arguments {
    /// The folder of the release binaries.
    #[arg(long)]
    binaries: PathBuf,
    /// The folder of pgbench, psql and pg_dump.
    #[arg(long)]
    postgres: PathBuf,
    /// How often each measurement is repeated.
    #[arg(long, default_value = "3")]
    repetitions: NonZeroUsize,
    /// Commands of the raw and of the HTTP measurement.
    #[arg(long, default_value = "50000")]
    commands: usize,
    /// Clients at once, of the HTTP measurement.
    #[arg(long, value_delimiter = ',', default_value = "64,256")]
    connections: Vec<usize>,
    /// Creates that wait in the queue before the worker starts.
    #[arg(long, default_value = "100000")]
    queued: usize,
    /// Dead letters that wait before dlq-function starts.
    #[arg(long, default_value = "5000")]
    dead: usize,
    /// Rows of the file that is imported.
    #[arg(long, default_value = "1000000")]
    rows: usize,
    /// Seconds of each measurement of reads, and of each rate of the open loop.
    #[arg(long, default_value = "10")]
    seconds: u64,
    /// Only these measurements; all unless said.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Where the results go as JSON, besides the screen.
    #[arg(long)]
    json: Option<PathBuf>,
}

/// A measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// (a) confirmed publish and consume through the client library alone.
    Raw,
    /// (b) accepted to applied through HTTP.
    Http,
    /// (c) draining a queue of creates, and (d) the database alone with the same rows.
    Drain,
    /// (e) reads of one contact, and pgbench.
    Reads,
    /// (f) storing dead letters.
    Dead,
    /// (g) importing a file.
    Import,
    /// (h) creates at a constant rate, more and more of them until it is too much.
    Ladder,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let servers = Servers::from_environment(&arguments.binaries, &arguments.postgres)?;
    let wanted = |part| arguments.only.is_empty() || arguments.only.contains(&part);
    let mut report = Report::default();
    // The measurements take turns, so that a slow minute of the machine strikes all alike.
    for repetition in 1..=arguments.repetitions.get() {
        println!("repetition {repetition} of {}", arguments.repetitions);
        if wanted(Part::Raw) {
            raw::measure(&servers, arguments.commands, &mut report).await?;
        }
        if wanted(Part::Http) {
            http::measure(&servers, &arguments.connections, arguments.commands, &mut report).await?;
        }
        if wanted(Part::Drain) {
            drain::measure(&servers, arguments.queued, &mut report).await?;
        }
        if wanted(Part::Reads) {
            reads::measure(&servers, arguments.seconds, &mut report).await?;
        }
        if wanted(Part::Dead) {
            dead::measure(&servers, arguments.dead, &mut report).await?;
        }
        if wanted(Part::Import) {
            import::measure(&servers, arguments.rows, &mut report).await?;
        }
        if wanted(Part::Ladder) {
            ladder::measure(&servers, arguments.seconds, &mut report).await?;
        }
    }
    print!("{report}");
    if let Some(path) = arguments.json {
        std::fs::write(path, serde_json::to_vec_pretty(&report.to_json())?)?;
    }
    Ok(())
}
