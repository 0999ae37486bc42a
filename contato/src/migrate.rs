//! `contato migrate`: the versions of the schema.

use clap::Subcommand;
use shared::{role::open_store, settings::Settings};

/// What is done to the schema.
#[derive(Clone, Copy, Debug, Subcommand)]
pub(crate) enum Direction {
    /// Apply the versions that are missing.
    Up {
        /// At most so many.
        #[arg(long)]
        steps: Option<u32>,
    },
    /// Take versions back, the newest first, WITH THE DATA IN THEM.
    Down {
        /// So many.
        #[arg(long)]
        steps: u32,
    },
    /// Say which versions the database has.
    Status,
}

pub(crate) async fn migrate(settings: &Settings, direction: Direction) -> anyhow::Result<()> {
    let store = open_store(settings).await?;
    match direction {
        Direction::Up { steps } => store.migrate_up(steps).await?,
        Direction::Down { steps } => store.migrate_down(Some(steps)).await?,
        Direction::Status => {}
    }
    println!("{}", settings.store.url);
    for version in store.schema().await? {
        println!(
            "{}  {}",
            if version.applied { "applied" } else { "missing" },
            version.name
        );
    }
    store.close().await;
    Ok(())
}
