//! `dlq-function parking`: what even the collector could not store.

use std::num::NonZeroU16;

use clap::Subcommand;
use serde_json::json;
use shared::role::Parts;

use super::{BROKER_PATIENCE, DONE, NOTHING_MATCHED, PARTLY_REFUSED, by, print};
use crate::parking::{LIST_MAX, Parked, list, restore, waiting};

/// What is done to parked messages.
#[derive(Debug, Subcommand)]
pub enum ParkingCommand {
    /// List what parked messages hold: why each died and whose command it is, nothing personal. SQL is not needed.
    List {
        /// At most so many messages.
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u16).range(1..=i64::from(LIST_MAX)))]
        limit: u16,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
    /// Put parked messages back to the dead letters, from where they are stored. SQL has to work for that; what it still
    /// refuses is parked again.
    Restore {
        /// At most so many messages; all that are there without it.
        #[arg(long, value_parser = clap::value_parser!(u64).range(1..))]
        limit: Option<u64>,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        /// Print JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Runs a command.
///
/// # Errors
/// If the broker cannot be used or, to put messages back, SQL.
pub(super) async fn run(command: ParkingCommand, parts: &Parts) -> anyhow::Result<u8> {
    parts.broker_connected(BROKER_PATIENCE).await?;
    match command {
        ParkingCommand::List { limit, json } => show(parts, limit, json).await,
        ParkingCommand::Restore { limit, yes, json } => put_back(parts, limit, yes, json).await,
    }
}

async fn show(parts: &Parts, limit: u16, json: bool) -> anyhow::Result<u8> {
    let limit = NonZeroU16::new(limit).unwrap_or(NonZeroU16::MIN);
    let listed = list(parts.broker.as_ref(), &parts.clock, limit).await?;
    if json {
        print(&json!({ "waiting": listed.waiting, "parked": listed.parked }).to_string());
    } else if listed.waiting == 0 {
        eprintln!("nothing is parked");
    } else {
        print(&table(&listed.parked));
        let shown = listed.parked.last().map_or(0, |last| last.message);
        eprintln!("{shown} of {} messages", listed.waiting);
    }
    Ok(DONE)
}

fn table(parked: &[Parked]) -> String {
    let mut text = format!(
        "{:>7}  {:17}  {:9}  {:>8}  {:>7}  {:>8}  {:36}  {}",
        "MESSAGE", "REASON", "OPERATION", "ATTEMPTS", "REPLAYS", "BYTES", "COMMAND", "DETAIL"
    );
    for one in parked {
        text += &format!(
            "\n{:>7}  {:17}  {:9}  {:>8}  {:>7}  {:>8}  {:36}  {}",
            one.message,
            one.reason,
            one.operation.unwrap_or("-"),
            one.attempt,
            one.replay,
            one.body_bytes,
            one.command_id.as_deref().unwrap_or("-"),
            one.detail
        );
    }
    text
}

async fn put_back(parts: &Parts, limit: Option<u64>, yes: bool, json: bool) -> anyhow::Result<u8> {
    let limit = limit.unwrap_or(u64::MAX);
    let there = waiting(parts.broker.as_ref()).await?.min(limit);
    if there > 0 {
        super::ask(
            &format!("put {there} parked messages back to the dead letters"),
            yes,
        )?;
    }
    // No more than was asked about, whatever is parked meanwhile.
    let done = restore(parts, &by(), there, |restored| {
        if restored % 1000 == 0 {
            eprintln!("{restored} of {there}");
        }
    })
    .await?;
    if json {
        print(&json!({ "waiting": done.waiting, "restored": done.restored }).to_string());
    } else if there > 0 {
        print(&format!("restored {} of {}", done.restored, done.waiting));
    }
    if there == 0 {
        eprintln!("nothing is parked");
        return Ok(NOTHING_MATCHED);
    }
    if done.restored < done.waiting {
        eprintln!("the rest did not come: another process has it in hand, or has put it back");
        return Ok(PARTLY_REFUSED);
    }
    Ok(DONE)
}
