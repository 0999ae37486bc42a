//! The binary of dlq-function.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use dlq_function::{azure, cli};
use shared::role::{CommonArguments, Parts, run_until_stopped, stop_at_signal};

/// Keeps dead letters, explains them, and replays them on command. Without a command it runs the service.
#[derive(Parser)]
#[command(version, after_help = cli::EXIT_CODES)]
struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve a host of Azure Functions, which starts this, as its custom handler (dlq-function/azure/README.md).
    AzureFunction,
    #[command(flatten)]
    Operator(cli::Command),
}

fn main() -> ExitCode {
    shared::runtime::run(program())
}

async fn program() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    if arguments
        .common
        .checks_health(|settings| [settings.dlq_function.management])
        .await?
    {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(Command::Operator(command)) = &arguments.command
        && let Some(code) = cli::run_alone(command, Arguments::command)?
    {
        return Ok(code);
    }
    let settings = match arguments.command {
        Some(Command::Operator(_)) => arguments.common.start_command()?,
        Some(Command::AzureFunction) | None => arguments.common.start()?,
    };
    let Some(settings) = settings else {
        return Ok(ExitCode::SUCCESS);
    };
    let parts = Parts::connect(&settings, "dlq-function").await?;
    let code = match arguments.command {
        Some(Command::Operator(command)) => cli::run(command, &settings, &parts).await?,
        Some(Command::AzureFunction) => {
            let stop = stop_at_signal()?;
            let serving = azure::run(&settings, parts.clone(), stop.clone());
            run_until_stopped(serving, stop, &settings.shutdown).await?;
            ExitCode::SUCCESS
        }
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
