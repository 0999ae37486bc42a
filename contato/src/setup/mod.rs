//! `contato setup`: what broker and SQL have to have before the services start, and who may do what there.
//!
//! **Invariant:** run again it changes nothing; what it prints and what its errors say never has a password in it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::ensure;
use clap::Args;
use shared::{intent::Intent, role::CommonArguments, settings::Settings};

mod accounts;
mod address;
mod broker_users;
mod database_users;
pub(crate) mod management;
mod queues;
mod schema;

use accounts::Users;

/// What `--help` says at the end.
pub(crate) const HELP: &str = "\
broker.url and store.url are those of whoever may set up: a user that may declare queues, and the owner of the tables.

With --users it also makes the users that services sign in with, in RabbitMQ and PostgreSQL, and gives them their rights:
  DIR/producer-api/broker-url     amqp://USER:PASSWORD@…     DIR/producer-api/store-url     postgres://USER:PASSWORD@…
  DIR/consumer-worker/broker-url                             DIR/consumer-worker/store-url
  DIR/dlq-function/broker-url                                DIR/dlq-function/store-url
  DIR/functions/broker-url        optional: the trigger of a function app
  DIR/keda/host                   optional: http://USER:PASSWORD@…, who asks how long the queue is
Each takes the name and the password that the URL has. They are the very files that the services read.";

/// What is set up.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A folder with the URLs of everybody who is to sign in; see below.
    #[arg(long, value_name = "DIR")]
    users: Option<PathBuf>,
    /// RabbitMQ's management API, for --users: a file with its URL, or the URL: https://ADMINISTRATOR:PASSWORD@HOST:15671. Without a name
    /// in it, that of broker.url.
    #[arg(
        long,
        value_name = "FILE_OR_URL",
        env = "CONTATO_BROKER_MANAGEMENT",
        hide_env_values = true
    )]
    broker_management: Option<String>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Sets up, and says in a line why not.
pub(crate) async fn run(common: &CommonArguments, arguments: &Arguments) -> ExitCode {
    let set_up = async {
        match common.start_command()? {
            Some(settings) => set_up(&settings, arguments).await,
            None => Ok(()),
        }
    };
    match set_up.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn set_up(settings: &Settings, arguments: &Arguments) -> anyhow::Result<()> {
    let intent = if arguments.dry_run {
        Intent::Look
    } else {
        Intent::Change
    };
    // All that can be wrong with files is known before anything is changed.
    let users = match &arguments.users {
        Some(folder) => Some(Users::read(folder, settings)?),
        None => None,
    };
    let management = match &users {
        Some(_) => {
            Some(management::Management::open(settings, arguments.broker_management.as_deref()).await?)
        }
        None => None,
    };
    let complete = schema::set_up(settings, intent).await?;
    queues::set_up(settings, intent).await?;
    if let (Some(users), Some(management)) = (&users, &management) {
        broker_users::set_up(settings, management, users, intent).await?;
        if complete {
            database_users::set_up(settings, users, intent).await?;
        } else {
            say("role", "all", "would be set up after the schema");
        }
    }
    match intent {
        Intent::Change => println!("all is set up"),
        Intent::Look => println!("nothing was changed"),
    }
    Ok(())
}

/// One line of what is printed.
fn say(kind: &str, name: &str, what: &str) {
    println!("{kind:11}  {name:20}  {what}");
}

/// What was done, or would be.
fn done(intent: Intent, done: &'static str, would: &'static str) -> &'static str {
    match intent {
        Intent::Change => done,
        Intent::Look => would,
    }
}

/// Users are those of servers: what is embedded has none.
fn refuse_embedded(settings: &Settings) -> anyhow::Result<()> {
    ensure!(
        settings.embedded_queue().is_none(),
        "--users needs RabbitMQ: broker.url names the embedded queue, which has no users"
    );
    ensure!(
        !settings.store.is_sqlite(),
        "--users needs PostgreSQL: store.url names SQLite, which has no users"
    );
    Ok(())
}
