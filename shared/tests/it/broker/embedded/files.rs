//! Opening, closing and failing files, and how fast they are.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use sea_orm::sqlx;
use shared::broker::{
    Broker, BrokerError, Message, PublishError, Queue, QueueOptions, Settled,
    embedded::{Embedded, EmbeddedOptions},
};

use super::{Folder, bound, depth, message, next, next_id, publish_all, until, within};

#[tokio::test]
async fn closing_ends_everything_and_lets_go() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a", "b"]).await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let delivery = next(&consumer).await;
    let waiting = tokio::spawn({
        let consumer = consumer.clone();
        async move { consumer.next().await }
    });
    assert!(broker.connected());
    within(broker.close()).await;
    assert!(!broker.connected());
    assert!(matches!(
        within(waiting).await.unwrap(),
        Err(BrokerError::Lost(_))
    ));
    assert!(matches!(consumer.next().await, Err(BrokerError::Lost(_))));
    assert!(consumer.try_next().is_none());
    assert_eq!(consumer.settle(vec![delivery]).await, Ok(Settled::ComesAgain));
    assert_eq!(
        broker.publish(Queue::Commands, &message("c")).await,
        Err(PublishError::Unavailable)
    );
    assert!(broker.depth(Queue::Commands).await.is_err());
    assert!(broker.consume(Queue::Commands, bound(1)).await.is_err());
    within(broker.close()).await;
    // The last connection to a file removes its log.
    assert!(!folder.queue().with_extension("db-wal").exists());

    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    assert_eq!(next_id(&consumer).await, "a");
}

#[tokio::test]
async fn a_path_that_cannot_be_used_is_named() {
    let folder = Folder::new();
    let file = folder.0.path().join("file");
    std::fs::write(
        &file,
        "not a database, and rather longer than the header of one: a hundred bytes and more ....",
    )
    .unwrap();
    for path in [file.join("queue.db"), folder.0.path().to_owned(), file] {
        let options = EmbeddedOptions {
            path: path.clone(),
            queues: QueueOptions::default(),
        };
        let refused = within(Embedded::open(options)).await.unwrap_err();
        let named = path.display().to_string();
        assert!(
            matches!(&refused, BrokerError::Topology(why) if why.contains(&named)),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_file_of_a_later_version_is_left_alone() {
    let folder = Folder::new();
    folder.open().await.close().await;
    sqlx::query("PRAGMA user_version = 3")
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    let options = EmbeddedOptions {
        path: folder.queue(),
        queues: QueueOptions::default(),
    };
    let refused = Embedded::open(options).await.unwrap_err();
    assert!(
        matches!(&refused, BrokerError::Topology(why) if why.contains("version 3")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_file_of_version_1_goes_on() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a"]).await;
    broker.close().await;
    sqlx::raw_sql("ALTER TABLE messages DROP COLUMN traceparent; PRAGMA user_version = 1")
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    let broker = folder.open().await;
    publish_all(&broker, ["b"]).await;
    let consumer = broker.consume(Queue::Commands, bound(2)).await.unwrap();
    for id in ["a", "b"] {
        assert_eq!(next(&consumer).await.message, message(id));
    }
}

#[tokio::test]
async fn what_cannot_be_stored_is_refused_and_the_broker_recovers() {
    let folder = Folder::new();
    let broker = folder.open().await;
    sqlx::query("ALTER TABLE messages RENAME TO elsewhere")
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    assert_eq!(
        broker.publish(Queue::Commands, &message("a")).await,
        Err(PublishError::Refused)
    );
    assert!(!broker.connected());
    assert!(matches!(
        broker.depth(Queue::Commands).await,
        Err(BrokerError::Lost(_))
    ));
    // It connects again although nobody asks for anything.
    until("it is connected", async || broker.connected()).await;
    sqlx::query("ALTER TABLE elsewhere RENAME TO messages")
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    publish_all(&broker, ["b"]).await;
    assert!(broker.connected());
    assert_eq!(depth(&broker, Queue::Commands).await, 1);
}

/// Says how fast it is; only the numbers of a release build mean anything.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_publish_and_settle_together() {
    const PUBLISHERS: u64 = 256;
    const EACH: u64 = 40;
    let folder = Folder::new();
    let broker = folder.open().await;
    let begun = Instant::now();
    let publishers = (0..PUBLISHERS).map(|publisher| {
        let broker = broker.clone();
        tokio::spawn(async move {
            for number in 0..EACH {
                let body = vec![b'x'; 400];
                let message = Message {
                    body,
                    ..message(format!("{publisher}-{number}"))
                };
                broker.publish(Queue::Commands, &message).await.unwrap();
            }
        })
    });
    for publisher in within(join_all(publishers)).await {
        publisher.unwrap();
    }
    let published = begun.elapsed();
    let total = PUBLISHERS * EACH;
    assert_eq!(depth(&broker, Queue::Commands).await, total);

    let consumer = broker.consume(Queue::Commands, bound(1000)).await.unwrap();
    let begun = Instant::now();
    let mut settled = 0;
    let mut batches = 0;
    while settled < total {
        let mut batch = vec![next(&consumer).await];
        batch.extend(std::iter::from_fn(|| consumer.try_next()).take(499));
        settled += batch.len() as u64;
        batches += 1;
        consumer.settle(batch).await.unwrap();
    }
    let consumed = begun.elapsed();
    let rate = |time: Duration| total as f64 / time.as_secs_f64();
    println!(
        "published {total} at {:.0}/s, settled in {batches} batches at {:.0}/s",
        rate(published),
        rate(consumed)
    );
    assert_eq!(depth(&broker, Queue::Commands).await, 0);
}
