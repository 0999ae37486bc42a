//! contato in one process: the three roles together, and the commands of whoever installs it.
//!
//! Without settings it needs nothing installed: the queue and SQL are embedded, under `./data`.

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use shared::role::CommonArguments;

mod banner;
mod client;
mod doctor;
mod health;
mod key;
mod migrate;
mod openapi;
mod run;
mod setup;

/// Contact management that people trust with writes. Without a command it runs producer-api, consumer-worker and
/// dlq-function in one process.
#[derive(Parser)]
#[command(version)]
struct Arguments {
    #[command(flatten)]
    common: CommonArguments,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Run the three roles in one process (the default).
    Run,
    /// Bring the database's schema up to date, or take versions back.
    Migrate {
        #[command(subcommand)]
        direction: migrate::Direction,
    },
    /// Set up broker and SQL before services start: the schema, the queues, and with --users who may do what there.
    #[command(after_help = setup::HELP)]
    Setup(setup::Arguments),
    /// Look whether settings, broker, SQL, rights and clocks are as the services need them; say what is wrong and how to mend it.
    #[command(after_help = doctor::HELP)]
    Doctor(doctor::Arguments),
    /// Ask every face of a deployment whether it is up: roles, broker, SQL, and what watches them.
    #[command(after_help = health::HELP)]
    Health(Box<health::Arguments>),
    /// Make, list and end API keys.
    Key {
        #[command(subcommand)]
        action: key::Action,
    },
    /// Print the description of an HTTP API (OpenAPI) as JSON.
    Openapi(openapi::Arguments),
    /// Import a file of contacts: CSV, JSON lines or vCard.
    #[command(after_help = client::HELP)]
    Import(client::Import),
    /// Export contacts as CSV, JSON lines or vCard.
    #[command(after_help = client::HELP)]
    Export(client::Export),
    /// Tell what became of a command or of an import.
    #[command(after_help = client::HELP)]
    Status(client::Status),
    /// Create a contact that is nobody's, follow it, read it and delete it, to see whether everything works together.
    #[command(after_help = client::HELP)]
    Smoke(client::Smoke),
    /// Send what people would send, who do not exist: creates, changes, deletes, reads, repeats and mistakes, to see a deployment at work.
    #[command(after_help = client::HELP)]
    Simulate(Box<client::Simulate>),
    /// Print what makes a shell complete these commands.
    Completions {
        /// The shell.
        shell: Shell,
    },
}

fn main() -> ExitCode {
    shared::runtime::run(program())
}

async fn program() -> anyhow::Result<ExitCode> {
    let Arguments { common, command } = Arguments::parse();
    if common.checks_health(run::management).await? {
        return Ok(ExitCode::SUCCESS);
    }
    match command.unwrap_or(Command::Run) {
        // Needs no settings, so that it can be printed wherever the program is built.
        Command::Openapi(arguments) => openapi::print(&arguments),
        // These are a client's, which has no settings either.
        Command::Completions { shell } => return Ok(client::completions(Arguments::command(), shell)),
        Command::Import(arguments) => return Ok(client::import(&arguments).await),
        Command::Export(arguments) => return Ok(client::export(&arguments).await),
        Command::Status(arguments) => return Ok(client::status(&arguments).await),
        Command::Smoke(arguments) => return Ok(client::smoke(&arguments).await),
        Command::Simulate(arguments) => return Ok(client::simulate(&common, &arguments).await),
        Command::Setup(arguments) => return Ok(setup::run(&common, &arguments).await),
        Command::Doctor(arguments) => return Ok(doctor::run(&common, &arguments).await),
        Command::Health(arguments) => return Ok(health::run(&common, &arguments).await),
        Command::Run => {
            if let Some(settings) = common.start()? {
                Box::pin(run::run(&settings)).await?;
            }
        }
        Command::Key { action } => {
            if let Some(settings) = common.start()? {
                key::run(&settings, action)?;
            }
        }
        Command::Migrate { direction } => {
            if let Some(settings) = common.start()? {
                migrate::migrate(&settings, direction).await?;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}
