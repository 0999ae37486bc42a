//! The binary of producer-api.

use std::process::ExitCode;

use clap::Parser;
use shared::role::{CommonArguments, Parts, run_until_stopped, stop_at_signal};

/// Takes writes of contacts as HTTP requests and hands them on as commands; answers reads.
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
        .checks_health(|settings| [settings.producer_api.management])
        .await?
    {
        return Ok(());
    }
    let Some(settings) = common.start()? else {
        return Ok(());
    };
    let stop = stop_at_signal()?;
    let parts = Parts::connect(&settings, "producer-api").await?;
    let service = producer_api::build(&settings, parts.clone()).await?;
    tracing::info!(address = %service.address(), management.address = %service.management_address(), "producer-api runs");
    run_until_stopped(service.run(stop.clone()), stop, &settings.shutdown).await?;
    parts.close().await;
    Ok(())
}
