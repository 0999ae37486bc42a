//! What contato has on RabbitMQ: one exchange, six quorum queues, their bindings.
//!
//! [`queues`] is the table as data; [`declare`] is the only place that declares it. Arguments are spelled out even
//! where a server's default would do, since the defaults differ between RabbitMQ 3.10 and 4.x.
//!
//! **Invariant:** after [`declare`] returned `Ok`, every queue exists; it has exactly these arguments, unless this
//! user may not configure queues, in which case whoever may has seen to that.

use std::time::Duration;

use lapin::{
    Channel, Connection, ExchangeKind,
    options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions},
    protocol::{AMQPErrorKind, AMQPSoftError},
    types::{AMQPValue, FieldTable, ShortString},
};

use super::super::{BrokerError, Queue, QueueOptions, RetryTier};

/// The one exchange. It is contato's own, so that permissions can be least.
const EXCHANGE: &str = "contato";

/// Stands for "no delivery limit". RabbitMQ 4.x has 20 where nothing is said, and 3.10 takes -1 for "at once".
const DELIVERY_LIMIT_NONE: u32 = 1_000_000_000;

/// One row of the table of queues.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct QueueSpec {
    pub(super) queue: Queue,
    /// Where the broker itself puts what it gives up on.
    dead_letters_to: Option<Queue>,
    message_ttl: Option<Duration>,
    delivery_limit: Option<u32>,
    max_length: Option<u64>,
}

/// The table of queues.
pub(super) fn queues(options: &QueueOptions) -> [QueueSpec; 6] {
    let retry = |tier: RetryTier| QueueSpec {
        queue: Queue::Retry(tier),
        dead_letters_to: Some(Queue::Commands),
        message_ttl: Some(options.retry_delays[tier.index()]),
        // Nothing consumes a retry tier, so nothing is ever returned to one.
        delivery_limit: None,
        max_length: None,
    };
    [
        QueueSpec {
            queue: Queue::Commands,
            dead_letters_to: Some(Queue::DeadLetters),
            message_ttl: None,
            delivery_limit: Some(options.delivery_limit),
            max_length: options.max_length,
        },
        retry(RetryTier::One),
        retry(RetryTier::Two),
        retry(RetryTier::Three),
        QueueSpec {
            queue: Queue::DeadLetters,
            dead_letters_to: Some(Queue::Parking),
            message_ttl: None,
            delivery_limit: Some(DELIVERY_LIMIT_NONE),
            max_length: None,
        },
        QueueSpec {
            queue: Queue::Parking,
            dead_letters_to: None,
            message_ttl: None,
            delivery_limit: Some(DELIVERY_LIMIT_NONE),
            max_length: None,
        },
    ]
}

/// Names with their prefix; routing keys are queue names.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(prefix: &str) -> Self {
        Self {
            prefix: prefix.to_owned(),
        }
    }

    pub(super) fn exchange(&self) -> ShortString {
        self.with_prefix(EXCHANGE)
    }

    pub(super) fn queue(&self, queue: Queue) -> ShortString {
        self.with_prefix(queue.name())
    }

    fn with_prefix(&self, name: &str) -> ShortString {
        format!("{}{name}", self.prefix).as_str().into()
    }
}

/// The arguments that a queue is declared with.
fn arguments(spec: &QueueSpec, names: &Names) -> FieldTable {
    let mut arguments = FieldTable::default();
    let mut set = |key: &str, value: AMQPValue| {
        arguments.insert(key.into(), value);
    };
    let text = |text: &str| AMQPValue::LongString(text.into());
    // A number beyond i64 is beyond what any queue can hold or wait.
    let number = |number: u64| AMQPValue::LongLongInt(i64::try_from(number).unwrap_or(i64::MAX));

    set("x-queue-type", text("quorum"));
    if let Some(target) = spec.dead_letters_to {
        set("x-dead-letter-exchange", text(names.exchange().as_str()));
        set("x-dead-letter-routing-key", text(names.queue(target).as_str()));
        // At-least-once falls back to at-most-once, silently, unless the overflow is `reject-publish`.
        set("x-dead-letter-strategy", text("at-least-once"));
        set("x-overflow", text("reject-publish"));
    }
    if let Some(ttl) = spec.message_ttl {
        set(
            "x-message-ttl",
            number(u64::try_from(ttl.as_millis()).unwrap_or(u64::MAX)),
        );
    }
    if let Some(limit) = spec.delivery_limit {
        set("x-delivery-limit", number(limit.into()));
    }
    if let Some(length) = spec.max_length {
        set("x-max-length", number(length));
    }
    arguments
}

/// Declares everything that is missing, and compares what is there.
///
/// # Errors
/// [`BrokerError::Topology`] with the server's own text, which names queue and argument; [`BrokerError::Lost`].
pub(super) async fn declare(
    connection: &Connection,
    names: &Names,
    options: &QueueOptions,
) -> Result<(), BrokerError> {
    declare_exchange(connection, names).await?;
    for spec in queues(options) {
        declare_queue(connection, names, &spec).await?;
    }
    Ok(())
}

async fn declare_exchange(connection: &Connection, names: &Names) -> Result<(), BrokerError> {
    match ask_for_exchange(connection, names, Asking::Declare).await {
        Err(error) if is_access_refused(&error) => ask_for_exchange(connection, names, Asking::Look).await,
        result => result,
    }
    .map_err(topology_error)
}

async fn declare_queue(connection: &Connection, names: &Names, spec: &QueueSpec) -> Result<(), BrokerError> {
    match ask_for_queue(connection, names, spec, Asking::Declare).await {
        // Least permissions: someone else declares. Then it only has to be there.
        Err(error) if is_access_refused(&error) => ask_for_queue(connection, names, spec, Asking::Look).await,
        result => result,
    }
    .map_err(topology_error)
}

/// What is asked about an exchange or a queue. A refusal closes the channel for good, so each question has its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asking {
    /// Is it there? Whoever may connect may ask.
    Look,
    /// Is it as declared? If it is missing, it is made.
    Compare,
    /// As [`Compare`](Self::Compare), and it is bound.
    Declare,
}

pub(super) async fn ask_for_exchange(
    connection: &Connection,
    names: &Names,
    asking: Asking,
) -> lapin::Result<()> {
    let options = ExchangeDeclareOptions {
        passive: asking == Asking::Look,
        durable: true,
        ..ExchangeDeclareOptions::default()
    };
    let channel = connection.create_channel().await?;
    channel
        .exchange_declare(
            names.exchange(),
            ExchangeKind::Direct,
            options,
            FieldTable::default(),
        )
        .await
}

pub(super) async fn ask_for_queue(
    connection: &Connection,
    names: &Names,
    spec: &QueueSpec,
    asking: Asking,
) -> lapin::Result<()> {
    let name = names.queue(spec.queue);
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions {
        passive: asking == Asking::Look,
        ..QueueDeclareOptions::durable()
    };
    channel
        .queue_declare(name.clone(), options, arguments(spec, names))
        .await?;
    if asking != Asking::Declare {
        return Ok(());
    }
    channel
        .queue_bind(
            name.clone(),
            names.exchange(),
            name,
            QueueBindOptions::default(),
            FieldTable::default(),
        )
        .await
}

/// How many messages are ready in a queue. The channel is of no further use after an error.
///
/// # Errors
/// [`BrokerError::Topology`] if there is no such queue.
pub(super) async fn count_messages(channel: &Channel, name: ShortString) -> Result<u64, BrokerError> {
    let options = QueueDeclareOptions::durable().passive();
    let queue = channel
        .queue_declare(name, options, FieldTable::default())
        .await
        .map_err(topology_error)?;
    Ok(queue.message_count().into())
}

pub(super) fn soft_error(error: &lapin::Error) -> Option<&AMQPSoftError> {
    match error.kind() {
        lapin::ErrorKind::ProtocolError(error) => match error.kind() {
            AMQPErrorKind::Soft(soft) => Some(soft),
            AMQPErrorKind::Hard(_) => None,
        },
        _ => None,
    }
}

fn is_access_refused(error: &lapin::Error) -> bool {
    soft_error(error) == Some(&AMQPSoftError::ACCESSREFUSED)
}

/// Whether what was asked for is not there.
pub(super) fn is_missing(error: &lapin::Error) -> bool {
    soft_error(error) == Some(&AMQPSoftError::NOTFOUND)
}

/// What an error of a channel means to whoever declares, asks or consumes.
pub(super) fn topology_error(error: lapin::Error) -> BrokerError {
    match (error.kind(), soft_error(&error)) {
        (
            lapin::ErrorKind::ProtocolError(text),
            Some(AMQPSoftError::PRECONDITIONFAILED | AMQPSoftError::ACCESSREFUSED | AMQPSoftError::NOTFOUND),
        ) => BrokerError::Topology(text.get_message().to_string()),
        _ => BrokerError::Lost(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(spec: &QueueSpec, key: &str) -> Option<AMQPValue> {
        let names = Names::new("p.");
        arguments(spec, &names).inner().get(key).cloned()
    }

    #[test]
    fn at_least_once_always_has_what_it_needs() {
        for spec in queues(&QueueOptions::default()) {
            assert_eq!(
                value(&spec, "x-queue-type"),
                Some(AMQPValue::LongString("quorum".into()))
            );
            if value(&spec, "x-dead-letter-strategy").is_some() {
                assert_eq!(
                    value(&spec, "x-overflow"),
                    Some(AMQPValue::LongString("reject-publish".into())),
                    "{spec:?}"
                );
                assert!(value(&spec, "x-dead-letter-exchange").is_some(), "{spec:?}");
            }
        }
    }

    #[test]
    fn every_queue_that_is_consumed_has_a_delivery_limit_of_its_own() {
        for spec in queues(&QueueOptions::default()) {
            let limit = value(&spec, "x-delivery-limit");
            match spec.queue {
                Queue::Retry(_) => assert_eq!(limit, None),
                Queue::Commands => assert_eq!(limit, Some(AMQPValue::LongLongInt(20))),
                Queue::DeadLetters | Queue::Parking => {
                    assert_eq!(limit, Some(AMQPValue::LongLongInt(1_000_000_000)));
                }
            }
        }
    }

    #[test]
    fn retry_tiers_wait_as_long_as_they_are_told() {
        let delays: Vec<_> = queues(&QueueOptions::default())
            .iter()
            .filter_map(|spec| value(spec, "x-message-ttl"))
            .collect();
        assert_eq!(delays, [1_000, 10_000, 60_000].map(AMQPValue::LongLongInt),);
    }

    #[test]
    fn the_table_has_every_queue_once() {
        let table = queues(&QueueOptions::default()).map(|spec| spec.queue);
        assert_eq!(table, Queue::ALL);
    }

    #[test]
    fn the_prefix_stands_before_every_name() {
        let names = Names::new("test-1.");
        assert_eq!(names.exchange().as_str(), "test-1.contato");
        assert_eq!(names.queue(Queue::Parking).as_str(), "test-1.contato.dlq.parking");
        let dead_letters = QueueSpec {
            queue: Queue::Commands,
            dead_letters_to: Some(Queue::DeadLetters),
            message_ttl: None,
            delivery_limit: None,
            max_length: None,
        };
        assert_eq!(
            value(&dead_letters, "x-dead-letter-routing-key"),
            Some(AMQPValue::LongString("p.contato.dlq".into()))
        );
    }

    #[test]
    fn the_asyncapi_document_tells_what_is_declared() {
        use super::super::{HEADER_ATTEMPT, HEADER_REPLAY, HEADER_TRACEPARENT};
        use serde_json::{Value, json};

        let document: Value =
            serde_json::from_str(include_str!("../../../../docs/asyncapi.json")).expect("JSON");
        let names = Names::new("");
        let declared = queues(&QueueOptions::default()).map(|spec| {
            let arguments = arguments(&spec, &names);
            let arguments = arguments.inner().iter().map(|(key, value)| {
                let value = match value {
                    AMQPValue::LongString(text) => json!(text.to_string()),
                    AMQPValue::LongLongInt(number) => json!(number),
                    other => panic!("{key} is {other:?}"),
                };
                (key.to_string(), value)
            });
            let name = names.queue(spec.queue);
            json!({
                "is": "queue",
                "queue": { "name": name.as_str(), "durable": true, "exclusive": false, "autoDelete": false, "vhost": "/" },
                "bindingVersion": "0.3.0",
                "x-exchange": { "name": names.exchange().as_str(), "type": "direct", "durable": true, "autoDelete": false },
                "x-routing-key": name.as_str(),
                "x-arguments": arguments.collect::<serde_json::Map<_, _>>(),
            })
        });
        let channels = document["channels"].as_object().expect("channels");
        assert_eq!(channels.len(), declared.len());
        for binding in declared {
            let name = &binding["queue"]["name"];
            let told = channels.values().find(|channel| channel["address"] == *name);
            assert_eq!(told.map(|channel| &channel["bindings"]["amqp"]), Some(&binding));
        }
        let headers = document["components"]["schemas"]["headers"]["properties"].as_object();
        let headers: Vec<_> = headers.expect("headers").keys().collect();
        assert_eq!(headers, [HEADER_ATTEMPT, HEADER_REPLAY, HEADER_TRACEPARENT]);
    }
}
