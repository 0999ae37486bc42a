//! What nobody may do on RabbitMQ, tried by each: the table here is written by hand, beside that of `contato setup`.

use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeBindOptions,
        ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{FieldTable, ShortString},
};
use shared::broker::{Queue, rabbitmq::rights::Account};

use super::installation::{Installation, SERVICES, succeeded};

/// What somebody tries.
#[derive(Clone, Copy, Debug)]
enum Try {
    Consume(&'static str),
    Get(&'static str),
    Publish(&'static str),
    Purge(&'static str),
    Declare(&'static str),
    Delete(&'static str),
    Bind(&'static str),
    BindToOurs(&'static str),
    Unbind(&'static str),
    BindExchange(&'static str),
    DeclareExchange,
}

const QUEUES: [&str; 6] = [
    "contato",
    "contato.retry.1",
    "contato.retry.2",
    "contato.retry.3",
    "contato.dlq",
    "contato.dlq.parking",
];
const EXCHANGES: [&str; 4] = ["contato", "", "amq.direct", "amq.topic"];

/// Who may take from which queues, and publish to which exchanges. All else is refused.
const MAY: [(Account, &[&str], &[&str]); 5] = [
    (Account::ProducerApi, &[], &["contato"]),
    (Account::ConsumerWorker, &["contato"], &["contato"]),
    (
        Account::DlqFunction,
        &["contato.dlq", "contato.dlq.parking"],
        &["contato"],
    ),
    (Account::FunctionsTrigger, &["contato.dlq"], &[""]),
    (Account::Keda, &[], &[]),
];

/// To see it red: give anybody one right more in `shared/src/broker/rabbitmq/rights.rs`, or take one.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_may_do_what_the_table_says_and_nothing_else() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    assert_eq!(QUEUES, Queue::ALL.map(Queue::name));
    for (account, takes, publishes) in MAY {
        let url = url(&place, account);
        let connection = Connection::connect(&url, ConnectionProperties::default())
            .await
            .unwrap();
        for queue in QUEUES {
            let reads = takes.contains(&queue);
            for (attempt, allowed) in [
                (Try::Consume(queue), reads),
                (Try::Get(queue), reads),
                (Try::Purge(queue), reads),
                (Try::Declare(queue), false),
                (Try::Delete(queue), false),
                (Try::Bind(queue), false),
                // Its queue and the exchange have one name, which a permission cannot tell apart: what consumer-worker may do
                // to the queue it may do to the exchange (rights.rs).
                (
                    Try::BindToOurs(queue),
                    account == Account::ConsumerWorker && queue == "contato",
                ),
                (
                    Try::Unbind(queue),
                    account == Account::ConsumerWorker && queue == "contato",
                ),
            ] {
                expect(&connection, account, attempt, allowed).await;
            }
        }
        for exchange in ["amq.fanout", "amq.rabbitmq.trace"] {
            expect(&connection, account, Try::BindExchange(exchange), false).await;
        }
        for exchange in EXCHANGES {
            expect(
                &connection,
                account,
                Try::Publish(exchange),
                publishes.contains(&exchange),
            )
            .await;
        }
        expect(&connection, account, Try::DeclareExchange, false).await;
        connection.close(200, "OK".into()).await.unwrap();
    }
    for account in SERVICES {
        for statement in [
            "CREATE TABLE more (id int)",
            "CREATE TEMPORARY TABLE more (id int)",
            "DROP TABLE contacts",
            "ALTER TABLE contacts ADD COLUMN more int",
            "TRUNCATE commands",
            "UPDATE audit SET principal = 'key:eva'",
            "DELETE FROM audit",
            "TRUNCATE audit",
            "UPDATE seaql_migrations SET version = 'x'",
            "CREATE ROLE more",
        ] {
            place.refuses(account, statement).await;
        }
    }
    for (account, statement) in [
        (Account::ProducerApi, "INSERT INTO audit SELECT * FROM audit"),
        (
            Account::ProducerApi,
            "INSERT INTO contacts SELECT * FROM contacts",
        ),
        (Account::ProducerApi, "SELECT FROM dead_letters"),
        (Account::ConsumerWorker, "INSERT INTO audit SELECT * FROM audit"),
        (Account::ConsumerWorker, "DELETE FROM dead_letters"),
        (Account::ConsumerWorker, "SELECT FROM console_sessions"),
        (Account::DlqFunction, "UPDATE contacts SET name = 'Eva'"),
        (Account::DlqFunction, "DELETE FROM commands"),
    ] {
        place.refuses(account, statement).await;
    }
    place.remove().await;
}

/// An AMQP URL of anybody, as its file has it.
fn url(place: &Installation, account: Account) -> String {
    if account != Account::Keda {
        let url = std::fs::read_to_string(place.file(account, "broker-url")).unwrap();
        return url.trim().to_owned();
    }
    let keda = std::fs::read_to_string(place.file(account, "host")).unwrap();
    let (credentials, rest) = keda.trim().rsplit_once('@').unwrap();
    let (_, vhost) = rest.rsplit_once('/').unwrap();
    let admin = place.admin_url();
    let (_, host) = admin.rsplit_once('@').unwrap();
    let host = host.split('/').next().unwrap();
    format!("{}@{host}/{vhost}", credentials.replace("http://", "amqp://"))
}

async fn expect(connection: &Connection, account: Account, attempt: Try, allowed: bool) {
    // A refusal closes its channel.
    let channel = connection.create_channel().await.unwrap();
    let answer = try_it(&channel, attempt).await;
    match answer {
        Ok(()) => assert!(allowed, "{account:?} may {attempt:?}"),
        Err(error) => assert!(
            !allowed && error.to_string().contains("ACCESS_REFUSED"),
            "{account:?}, {attempt:?}: {error}"
        ),
    }
    if channel.status().connected() {
        channel.close(200, "OK".into()).await.unwrap();
    }
}

async fn try_it(channel: &Channel, attempt: Try) -> lapin::Result<()> {
    let arguments = FieldTable::default;
    let name = |name: &str| ShortString::from(name);
    match attempt {
        Try::Consume(queue) => channel
            .basic_consume(
                name(queue),
                "".into(),
                BasicConsumeOptions::default(),
                arguments(),
            )
            .await
            .map(drop),
        Try::Get(queue) => channel
            .basic_get(name(queue), BasicGetOptions::default())
            .await
            .map(drop),
        Try::Purge(queue) => channel
            .queue_purge(name(queue), QueuePurgeOptions::default())
            .await
            .map(drop),
        Try::Declare(queue) => channel
            .queue_declare(name(queue), QueueDeclareOptions::durable(), arguments())
            .await
            .map(drop),
        Try::Delete(queue) => channel
            .queue_delete(name(queue), QueueDeleteOptions::default())
            .await
            .map(drop),
        Try::Bind(queue) => {
            let options = QueueBindOptions::default();
            channel
                .queue_bind(
                    name(queue),
                    name("amq.direct"),
                    "more".into(),
                    options,
                    arguments(),
                )
                .await
        }
        Try::BindToOurs(queue) => {
            let options = QueueBindOptions::default();
            channel
                .queue_bind(name(queue), name("contato"), "more".into(), options, arguments())
                .await
        }
        Try::Unbind(queue) => {
            channel
                .queue_unbind(name(queue), name("contato"), "more".into(), arguments())
                .await
        }
        Try::BindExchange(source) => {
            let options = ExchangeBindOptions::default();
            channel
                .exchange_bind(name("contato"), name(source), "#".into(), options, arguments())
                .await
        }
        Try::DeclareExchange => {
            let options = ExchangeDeclareOptions::default();
            channel
                .exchange_declare(name("more"), lapin::ExchangeKind::Fanout, options, arguments())
                .await
        }
        Try::Publish(exchange) => {
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let (key, options) = (name("no such queue"), BasicPublishOptions::default());
            let properties = BasicProperties::default();
            let confirm = channel
                .basic_publish(name(exchange), key, options, b"", properties)
                .await?;
            confirm.await.map(drop)
        }
    }
}
