//! The binary of dlq-function.

use std::process::ExitCode;

use clap::Parser;
use dlq_function::cli;
use shared::role::{CommonArguments, Parts, run_until_stopped, stop_at_signal};

/// Keeps dead letters, explains them, and replays them on command. Without a command it runs the service.
#[derive(Parser)]
#[command(version, after_help = cli::EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
    #[command(subcommand)]
    command: Option<cli::Command>,
}

fn main() -> anyhow::Result<ExitCode> {
    shared::runtime::run(program())
}

async fn program() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let Some(settings) = arguments.common.start()? else {
        return Ok(ExitCode::SUCCESS);
    };
    let parts = Parts::connect(&settings, "dlq-function").await?;
    let code = match arguments.command {
        Some(command) => cli::run(command, &settings, &parts).await?,
        None => {
            let stop = stop_at_signal()?;
            let service = dlq_function::build(&settings, parts.clone()).await?;
            tracing::info!(address = %service.address(), management.address = %service.management_address(), "dlq-function runs");
            run_until_stopped(service.run(stop.clone()), stop, &settings.shutdown).await?;
            ExitCode::SUCCESS
        }
    };
    parts.close().await;
    Ok(code)
}
