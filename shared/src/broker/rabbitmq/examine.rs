//! What a person asks who wonders why contato does not work: is the broker there, does it let this user in, is everything
//! declared, and may this user do what its role does.
//!
//! **Invariant:** examining changes nothing: no message is published, taken or counted as delivered, no queue is made.

use lapin::{
    BasicProperties, Connection,
    options::{BasicConsumeOptions, BasicPublishOptions},
    protocol::{AMQPErrorKind, AMQPHardError, AMQPSoftError},
    types::{AMQPValue, FieldTable},
};

use super::{
    super::{BrokerError, Queue},
    CONNECT_MAX, NotConnected, RabbitMqOptions, address, close_gently, connect_to,
    rights::{Account, Target},
    topology::{self, Asking, Names, QueueSpec, soft_error, topology_error},
};
use crate::knock::{Unanswered, knock};

/// Why nothing more can be said of the broker. The texts are the server's or the system's own, without secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreachable {
    /// The URL is no AMQP URL.
    NoUrl,
    /// No such host.
    NoHost(String),
    /// Nobody answers at the port.
    NoAnswer(String),
    /// The other end is not believed, or speaks no TLS, or only TLS.
    Tls(String),
    /// The name or the password is wrong.
    Login(String),
    /// The user may not use the virtual host, or there is none of that name.
    VirtualHost(String),
    /// Anything else.
    Other(String),
}

/// One queue, and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueFinding {
    /// Which.
    pub queue: Queue,
    /// Its name on the broker.
    pub name: String,
    /// How it is.
    pub state: QueueState,
}

/// How a queue is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueState {
    /// As declared.
    AsDeclared,
    /// There; with which arguments, this user's rights do not let us see.
    There,
    /// Not there.
    Missing,
    /// Other arguments than declared; the server's text names the first.
    Differs(String),
}

/// What was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Examination {
    /// Whether the exchange is there.
    pub exchange: bool,
    /// Every queue.
    pub queues: Vec<QueueFinding>,
    /// Whether this user may publish, if the role does.
    pub may_publish: Option<bool>,
    /// The queues that the role consumes and this user may not.
    pub may_not_consume: Vec<String>,
    /// Whether this user may declare and delete queues, which no service needs.
    pub may_configure: bool,
}

/// Looks at the broker with the user of the URL, who is to do what these accounts do.
///
/// # Errors
/// If nothing can be asked at all; [`Unreachable::Other`] also if the connection is lost on the way.
pub async fn examine(options: &RabbitMqOptions, accounts: &[Account]) -> Result<Examination, Unreachable> {
    let looking = async {
        let connection = reach(options).await?;
        let found = look(&connection, options, accounts).await;
        close_gently(connection).await;
        found.map_err(|error| Unreachable::Other(error.to_string()))
    };
    tokio::time::timeout(CONNECT_MAX * 2, looking)
        .await
        .unwrap_or_else(|_| {
            Err(Unreachable::NoAnswer(format!(
                "no answer within {:?}",
                CONNECT_MAX * 2
            )))
        })
}

async fn reach(options: &RabbitMqOptions) -> Result<Connection, Unreachable> {
    let uri = address(options).ok_or(Unreachable::NoUrl)?;
    // By hand first: what lapin says of the two is the same.
    knock(&uri.authority.host, uri.authority.port)
        .await
        .map_err(|unanswered| match unanswered {
            Unanswered::NoHost(text) => Unreachable::NoHost(text),
            Unanswered::NoAnswer(text) => Unreachable::NoAnswer(text),
        })?;
    connect_to(uri, options, "doctor").await.map_err(unreachable)
}

fn unreachable(NotConnected { reason, error }: NotConnected) -> Unreachable {
    // The port has answered before, so what fails is what comes after: TLS, or the lack of it.
    let Some(error) = error else {
        return Unreachable::Tls(reason);
    };
    match error.kind() {
        lapin::ErrorKind::ProtocolError(protocol) => match protocol.kind() {
            AMQPErrorKind::Soft(AMQPSoftError::ACCESSREFUSED) => Unreachable::Login(reason),
            AMQPErrorKind::Hard(AMQPHardError::NOTALLOWED) => Unreachable::VirtualHost(reason),
            AMQPErrorKind::Soft(_) | AMQPErrorKind::Hard(_) => Unreachable::Other(reason),
        },
        lapin::ErrorKind::IOError(_) | lapin::ErrorKind::ParsingError(_) => Unreachable::Tls(reason),
        _ => Unreachable::Other(reason),
    }
}

async fn look(
    connection: &Connection,
    options: &RabbitMqOptions,
    accounts: &[Account],
) -> Result<Examination, BrokerError> {
    let names = Names::new(&options.prefix);
    let mut found = Examination {
        exchange: unless(
            topology::ask_for_exchange(connection, &names, Asking::Look).await,
            AMQPSoftError::NOTFOUND,
        )?,
        queues: Vec::new(),
        may_publish: None,
        may_not_consume: Vec::new(),
        may_configure: false,
    };
    for spec in topology::queues(&options.queues) {
        let queue = look_at(connection, &names, &spec).await?;
        found.may_configure |= matches!(queue.state, QueueState::AsDeclared | QueueState::Differs(_));
        found.queues.push(queue);
    }
    let rights = || accounts.iter().map(|account| account.rights());
    if found.exchange && rights().any(|rights| rights.write.contains(&Target::Exchange)) {
        found.may_publish = Some(may_publish(connection, &names).await?);
    }
    let consumed = |queue| rights().any(|rights| rights.read.contains(&Target::Queue(queue)));
    for finding in &found.queues {
        let asked = finding.state != QueueState::Missing && consumed(finding.queue);
        if asked && !may_consume(connection, &finding.name).await? {
            found.may_not_consume.push(finding.name.clone());
        }
    }
    Ok(found)
}

async fn look_at(
    connection: &Connection,
    names: &Names,
    spec: &QueueSpec,
) -> Result<QueueFinding, BrokerError> {
    let ask = |asking| topology::ask_for_queue(connection, names, spec, asking);
    let state = if unless(ask(Asking::Look).await, AMQPSoftError::NOTFOUND)? {
        // It is there, so that this makes nothing.
        match ask(Asking::Compare).await {
            Ok(()) => QueueState::AsDeclared,
            Err(error) if soft_error(&error) == Some(&AMQPSoftError::ACCESSREFUSED) => QueueState::There,
            Err(error) => match topology_error(error) {
                BrokerError::Topology(text) => QueueState::Differs(text),
                error => return Err(error),
            },
        }
    } else {
        QueueState::Missing
    };
    Ok(QueueFinding {
        queue: spec.queue,
        name: names.queue(spec.queue).as_str().to_owned(),
        state,
    })
}

/// The right to publish is looked at when a message comes, also in a transaction that is taken back.
async fn may_publish(connection: &Connection, names: &Names) -> Result<bool, BrokerError> {
    let channel = connection.create_channel().await.map_err(topology_error)?;
    let tried = async {
        channel.tx_select().await?;
        let exchange = names.exchange();
        let options = BasicPublishOptions::default();
        channel
            .basic_publish(
                exchange,
                "contato.doctor".into(),
                options,
                b"",
                BasicProperties::default(),
            )
            .await?;
        channel.tx_rollback().await
    };
    match tried.await {
        // What the server minds closes the channel, which may be so before the message is taken back. The exchange is there, so
        // that it can only be the right.
        Err(error) if is_closed_channel(&error) && connection.status().connected() => Ok(false),
        tried => unless(tried, AMQPSoftError::ACCESSREFUSED),
    }
}

fn is_closed_channel(error: &lapin::Error) -> bool {
    matches!(error.kind(), lapin::ErrorKind::InvalidChannelState(..))
}

/// The right to consume is looked at before the arguments are: with an impossible one the server says which of the two it
/// minds, and delivers nothing.
async fn may_consume(connection: &Connection, name: &str) -> Result<bool, BrokerError> {
    let channel = connection.create_channel().await.map_err(topology_error)?;
    let mut impossible = FieldTable::default();
    impossible.insert("x-priority".into(), AMQPValue::LongString("none".into()));
    let tried = channel.basic_consume(
        name.into(),
        "contato.doctor".into(),
        BasicConsumeOptions::default(),
        impossible,
    );
    let Err(error) = tried.await else {
        return Err(BrokerError::Topology(format!(
            "{name} took an impossible consumer"
        )));
    };
    match soft_error(&error) {
        Some(AMQPSoftError::PRECONDITIONFAILED) => Ok(true),
        Some(AMQPSoftError::ACCESSREFUSED) => Ok(false),
        _ => Err(topology_error(error)),
    }
}

/// Whether it went well; `false` if the server minds exactly this.
fn unless<T>(asked: lapin::Result<T>, minded: AMQPSoftError) -> Result<bool, BrokerError> {
    match asked {
        Ok(_) => Ok(true),
        Err(error) if soft_error(&error) == Some(&minded) => Ok(false),
        Err(error) => Err(topology_error(error)),
    }
}
