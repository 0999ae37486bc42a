//! The embedded broker: the suite, and what is particular to it: its file, its lock, crashes, other processes.

use std::{future::Future, path::PathBuf, sync::Arc};

use sea_orm::sqlx::{self, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use shared::broker::{
    Broker, Consumer, Queue, QueueOptions,
    embedded::{Embedded, EmbeddedOptions},
};
use tempfile::TempDir;

use super::{
    suite::{self, Harness},
    support::{SOON, bound, message, next, publish_many, until},
};

mod crashes;
mod files;
mod processes;
mod queues;

/// A queue file of one test's own.
struct EmbeddedHarness {
    folder: Folder,
    options: QueueOptions,
}

impl Harness for EmbeddedHarness {
    async fn new(options: QueueOptions) -> Self {
        let folder = Folder::new();
        Self { folder, options }
    }

    async fn open(&self) -> Arc<dyn Broker> {
        self.folder.open_with(self.options.clone()).await
    }

    async fn beside(&self, first: &Arc<dyn Broker>) -> Arc<dyn Broker> {
        Arc::clone(first)
    }
}

mod conformance {
    super::suite::conformance!(super::EmbeddedHarness);
}

/// Waits, but not for ever.
async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(SOON, future)
        .await
        .expect("it takes too long")
}

/// A folder of one test's own.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn queue(&self) -> PathBuf {
        self.0.path().join("data").join("queue.db")
    }

    async fn open(&self) -> Arc<Embedded> {
        self.open_with(QueueOptions::default()).await
    }

    async fn open_with(&self, queues: QueueOptions) -> Arc<Embedded> {
        Embedded::open(EmbeddedOptions {
            path: self.queue(),
            queues,
        })
        .await
        .unwrap()
    }

    /// A connection that the broker knows nothing of.
    async fn raw(&self) -> SqliteConnection {
        SqliteConnection::connect_with(&SqliteConnectOptions::new().filename(self.queue()))
            .await
            .unwrap()
    }
}

async fn publish_all(broker: &Embedded, ids: impl IntoIterator<Item = impl ToString>) {
    for id in ids {
        broker.publish(Queue::Commands, &message(id)).await.unwrap();
    }
}

async fn next_id(consumer: &Arc<dyn Consumer>) -> String {
    next(consumer).await.message.message_id
}

async fn depth(broker: &Embedded, queue: Queue) -> u64 {
    broker.depth(queue).await.unwrap()
}

fn limit(delivery_limit: u32) -> QueueOptions {
    QueueOptions {
        delivery_limit,
        ..QueueOptions::default()
    }
}

/// Leaves the queue as a consumer that crashed does.
async fn crash_with(folder: &Folder, ids: impl IntoIterator<Item = impl ToString>) {
    let broker = folder.open().await;
    drop(broker.consume(Queue::DeadLetters, bound(1)).await.unwrap());
    publish_all(&broker, ids).await;
}

/// How often the broker has counted each message that waits.
async fn deliveries(folder: &Folder) -> Vec<i64> {
    let query = sqlx::query_scalar("SELECT deliveries FROM messages WHERE queue = 'contato' ORDER BY id");
    query.fetch_all(&mut folder.raw().await).await.unwrap()
}
