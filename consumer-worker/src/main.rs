//! The binary of consumer-worker.

use std::process::ExitCode;

use clap::Parser;
use shared::role::{CommonArguments, Parts, run_until_stopped, stop_at_signal};

/// Applies the commands on the queue `contato` to SQL.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
}

fn main() -> ExitCode {
    shared::runtime::run(program())
}

async fn program() -> anyhow::Result<()> {
    let common = Arguments::parse().common;
    if common
        .checks_health(|settings| [settings.consumer_worker.management])
        .await?
    {
        return Ok(());
    }
    let Some(settings) = common.start()? else {
        return Ok(());
    };
    let stop = stop_at_signal()?;
    let parts = Parts::connect(&settings, "consumer-worker").await?;
    let service = consumer_worker::build(&settings, parts.clone()).await?;
    tracing::info!(management.address = %service.management_address(), "consumer-worker runs");
    run_until_stopped(service.run(stop.clone()), stop, &settings.shutdown).await?;
    parts.close().await;
    Ok(())
}
