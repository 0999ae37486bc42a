//! Keeps the publishing connection: connects, declares, publishes, and on any error starts over.
//!
//! lapin can recover connections itself, but then nobody can tell which confirms belong to which incarnation. Here a
//! connection that had an error is dropped with everything that hung on it.
//!
//! **Invariant:** the link that [`super::RabbitMq`] publishes by is there only while its connection is, declared and
//! in confirm mode.

use std::{sync::Arc, time::Duration};

use futures_util::StreamExt;
use lapin::{Channel, Connection, ConnectionStatus, Event, options::ConfirmSelectOptions};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    super::{BrokerError, Cause, PublishError, Reconnects},
    CONNECT_MAX, RabbitMqOptions, cause, close_gently, connect,
    publisher::{Ended, Job, OUTSTANDING_MAX, Publisher},
    topology::{self, Names, topology_error},
};

const BACKOFF_MIN: Duration = Duration::from_millis(100);
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// The way to the publisher of the connection that is up.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) jobs: mpsc::Sender<Job>,
    pub(super) connection: ConnectionStatus,
}

impl Link {
    /// Whether a message given to it would be sent now, and why not.
    pub(super) fn takes_messages(&self) -> Result<(), PublishError> {
        if !self.connection.connected() {
            Err(PublishError::Unavailable)
        } else if self.connection.blocked() {
            Err(PublishError::Blocked)
        } else {
            Ok(())
        }
    }
}

/// The task behind a [`super::RabbitMq`].
pub(super) struct Supervisor {
    pub(super) options: Arc<RabbitMqOptions>,
    pub(super) names: Names,
    pub(super) link: watch::Sender<Option<Link>>,
    pub(super) reconnects: Reconnects,
    pub(super) closed: CancellationToken,
}

impl Supervisor {
    /// Runs until `closed`.
    pub(super) async fn run(self) {
        let mut backoff = BACKOFF_MIN;
        let mut last_error = None;
        while !self.closed.is_cancelled() {
            let Err((error, was_up)) = self.connect_and_serve().await else {
                break;
            };
            if was_up {
                backoff = BACKOFF_MIN;
                last_error = None;
            }
            // Once per change of state: an outage of an hour is one line, unless its cause changes.
            if last_error.as_ref() != Some(&error) {
                tracing::warn!(%error, "no connection to publish on; trying until there is one");
                last_error = Some(error);
            }
            let wait = backoff.mul_f64(rand::random_range(0.5..=1.0));
            let _ = self.closed.run_until_cancelled(tokio::time::sleep(wait)).await;
            backoff = BACKOFF_MAX.min(backoff * 2);
        }
    }

    /// `Ok` is closed; an error comes with whether there was a link before it.
    async fn connect_and_serve(&self) -> Result<(), (BrokerError, bool)> {
        let connection = match self
            .closed
            .run_until_cancelled(connect(&self.options, "publisher"))
            .await
        {
            None => return Ok(()),
            Some(connection) => connection.map_err(|error| (error, false))?,
        };
        let served = self.closed.run_until_cancelled(self.serve(&connection)).await;
        let was_up = self.link.send_replace(None).is_some();
        close_gently(connection).await;
        match served {
            None => Ok(()),
            Some((cause, error)) => {
                if was_up {
                    self.reconnects.count(cause);
                }
                Err((error, was_up))
            }
        }
    }

    /// Publishes until something is lost: says what, and why.
    async fn serve(&self, connection: &Connection) -> (Cause, BrokerError) {
        let events = connection.events_listener();
        let channel = match within(CONNECT_MAX, self.prepare(connection)).await {
            Ok(channel) => channel,
            Err(error) => return (Cause::Channel, error),
        };
        let (jobs, jobs_waiting) = mpsc::channel(OUTSTANDING_MAX);
        let (unroutable, unroutable_seen) = mpsc::channel(1);
        let publisher = Publisher::new(
            channel,
            self.names.clone(),
            jobs_waiting,
            connection.status().clone(),
            unroutable,
        );
        self.link.send_replace(Some(Link {
            jobs,
            connection: connection.status().clone(),
        }));
        tracing::info!("connected to publish");
        tokio::select! {
            // First: it knows what a connection was lost by, of which the others see only that it is lost.
            biased;
            lost = watch_events(connection, events) => lost,
            ended = publisher.run() => {
                let cause = if connection.status().connected() { Cause::Channel } else { Cause::Io };
                let why = match ended {
                    Ended::NotNeeded => "nobody publishes any more".to_owned(),
                    Ended::Broken(why) => why,
                };
                (cause, BrokerError::Lost(why))
            }
            error = self.mend(connection, unroutable_seen) => (Cause::Channel, error),
        }
    }

    async fn prepare(&self, connection: &Connection) -> Result<Channel, BrokerError> {
        topology::declare(connection, &self.names, &self.options.queues).await?;
        let channel = connection.create_channel().await.map_err(topology_error)?;
        channel
            .confirm_select(ConfirmSelectOptions::default())
            .await
            .map_err(topology_error)?;
        Ok(channel)
    }

    /// Declares again what someone has deleted. Ends with an error only.
    async fn mend(&self, connection: &Connection, mut unroutable: mpsc::Receiver<()>) -> BrokerError {
        while unroutable.recv().await.is_some() {
            tracing::warn!("the broker had no queue for a message; declaring the queues again");
            let declared = topology::declare(connection, &self.names, &self.options.queues);
            if let Err(error) = within(CONNECT_MAX, declared).await {
                return error;
            }
        }
        std::future::pending().await
    }
}

/// Ends when the connection has.
async fn watch_events(
    connection: &Connection,
    events: impl futures_util::Stream<Item = Event>,
) -> (Cause, BrokerError) {
    let mut events = std::pin::pin!(events);
    while let Some(event) = events.next().await {
        match event {
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(reason, "the broker takes no messages until its alarm is over");
            }
            Event::ConnectionUnblocked => tracing::info!("the broker takes messages again"),
            Event::Error(error) if !connection.status().connected() => {
                return (cause(&error), BrokerError::Lost(error.to_string()));
            }
            // Errors of a channel are for those who use it.
            _ => {}
        }
    }
    (Cause::Io, BrokerError::Lost("the connection ended".to_owned()))
}

/// Nothing that asks a broker waits for ever.
pub(super) async fn within<T>(
    limit: Duration,
    asked: impl Future<Output = Result<T, BrokerError>>,
) -> Result<T, BrokerError> {
    tokio::time::timeout(limit, asked)
        .await
        .unwrap_or_else(|_| Err(BrokerError::Lost(format!("no answer within {limit:?}"))))
}
