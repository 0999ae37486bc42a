//! The broker in production: RabbitMQ 3.10 to 4.x, by AMQP 0-9-1.
//!
//! One connection publishes, kept up by `supervisor`; each consumer has one of its own, and so has whoever asks for
//! depths, since the broker stops reading from a connection that has published while an alarm lasts. What exists on
//! the broker is in `topology`; what became of a message is decided in `publisher`.
//!
//! **Invariant:** nothing received is published. Properties and headers come from a closed list: a foreign `x-death`
//! makes RabbitMQ 3.10 drop a message in a retry tier; `CC`, `BCC` and `expiration` would be obeyed.

use std::{
    fmt,
    io::ErrorKind,
    num::NonZeroU16,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use lapin::{
    Connection, ConnectionProperties,
    tcp::OwnedTLSConfig,
    uri::{AMQPScheme, AMQPUri},
};
use secrecy::{ExposeSecret, SecretString};
use tokio::sync::{Mutex, oneshot, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

use self::{
    consumer::RabbitMqConsumer,
    publisher::Job,
    supervisor::{Link, Supervisor, within},
    topology::{Names, topology_error},
};
use super::{
    Broker, BrokerError, Cause, Consumer, Message, PublishError, Queue, QueueOptions, Reconnects, System,
};
use crate::tls;

mod consumer;
mod examine;
mod publisher;
pub mod rights;
mod set_up;
mod supervisor;
mod topology;

pub use examine::{Examination, QueueFinding, QueueState, Unreachable, examine};
pub use set_up::{Declared, Kind, set_up};

/// The setting behind [`RabbitMqOptions::ca_file`].
pub const CA_FILE: &str = "broker.caFile";

/// The header that carries [`Message::attempt`].
const HEADER_ATTEMPT: &str = "contato-attempt";
/// The header that carries [`Message::replay`].
const HEADER_REPLAY: &str = "contato-replay";
/// The header that carries [`Message::traceparent`](super::Message::traceparent), by the name that W3C's binding for AMQP gives it.
const HEADER_TRACEPARENT: &str = "traceparent";

/// How long connecting, and declaring, may each take.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long the broker may take to answer a question.
const ASK_MAX: Duration = Duration::from_secs(5);
/// How long a connection may take to say goodbye. A blocked one cannot.
const GOODBYE_MAX: Duration = Duration::from_secs(2);
/// How long [`Broker::close`] may take.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// How a connection ends whose other end did not want it.
const HUNG_UP: [ErrorKind; 3] = [
    ErrorKind::ConnectionReset,
    ErrorKind::ConnectionAborted,
    ErrorKind::UnexpectedEof,
];

/// How to reach a RabbitMQ, and what to set up there.
#[derive(Clone, Debug)]
pub struct RabbitMqOptions {
    /// `amqp://` or `amqps://user:password@host:port/vhost`.
    pub url: SecretString,
    /// Authorities (PEM) that are trusted besides the system's. Read for every connection.
    pub ca_file: Option<PathBuf>,
    /// Stands before every name of an exchange or a queue. Empty in production; tests have one each.
    pub prefix: String,
    /// What the broker's list of connections shows.
    pub connection_name: String,
    /// What the queues are set up with.
    pub queues: QueueOptions,
    /// After twice this time without a sign of life a connection is lost; in whole seconds.
    pub heartbeat: Duration,
}

impl RabbitMqOptions {
    /// [`RabbitMqOptions::heartbeat`] unless a setting says otherwise.
    pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(10);

    /// Defaults for everything but the address.
    pub fn new(url: SecretString) -> Self {
        Self {
            url,
            ca_file: None,
            prefix: String::new(),
            connection_name: "contato".to_owned(),
            queues: QueueOptions::default(),
            heartbeat: Self::DEFAULT_HEARTBEAT,
        }
    }
}

/// A RabbitMQ. Dropping it has the effect of [`Broker::close`], without the waiting.
pub struct RabbitMq {
    options: Arc<RabbitMqOptions>,
    names: Names,
    link: watch::Receiver<Option<Link>>,
    /// For questions; made by the first.
    asking: Mutex<Option<Connection>>,
    consumers_started: AtomicU64,
    reconnects: Reconnects,
    tasks: TaskTracker,
    closed: CancellationToken,
    _closes: DropGuard,
}

impl RabbitMq {
    /// Starts connecting, and returns at once. Needs a tokio runtime.
    pub fn start(options: RabbitMqOptions) -> Arc<Self> {
        let options = Arc::new(options);
        let names = Names::new(&options.prefix);
        let closed = CancellationToken::new();
        let tasks = TaskTracker::new();
        let (link_sender, link) = watch::channel(None);
        let reconnects = Reconnects::default();
        let supervisor = Supervisor {
            options: Arc::clone(&options),
            names: names.clone(),
            link: link_sender,
            reconnects: reconnects.clone(),
            closed: closed.clone(),
        };
        tasks.spawn(supervisor.run());
        Arc::new(Self {
            options,
            names,
            link,
            asking: Mutex::new(None),
            consumers_started: AtomicU64::new(0),
            reconnects,
            tasks,
            _closes: closed.clone().drop_guard(),
            closed,
        })
    }

    async fn start_consumer(
        &self,
        connection: &Connection,
        queue: Queue,
        bound: NonZeroU16,
        closed: CancellationToken,
    ) -> Result<RabbitMqConsumer, BrokerError> {
        topology::declare(connection, &self.names, &self.options.queues).await?;
        let channel = connection.create_channel().await.map_err(topology_error)?;
        let number = self.consumers_started.fetch_add(1, Ordering::Relaxed);
        let (queue, reconnects) = (self.names.queue(queue), self.reconnects.clone());
        RabbitMqConsumer::start(channel, queue, bound, number, reconnects, closed).await
    }

    async fn ask_depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        let mut asking = self.asking.lock().await;
        let connection = match asking.take() {
            Some(connection) if connection.status().connected() => connection,
            _ => connect(&self.options, "questions").await?,
        };
        // A question for a queue that is not there closes its channel, so each has its own. Should this be given up
        // half-way, the connection goes with it, and the next question has a new one.
        let channel = connection.create_channel().await.map_err(topology_error)?;
        let depth = topology::count_messages(&channel, self.names.queue(queue)).await;
        *asking = Some(connection);
        depth
    }

    fn refuse_if_closed(&self) -> Result<(), BrokerError> {
        if self.closed.is_cancelled() {
            return Err(BrokerError::Lost("the broker was closed".to_owned()));
        }
        Ok(())
    }
}

#[async_trait]
impl Broker for RabbitMq {
    async fn publish(&self, queue: Queue, message: &Message) -> Result<(), PublishError> {
        let link = self.link.borrow().clone().ok_or(PublishError::Unavailable)?;
        link.takes_messages()?;
        let (reply, answer) = oneshot::channel();
        let job = Job {
            queue,
            message: message.clone(),
            reply,
        };
        let published = async {
            // A job that comes back was never seen by the publisher.
            link.jobs.send(job).await.map_err(|_| PublishError::Unavailable)?;
            answer.await.unwrap_or(Err(PublishError::Unconfirmed))
        };
        tokio::time::timeout(self.options.queues.publish_timeout, published)
            .await
            .unwrap_or(Err(PublishError::Unconfirmed))
    }

    async fn consume(&self, queue: Queue, bound: NonZeroU16) -> Result<Arc<dyn Consumer>, BrokerError> {
        self.refuse_if_closed()?;
        let connection = connect(&self.options, queue.name()).await?;
        let closed = self.closed.child_token();
        let starting = self.start_consumer(&connection, queue, bound, closed.clone());
        match within(CONNECT_MAX, starting).await {
            Ok(consumer) => {
                self.tasks.spawn(async move {
                    closed.cancelled().await;
                    close_gently(connection).await;
                });
                Ok(Arc::new(consumer))
            }
            Err(error) => {
                close_gently(connection).await;
                Err(error)
            }
        }
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.refuse_if_closed()?;
        within(ASK_MAX, self.ask_depth(queue)).await
    }

    fn system(&self) -> System {
        System::RabbitMq
    }

    fn connected(&self) -> bool {
        self.link
            .borrow()
            .as_ref()
            .is_some_and(|link| link.takes_messages().is_ok())
    }

    fn blocked(&self) -> bool {
        let link = self.link.borrow();
        let taken = link.as_ref().map(Link::takes_messages);
        taken == Some(Err(PublishError::Blocked))
    }

    fn reconnects(&self) -> Reconnects {
        self.reconnects.clone()
    }

    async fn close(&self) {
        self.closed.cancel();
        self.tasks.close();
        let all = async {
            if let Some(connection) = self.asking.lock().await.take() {
                close_gently(connection).await;
            }
            self.tasks.wait().await;
        };
        if tokio::time::timeout(CLOSE_MAX, all).await.is_err() {
            tracing::warn!("the broker's connections did not close in time");
        }
    }
}

impl fmt::Debug for RabbitMq {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RabbitMq")
            .field("options", &self.options)
            .field("connected", &self.connected())
            .finish_non_exhaustive()
    }
}

/// Opens a connection that shows as `<connection name> <role>`.
async fn connect(options: &RabbitMqOptions, role: &str) -> Result<Connection, BrokerError> {
    let uri = address(options).ok_or_else(|| BrokerError::Lost("the URL is not an AMQP URL".to_owned()))?;
    within(CONNECT_MAX, async {
        connect_to(uri, options, role)
            .await
            .map_err(|NotConnected { reason, .. }| BrokerError::Lost(reason))
    })
    .await
}

/// Where the URL leads; `None` if it is none. The parser's error would quote it, password and all.
fn address(options: &RabbitMqOptions) -> Option<AMQPUri> {
    let mut uri = parse_url(options.url.expose_secret())?;
    uri.query.heartbeat = Some(
        u16::try_from(options.heartbeat.as_secs())
            .unwrap_or(u16::MAX)
            .max(1),
    );
    Some(uri)
}

/// Why there is no connection, in plain words, and the client's error, if it came to asking.
struct NotConnected {
    reason: String,
    error: Option<lapin::Error>,
}

async fn connect_to(uri: AMQPUri, options: &RabbitMqOptions, role: &str) -> Result<Connection, NotConnected> {
    let name = format!("{} {role}", options.connection_name);
    let properties = ConnectionProperties::default().with_connection_name(name.into());
    let tls = tls_config(options).map_err(|reason| NotConnected { reason, error: None })?;
    let scheme = uri.scheme.clone();
    let failed = |error: lapin::Error| NotConnected {
        reason: reason(&error, &scheme),
        error: Some(error),
    };
    let runtime = lapin::runtime::default_runtime().map_err(failed)?;
    Connection::connect_uri_with_config(uri, properties, tls, runtime)
        .await
        .map_err(failed)
}

fn tls_config(options: &RabbitMqOptions) -> Result<OwnedTLSConfig, String> {
    let read = |file: &PathBuf| {
        tls::authorities(file).map_err(|reason| format!("{CA_FILE} names {}, which {reason}", file.display()))
    };
    Ok(OwnedTLSConfig {
        identity: None,
        cert_chain: options.ca_file.as_ref().map(read).transpose()?,
    })
}

/// By what a connection, a channel or a consumer was lost.
fn cause(error: &lapin::Error) -> Cause {
    match error.kind() {
        lapin::ErrorKind::MissingHeartbeatError => Cause::Heartbeat,
        lapin::ErrorKind::InvalidChannel(_) | lapin::ErrorKind::InvalidChannelState(..) => Cause::Channel,
        lapin::ErrorKind::ProtocolError(error) => match error.kind() {
            // A channel or, with the same kind of error, a queue that somebody deleted.
            lapin::protocol::AMQPErrorKind::Soft(_) => Cause::Channel,
            lapin::protocol::AMQPErrorKind::Hard(_) => Cause::Io,
        },
        _ => Cause::Io,
    }
}

/// Why there is no connection.
fn reason(error: &lapin::Error, scheme: &AMQPScheme) -> String {
    if let Some(reason) = tls::in_plain_words(error, CA_FILE) {
        return reason;
    }
    // A broker that wants TLS answers plain text with an alert and hangs up; which of the two is seen first is chance.
    let hung_up = match error.kind() {
        lapin::ErrorKind::ParsingError(_) => true,
        lapin::ErrorKind::IOError(error) => HUNG_UP.contains(&error.kind()),
        _ => false,
    };
    if hung_up && *scheme == AMQPScheme::AMQP {
        return format!("{error}; if the broker speaks TLS there, the URL has to begin with amqps://");
    }
    error.to_string()
}

fn parse_url(url: &str) -> Option<AMQPUri> {
    let mut uri: AMQPUri = url.parse().ok()?;
    // The parser takes an IPv6 address for no host at all, and would have us connect to localhost.
    let authority = url.split_once("://")?.1.split(['/', '?']).next()?;
    let host = authority.rsplit_once('@').map_or(authority, |(_user, host)| host);
    if let Some((address, _port)) = host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        uri.authority.host = address.to_owned();
    }
    Some(uri)
}

/// Closes a connection as the protocol wants it, if the broker lets it; else it is just dropped.
async fn close_gently(connection: Connection) {
    const REPLY_SUCCESS: u16 = 200;
    let goodbye = connection.close(REPLY_SUCCESS, "OK".into());
    // It may be the very reason for closing that nobody answers; either way the connection is gone.
    let _ = tokio::time::timeout(GOODBYE_MAX, goodbye).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_to_connect() {
        for (url, host, port, vhost) in [
            ("amqp://user:pass@rabbit.example/%2f", "rabbit.example", 5672, "/"),
            (
                "amqps://user:pass@10.0.0.1:1234/contato",
                "10.0.0.1",
                1234,
                "contato",
            ),
            ("amqp://user:pa%40ss@[fd00::1]:1234/%2f", "fd00::1", 1234, "/"),
            ("amqp://[::1]", "::1", 5672, "/"),
        ] {
            let uri = parse_url(url).expect(url);
            assert_eq!(
                (uri.authority.host.as_str(), uri.authority.port),
                (host, port),
                "{url}"
            );
            assert_eq!(uri.vhost, vhost, "{url}");
        }
        assert_eq!(parse_url("http://rabbit.example"), None);
        assert_eq!(parse_url("rabbit.example"), None);
    }

    #[tokio::test]
    async fn an_unreadable_url_is_not_quoted() {
        let options = RabbitMqOptions::new("amqp//user:secret@host".into());
        let broker = RabbitMq::start(options);
        let error = broker.depth(Queue::Commands).await.expect_err("no such URL");
        assert!(!format!("{error} {broker:?}").contains("secret"));
    }
}
