//! The meters around broker and store: what passes is counted, and nothing else changes.

use chrono::Utc;
use sea_orm::sqlx::{self, Connection};
use shared::{
    broker::{
        Broker, Metered, Queue, QueueOptions, Settled, Traffic,
        embedded::{Embedded, EmbeddedOptions},
    },
    domain::ContactId,
    metrics::Metrics,
    store::{SqlOperation, StoreError},
};
use tempfile::TempDir;
use test_support::Series;

use super::{
    broker::support::{bound, message, take, until},
    store::TestStore,
};

/// The value of a series; `None` if it is not there.
fn value(series: &Metrics, line: &str) -> Option<f64> {
    Series::parse(&String::from_utf8(series.text()).unwrap()).value(line)
}

/// To see it red: observe nothing in `give_back`.
#[tokio::test]
async fn what_is_published_and_settled_is_counted() {
    const TRAFFIC: Traffic = Traffic {
        published: &[Queue::Commands],
        consumed: &[Queue::Commands],
    };
    let folder = TempDir::new().unwrap();
    let options = EmbeddedOptions {
        path: folder.path().join("queue.db"),
        queues: QueueOptions::default(),
    };
    let series = Metrics::new();
    let broker = Metered::new(Embedded::open(options).await.unwrap(), &series, TRAFFIC);
    for id in 0..4 {
        broker.publish(Queue::Commands, &message(id)).await.unwrap();
    }
    let consumer = broker.consume(Queue::Commands, bound(10)).await.unwrap();
    let mut deliveries = take(&consumer, 4).await;
    let (rejected, given_back) = (deliveries.pop().unwrap(), deliveries.pop().unwrap());
    assert_eq!(consumer.settle(deliveries).await, Ok(Settled::Gone));
    assert_eq!(consumer.reject(rejected).await, Ok(Settled::Gone));
    assert_eq!(consumer.give_back(vec![given_back]).await, Ok(Settled::Gone));

    let operation = |name: &str| {
        let labels = format!(
            "{{error_type=\"\",messaging_destination_name=\"contato\",messaging_operation_name=\"{name}\"}}"
        );
        value(
            &series,
            &format!("messaging_client_operation_duration_seconds_count{labels}"),
        )
    };
    assert_eq!(
        ["publish", "ack", "reject"].map(operation),
        [Some(4.0), Some(1.0), Some(2.0)]
    );
    let processed = |error: &str| {
        let labels = format!("{{error_type=\"{error}\",messaging_destination_name=\"contato\"}}");
        value(
            &series,
            &format!("messaging_process_duration_seconds_count{labels}"),
        )
    };
    assert_eq!(
        ["", "rejected", "given_back"].map(processed),
        [Some(2.0), Some(1.0), Some(1.0)]
    );
    let destination = "{messaging_destination_name=\"contato\"}";
    let sent = format!("messaging_client_sent_messages_total{destination}");
    assert_eq!(value(&series, &sent), Some(4.0));
    assert_eq!(value(&series, "contato_broker_connected"), Some(1.0));
    broker.close().await;
    assert_eq!(value(&series, "contato_broker_connected"), Some(0.0));
    assert_eq!(value(&series, "contato_broker_blocked"), Some(0.0));
}

/// To see it red: let `Turns::take` not count who waits, or time only those who get their turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_connection_is_seen_and_so_is_what_fails() {
    let TestStore { store, database } = TestStore::sqlite().await.migrated().await;
    let series = Metrics::new();
    let store = store.metered(
        &series,
        &[
            SqlOperation::GetContact,
            SqlOperation::CheckSchema,
            SqlOperation::Probe,
        ],
    );
    let contact = ContactId::from_uuid(uuid::Uuid::nil());
    assert_eq!(store.contact(contact).await.unwrap(), None);
    assert_eq!(value(&series, "db_client_connection_pending_requests"), Some(0.0));
    // One to write, five to read, two to export.
    assert_eq!(value(&series, "db_client_connection_max"), Some(8.0));

    // Somebody else writes: of two that want to, one has SQLite's only connection for writers, and one waits for it.
    let mut other = sqlx::SqliteConnection::connect(database.url()).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut other).await.unwrap();
    let writers: Vec<_> = (0..2)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move { store.probe(Utc::now()).await })
        })
        .collect();
    until("one waits", async || {
        value(&series, "db_client_connection_pending_requests") == Some(1.0)
    })
    .await;
    // A third gives up.
    tokio::select! {
        biased;
        _ = store.ping_writer() => {}
        () = until("two wait", async || {
            value(&series, "db_client_connection_pending_requests") == Some(2.0)
        }) => {}
    }
    sqlx::query("ROLLBACK").execute(&mut other).await.unwrap();
    for writer in writers {
        writer.await.unwrap().unwrap();
    }
    assert_eq!(value(&series, "db_client_connection_pending_requests"), Some(0.0));
    // One that reads, two of each that writes, and who has given up has waited all the same.
    assert_eq!(
        value(&series, "db_client_connection_wait_time_seconds_count"),
        Some(6.0)
    );

    store.clone().close().await;
    let error = store.contact(contact).await.unwrap_err();
    assert!(matches!(error, StoreError::Outage(_)), "{error:?}");
    let count = |error: &str| {
        let labels = format!("{{db_operation_name=\"get_contact\",error_type=\"{error}\"}}");
        value(
            &series,
            &format!("db_client_operation_duration_seconds_count{labels}"),
        )
    };
    assert_eq!(["", "outage"].map(count), [Some(1.0), Some(1.0)]);
}
