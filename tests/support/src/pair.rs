//! A broker and a database of one test: the embedded ones, or RabbitMQ and PostgreSQL.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, Database, QueryResult, Statement};
use shared::{
    broker::{Broker, CONTENT_TYPE_JSON, Delivery, Message, Queue},
    domain::{Action, Command, CommandId, IdIssuer, IdKey, Name, NewContact, RequestHash, Stamp},
    payload_keys::PayloadKeys,
    role::Parts,
    settings::Settings,
    store::commands::CommandRecord,
    wire::{DeadLetter, Envelope},
};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;

use crate::{PATIENCE, TestDatabase, amqp_url, eventually, queue_prefix};
use tokio::task::JoinHandle;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const PAYLOAD_KEYS: &str = "1:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// A broker, a database, and ids under one key.
pub struct Pair {
    /// What services are built with.
    pub parts: Parts,
    /// The settings of all roles, ports 0.
    pub settings: Settings,
    /// The source of ids.
    pub ids: IdIssuer,
    environment: Vec<(String, String)>,
    database: TestDatabase,
    _folder: TempDir,
}

/// A service that runs.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Pair {
    /// The embedded queue and SQLite.
    pub async fn embedded() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("embedded:{}", folder.path().join("queue.db").display());
        Self::new(TestDatabase::sqlite(), url, String::new(), folder).await
    }

    /// RabbitMQ and PostgreSQL.
    pub async fn servers() -> Self {
        Self::new(
            TestDatabase::postgres().await,
            amqp_url(),
            queue_prefix(),
            TempDir::new().unwrap(),
        )
        .await
    }

    async fn new(database: TestDatabase, broker_url: String, prefix: String, folder: TempDir) -> Self {
        let variables = [
            ("CONTATO__IDS__KEY", KEY),
            ("CONTATO__DEAD_LETTERS__KEYS", PAYLOAD_KEYS),
            ("CONTATO__BROKER__URL", &broker_url),
            ("CONTATO__BROKER__PREFIX", &prefix),
            ("CONTATO__BROKER__RETRY_DELAYS", "50ms,100ms,3s"),
            ("CONTATO__STORE__URL", database.url()),
            ("CONTATO__STORE__TIMEOUT", "5s"),
            ("CONTATO__CONSUMER_WORKER__MANAGEMENT", "127.0.0.1:0"),
            ("CONTATO__DLQ_FUNCTION__MANAGEMENT", "127.0.0.1:0"),
            ("CONTATO__DLQ_FUNCTION__LISTEN", "127.0.0.1:0"),
            ("CONTATO__PRODUCER_API__MANAGEMENT", "127.0.0.1:0"),
            ("CONTATO__PRODUCER_API__LISTEN", "127.0.0.1:0"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let environment = variables.to_vec();
        let settings = Settings::load(None, variables).unwrap();
        let parts = Parts::connect(&settings, "test").await.unwrap();
        parts.store.migrate_up(None).await.unwrap();
        let ids = IdIssuer::new(IdKey::new(KEY.as_bytes()).unwrap());
        eventually("the broker is connected", async || {
            parts.broker.connected().then_some(())
        })
        .await;
        Self {
            environment,
            parts,
            settings,
            ids,
            database,
            _folder: folder,
        }
    }

    /// The keys of payloads of dead letters.
    pub fn payload_keys(&self) -> PayloadKeys {
        PayloadKeys::parse(PAYLOAD_KEYS).unwrap()
    }

    /// The settings as variables, for processes.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Runs a service, given a token that stops it.
    pub fn run<F>(&self, service: impl FnOnce(CancellationToken) -> F) -> Running
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let stop = CancellationToken::new();
        Running {
            task: tokio::spawn(service(stop.clone())),
            stop,
        }
    }

    /// A create of a contact with this name.
    pub fn create(&self, name: &str) -> Envelope {
        let now = self.parts.clock.now_ms();
        let issued = self.ids.issue(now, 0);
        let contact = NewContact {
            name: Name::parse(name).unwrap(),
            phone: None,
            email: None,
        };
        self.envelope(
            issued.command,
            Command {
                id: issued.command,
                contact_id: issued.contact,
                stamp: Stamp::at_ms(now),
                if_match: None,
                action: Action::Create(contact),
            },
        )
    }

    /// An envelope around a command.
    pub fn envelope(&self, id: CommandId, command: Command) -> Envelope {
        let request_hash = RequestHash::from_bytes(id.as_uuid().as_bytes()).unwrap();
        Envelope {
            command,
            principal: String::new(),
            key_hash: None,
            request_hash,
            traceparent: None,
        }
    }

    /// Puts bytes on the queue of commands.
    pub async fn publish(&self, body: Vec<u8>) {
        let message = Message {
            body,
            kind: "contato.create".to_owned(),
            message_id: "test".to_owned(),
            content_type: CONTENT_TYPE_JSON.to_owned(),
            attempt: 1,
            replay: 0,
            traceparent: None,
        };
        self.parts
            .broker
            .publish(Queue::Commands, &message)
            .await
            .unwrap();
    }

    /// Waits until a command has a record.
    pub async fn ended(&self, id: CommandId) -> CommandRecord {
        eventually("the command has a record", async || {
            self.parts.store.command(id).await.unwrap()
        })
        .await
    }

    /// Takes so many messages off the dead letters.
    pub async fn dead(&self, count: usize) -> Vec<Delivery> {
        let bound = NonZeroU16::new(100).unwrap();
        let consumer = self
            .parts
            .broker
            .consume(Queue::DeadLetters, bound)
            .await
            .unwrap();
        let mut found = Vec::new();
        while found.len() < count {
            let next = tokio::time::timeout(PATIENCE, consumer.next()).await;
            found.push(
                next.unwrap_or_else(|_| panic!("only {} of {count} dead letters", found.len()))
                    .unwrap(),
            );
        }
        found
    }

    /// Takes so many dead letters of ours off the dead letters.
    pub async fn dead_letters(&self, count: usize) -> Vec<DeadLetter> {
        self.dead(count)
            .await
            .iter()
            .map(|delivery| DeadLetter::decode(&delivery.message.body).unwrap())
            .collect()
    }

    /// Waits until nothing is in the queue and nothing comes to it from a retry tier.
    pub async fn drained(&self) {
        let broker: &Arc<dyn Broker> = &self.parts.broker;
        let queues = &Queue::ALL[..4];
        eventually("the queues are empty", async || {
            for queue in queues {
                if broker.depth(*queue).await.unwrap() > 0 {
                    return None;
                }
            }
            Some(())
        })
        .await;
    }

    /// Runs a statement by hand.
    pub async fn sql(&self, statement: &str) {
        let connection = Database::connect(self.database.url()).await.unwrap();
        connection
            .execute_unprepared("PRAGMA busy_timeout = 10000")
            .await
            .ok();
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    /// The numbers that a query by hand gives.
    pub async fn numbers(&self, query: &str) -> Vec<i64> {
        let connection = Database::connect(self.database.url()).await.unwrap();
        let statement = Statement::from_string(connection.get_database_backend(), query);
        let rows = connection.query_all_raw(statement).await.unwrap();
        let number = |row: QueryResult| row.try_get_by_index::<i32>(0).unwrap().into();
        let numbers = rows.into_iter().map(number).collect();
        connection.close().await.unwrap();
        numbers
    }

    /// Counts rows: `SELECT count(*)` and what is given.
    pub async fn count(&self, from: &str) -> i64 {
        self.number(&format!("SELECT count(*) {from}")).await
    }

    /// Runs a statement with the rights of whom the settings name, which must be refused; gives why.
    pub async fn refused(&self, statement: &str) -> String {
        let connection = Database::connect(self.settings.store.url.expose()).await.unwrap();
        let refusal = connection.execute_unprepared(statement).await;
        connection.close().await.unwrap();
        refusal.expect_err(statement).to_string()
    }

    /// The one number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        let connection = Database::connect(self.database.url()).await.unwrap();
        let statement = Statement::from_string(connection.get_database_backend(), query);
        let row = connection.query_one_raw(statement).await.unwrap().unwrap();
        let number = row.try_get_by_index(0).unwrap();
        connection.close().await.unwrap();
        number
    }

    /// Whether the database is PostgreSQL.
    pub fn is_postgres(&self) -> bool {
        self.database.url().starts_with("postgres")
    }
}

impl Running {
    /// Stops the service as SIGTERM would, and waits for its end.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("it ends in time")
            .unwrap()
            .unwrap();
    }
}
