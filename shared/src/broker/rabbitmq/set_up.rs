//! Declaring as the one who is to: everything that is missing, and a word about each.
//!
//! Unlike [`topology::declare`](super::topology::declare), by which services look for what they need, it does not put up with a
//! user who may not declare.

use lapin::Connection;

use super::{
    super::BrokerError,
    CONNECT_MAX, RabbitMqOptions, close_gently, connect,
    supervisor::within,
    topology::{self, Asking, Names, QueueSpec, is_missing, topology_error},
};
use crate::intent::Intent;

/// The exchange, or a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declared {
    /// What it is called on the broker.
    pub name: String,
    /// What it is.
    pub kind: Kind,
    /// Whether it was there, exactly as it has to be.
    pub was_there: bool,
}

/// What was declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The one exchange.
    Exchange,
    /// One of the queues.
    Queue,
}

/// Declares the exchange, the queues and their bindings, as the user of the URL.
///
/// # Errors
/// [`BrokerError::Topology`] if something is there with other arguments, or this user may not declare; [`BrokerError::Lost`].
pub async fn set_up(options: &RabbitMqOptions, intent: Intent) -> Result<Vec<Declared>, BrokerError> {
    let connection = connect(options, "setup").await?;
    let declared = within(CONNECT_MAX, declare_all(&connection, options, intent)).await;
    close_gently(connection).await;
    declared
}

async fn declare_all(
    connection: &Connection,
    options: &RabbitMqOptions,
    intent: Intent,
) -> Result<Vec<Declared>, BrokerError> {
    let names = Names::new(&options.prefix);
    let mut declared = vec![Declared {
        name: names.exchange().to_string(),
        kind: Kind::Exchange,
        was_there: exchange(connection, &names, intent)
            .await
            .map_err(topology_error)?,
    }];
    for spec in topology::queues(&options.queues) {
        declared.push(Declared {
            name: names.queue(spec.queue).to_string(),
            kind: Kind::Queue,
            was_there: queue(connection, &names, &spec, intent)
                .await
                .map_err(topology_error)?,
        });
    }
    Ok(declared)
}

async fn exchange(connection: &Connection, names: &Names, intent: Intent) -> lapin::Result<bool> {
    let was_there = found(topology::ask_for_exchange(connection, names, Asking::Look).await)?;
    if let Some(asking) = next(was_there, intent) {
        topology::ask_for_exchange(connection, names, asking).await?;
    }
    Ok(was_there)
}

async fn queue(
    connection: &Connection,
    names: &Names,
    spec: &QueueSpec,
    intent: Intent,
) -> lapin::Result<bool> {
    let was_there = found(topology::ask_for_queue(connection, names, spec, Asking::Look).await)?;
    if let Some(asking) = next(was_there, intent) {
        topology::ask_for_queue(connection, names, spec, asking).await?;
    }
    Ok(was_there)
}

/// What is asked once it is known whether it is there. To compare what is there changes nothing.
fn next(was_there: bool, intent: Intent) -> Option<Asking> {
    match intent {
        Intent::Change => Some(Asking::Declare),
        Intent::Look => was_there.then_some(Asking::Compare),
    }
}

fn found(looked: lapin::Result<()>) -> lapin::Result<bool> {
    match looked {
        Ok(()) => Ok(true),
        Err(error) if is_missing(&error) => Ok(false),
        Err(error) => Err(error),
    }
}
