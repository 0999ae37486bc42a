//! A broker and a database of one test, and workers on them.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use sea_orm::{ConnectionTrait, Database};
use shared::{
    broker::{Broker, CONTENT_TYPE_JSON, Delivery, Message, Queue},
    domain::{Action, Command, CommandId, IdIssuer, IdKey, Name, NewContact, RequestHash, Stamp},
    role::Parts,
    settings::Settings,
    store::commands::CommandRecord,
    wire::{DeadLetter, Envelope},
};
use tempfile::TempDir;
use test_support::{TestDatabase, amqp_url, eventually, queue_prefix};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

const KEY: &str = "0123456789abcdef0123456789abcdef";

pub struct Pair {
    pub parts: Parts,
    pub settings: Settings,
    pub ids: IdIssuer,
    database: TestDatabase,
    _folder: TempDir,
}

/// A worker that runs.
pub struct Running {
    stop: CancellationToken,
    task: JoinHandle<anyhow::Result<()>>,
}

impl Pair {
    pub async fn embedded() -> Self {
        let folder = TempDir::new().unwrap();
        let url = format!("embedded:{}", folder.path().join("queue.db").display());
        Self::new(TestDatabase::sqlite(), url, String::new(), folder).await
    }

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
            ("CONTATO__BROKER__URL", &broker_url),
            ("CONTATO__BROKER__PREFIX", &prefix),
            ("CONTATO__BROKER__RETRY_DELAYS", "50ms,100ms,150ms"),
            ("CONTATO__STORE__URL", database.url()),
            ("CONTATO__STORE__TIMEOUT", "5s"),
            ("CONTATO__CONSUMER_WORKER__MANAGEMENT", "127.0.0.1:0"),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let settings = Settings::load(None, variables).unwrap();
        let parts = Parts::connect(&settings, "test").await.unwrap();
        parts.store.migrate_up(None).await.unwrap();
        let ids = IdIssuer::new(IdKey::new(KEY.as_bytes()).unwrap());
        eventually("the broker is connected", async || {
            parts.broker.connected().then_some(())
        })
        .await;
        Self {
            parts,
            settings,
            ids,
            database,
            _folder: folder,
        }
    }

    /// Starts a worker of its own service, on the same parts.
    pub async fn worker(&self) -> Running {
        let service = consumer_worker::build(&self.settings, self.parts.clone())
            .await
            .unwrap();
        let stop = CancellationToken::new();
        Running {
            task: tokio::spawn(service.run(stop.clone())),
            stop,
        }
    }

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

    pub async fn publish(&self, body: Vec<u8>) {
        let message = Message {
            body,
            kind: "contato.create".to_owned(),
            message_id: "test".to_owned(),
            content_type: CONTENT_TYPE_JSON.to_owned(),
            attempt: 1,
            replay: 0,
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
            let next = tokio::time::timeout(test_support::PATIENCE, consumer.next()).await;
            found.push(
                next.unwrap_or_else(|_| panic!("only {} of {count} dead letters", found.len()))
                    .unwrap(),
            );
        }
        found
    }

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

    pub async fn sql(&self, statement: &str) {
        let connection = Database::connect(self.database.url()).await.unwrap();
        connection
            .execute_unprepared("PRAGMA busy_timeout = 10000")
            .await
            .ok();
        connection.execute_unprepared(statement).await.unwrap();
        connection.close().await.unwrap();
    }

    pub fn is_postgres(&self) -> bool {
        self.database.url().starts_with("postgres")
    }
}

impl Running {
    /// Stops the worker as SIGTERM would, and waits for its end.
    pub async fn stop(self) {
        self.stop.cancel();
        tokio::time::timeout(Duration::from_secs(10), self.task)
            .await
            .expect("it ends in time")
            .unwrap()
            .unwrap();
    }
}
