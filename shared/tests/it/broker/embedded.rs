//! What is particular to the embedded broker: its file, its lock, crashes, other processes.
//!
//! Other processes are this test binary, run again for [`helper_process`] alone.

use std::{
    collections::BTreeSet,
    future::Future,
    io::{BufRead, BufReader},
    num::NonZeroU16,
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::join_all};
use rand::RngExt;
use sea_orm::sqlx::{self, Connection, SqliteConnection, sqlite::SqliteConnectOptions};
use shared::broker::{
    Broker, BrokerError, BrokerReason, CONTENT_TYPE_JSON, Consumer, Delivery, Message, PublishError, Queue,
    QueueOptions, RetryTier, Settled,
    embedded::{Embedded, EmbeddedOptions, SUSPECTS_MAX},
};
use tempfile::TempDir;

/// No condition that a test waits for takes this long.
const BOUND: Duration = Duration::from_secs(30);

const ROLE: &str = "CONTATO_TEST_ROLE";
const FILE: &str = "CONTATO_TEST_FILE";

// --- helpers

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

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(BOUND, future)
        .await
        .expect("it takes too long")
}

async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    within(async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
}

fn bound(bound: u16) -> NonZeroU16 {
    NonZeroU16::new(bound).unwrap()
}

fn message(id: impl ToString) -> Message {
    Message {
        body: br#"{"v":1}"#.to_vec(),
        kind: "contato.create".to_owned(),
        message_id: id.to_string(),
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt: 1,
        replay: 0,
    }
}

async fn publish_all(broker: &Embedded, ids: impl IntoIterator<Item = impl ToString>) {
    for id in ids {
        broker.publish(Queue::Commands, &message(id)).await.unwrap();
    }
}

async fn next(consumer: &Arc<dyn Consumer>) -> Delivery {
    within(consumer.next()).await.unwrap()
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

/// Another process.
struct Helper {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Helper {
    fn start(role: &str, file: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "broker::embedded::helper_process", "--nocapture"])
            .env(ROLE, role)
            .env(FILE, file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// What comes after the word in the next whole line that has it; `None` at the end.
    fn said(&mut self, word: &str) -> Option<String> {
        loop {
            let mut line = String::new();
            self.lines.read_line(&mut line).unwrap();
            // A line that the kill cut short counts for nothing.
            let line = line.strip_suffix('\n')?;
            if let Some((_, rest)) = line.split_once(word) {
                return Some(rest.trim().to_owned());
            }
        }
    }

    /// SIGKILL; then whatever was still said.
    fn kill(mut self, word: &str) -> Vec<String> {
        self.child.kill().unwrap();
        let rest = std::iter::from_fn(|| self.said(word)).collect();
        self.child.wait().unwrap();
        rest
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Not a test: what another process does.
#[tokio::test]
async fn helper_process() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let path = PathBuf::from(std::env::var(FILE).unwrap());
    let broker = Embedded::open(EmbeddedOptions {
        path,
        queues: limit(2),
    })
    .await
    .unwrap();
    match role.as_str() {
        "publish for ever" => {
            let publishers = (0..16).map(|publisher| {
                let broker = &broker;
                async move {
                    for number in 0.. {
                        let id = format!("{}-{publisher}-{number}", std::process::id());
                        broker.publish(Queue::Commands, &message(&id)).await.unwrap();
                        println!("stored {id}");
                    }
                }
            });
            join_all(publishers).await;
        }
        "publish one" => {
            broker.publish(Queue::Commands, &message("theirs")).await.unwrap();
            broker.close().await;
        }
        "take one and hang" => {
            let consumer = broker.consume(Queue::Commands, bound(10)).await.unwrap();
            println!("took {}", next_id(&consumer).await);
            std::future::pending::<()>().await;
        }
        other => panic!("no such role: {other}"),
    }
}

// --- queues

#[tokio::test]
async fn what_was_confirmed_is_there_after_reopening() {
    let folder = Folder::new();
    let broker = folder.open().await;
    let sent = Message {
        body: vec![0, 255, 10],
        attempt: 3,
        replay: 2,
        ..message("one")
    };
    broker.publish(Queue::DeadLetters, &sent).await.unwrap();
    broker.close().await;

    let broker = folder.open().await;
    assert_eq!(depth(&broker, Queue::DeadLetters).await, 1);
    let consumer = broker.consume(Queue::DeadLetters, bound(1)).await.unwrap();
    let delivery = next(&consumer).await;
    assert_eq!(delivery.message, sent);
    assert!(!delivery.redelivered);
    assert_eq!(delivery.broker_reason, None);
    assert_eq!(consumer.settle(vec![delivery]).await, Ok(Settled::Gone));
    broker.close().await;

    let broker = folder.open().await;
    assert_eq!(depth(&broker, Queue::DeadLetters).await, 0);
}

#[tokio::test]
async fn messages_come_in_order_and_within_the_bound() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, 0..700).await;
    let consumer = broker.consume(Queue::Commands, bound(300)).await.unwrap();
    let mut hand = Vec::new();
    for expected in 0..300 {
        let delivery = next(&consumer).await;
        assert_eq!(delivery.message.message_id, expected.to_string());
        hand.push(delivery);
    }
    assert!(consumer.try_next().is_none());
    assert_eq!(depth(&broker, Queue::Commands).await, 400);
    assert_eq!(consumer.settle(hand).await, Ok(Settled::Gone));
    for expected in 300..600 {
        assert_eq!(next_id(&consumer).await, expected.to_string());
    }
}

#[tokio::test]
async fn two_consumers_share_a_queue() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, 0..40).await;
    let one = broker.consume(Queue::Commands, bound(20)).await.unwrap();
    let other = broker.consume(Queue::Commands, bound(20)).await.unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        assert!(seen.insert(next_id(&one).await));
        assert!(seen.insert(next_id(&other).await));
    }
}

#[tokio::test]
async fn a_dropped_consumer_gives_everything_back_flagged() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a", "b", "c"]).await;
    let consumer = broker.consume(Queue::Commands, bound(2)).await.unwrap();
    assert!(!next(&consumer).await.redelivered);
    drop(consumer);
    assert_eq!(depth(&broker, Queue::Commands).await, 3);

    let consumer = broker.consume(Queue::Commands, bound(3)).await.unwrap();
    let came: Vec<_> = [
        next(&consumer).await,
        next(&consumer).await,
        next(&consumer).await,
    ]
    .into();
    let came = came
        .iter()
        .map(|delivery| (delivery.message.message_id.as_str(), delivery.redelivered));
    // "b" was read ahead only: nobody has seen it.
    assert_eq!(
        came.collect::<Vec<_>>(),
        [("a", true), ("b", false), ("c", false)]
    );
}

#[tokio::test]
async fn a_delivery_of_an_earlier_consumer_cannot_be_settled() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a"]).await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let old = next(&consumer).await;
    drop(consumer);
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let new = next(&consumer).await;
    assert_eq!(consumer.settle(vec![old]).await, Ok(Settled::ComesAgain));
    assert_eq!(consumer.settle(vec![new]).await, Ok(Settled::Gone));
    assert_eq!(consumer.settle(vec![]).await, Ok(Settled::Gone));
}

#[tokio::test]
async fn a_retry_waits_in_its_tier_and_then_comes() {
    let folder = Folder::new();
    let retry_delays = [
        Duration::from_millis(300),
        Duration::from_secs(600),
        Duration::from_secs(900),
    ];
    let broker = folder
        .open_with(QueueOptions {
            retry_delays,
            ..QueueOptions::default()
        })
        .await;
    let consumer = broker.consume(Queue::Commands, bound(9)).await.unwrap();
    let sent = Instant::now();
    let again = Message {
        attempt: 2,
        ..message("again")
    };
    broker
        .publish(Queue::Retry(RetryTier::One), &again)
        .await
        .unwrap();
    broker
        .publish(Queue::Retry(RetryTier::Two), &message("much later"))
        .await
        .unwrap();
    assert_eq!(depth(&broker, Queue::Retry(RetryTier::One)).await, 1);
    assert_eq!(depth(&broker, Queue::Commands).await, 0);
    let delivery = next(&consumer).await;
    assert!(sent.elapsed() >= retry_delays[0]);
    assert_eq!(delivery.message, again);
    assert!(!delivery.redelivered);
    assert_eq!(delivery.broker_reason, None);
    assert_eq!(depth(&broker, Queue::Retry(RetryTier::One)).await, 0);
    assert_eq!(depth(&broker, Queue::Retry(RetryTier::Two)).await, 1);
}

#[tokio::test]
async fn a_retry_tier_cannot_be_consumed() {
    let folder = Folder::new();
    let broker = folder.open().await;
    let refused = broker
        .consume(Queue::Retry(RetryTier::One), bound(1))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, BrokerError::Topology(why) if why.contains("contato.retry.1")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_clock_set_back_does_not_hold_retries_for_days() {
    let folder = Folder::new();
    let broker = folder.open().await;
    broker
        .publish(Queue::Retry(RetryTier::One), &message("a"))
        .await
        .unwrap();
    let far = "UPDATE messages SET available_at = available_at + 86400000";
    sqlx::query(far).execute(&mut folder.raw().await).await.unwrap();
    assert_eq!(depth(&broker, Queue::Commands).await, 1);
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    assert_eq!(next_id(&consumer).await, "a");
}

#[tokio::test]
async fn what_is_given_back_too_often_becomes_a_dead_letter() {
    let folder = Folder::new();
    let broker = folder.open_with(limit(2)).await;
    publish_all(&broker, ["a"]).await;
    let consumer = broker.consume(Queue::Commands, bound(5)).await.unwrap();
    for time in 0..3 {
        let delivery = next(&consumer).await;
        assert_eq!(delivery.redelivered, time > 0);
        consumer.give_back(vec![delivery]).await.unwrap();
    }
    assert_eq!(depth(&broker, Queue::Commands).await, 0);
    assert_eq!(depth(&broker, Queue::DeadLetters).await, 1);
    let dead = broker.consume(Queue::DeadLetters, bound(5)).await.unwrap();
    for _ in 0..5 {
        let delivery = next(&dead).await;
        assert_eq!(delivery.message, message("a"));
        assert_eq!(delivery.broker_reason, Some(BrokerReason::DeliveryLimit));
        // The queue of dead letters has no limit.
        dead.give_back(vec![delivery]).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_rejected_becomes_a_dead_letter_and_then_is_parked() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a"]).await;
    for (queue, reason) in [
        (Queue::Commands, None),
        (Queue::DeadLetters, Some(BrokerReason::Rejected)),
        (Queue::Parking, Some(BrokerReason::Rejected)),
        (Queue::Parking, Some(BrokerReason::Rejected)),
    ] {
        let consumer = broker.consume(queue, bound(1)).await.unwrap();
        let delivery = next(&consumer).await;
        assert_eq!(delivery.broker_reason, reason);
        assert_eq!(consumer.reject(delivery).await, Ok(Settled::Gone));
    }
    assert_eq!(depth(&broker, Queue::Parking).await, 1);
}

#[tokio::test]
async fn a_full_queue_refuses_until_there_is_room() {
    let folder = Folder::new();
    let broker = folder
        .open_with(QueueOptions {
            max_length: Some(2),
            ..QueueOptions::default()
        })
        .await;
    let sent: Vec<Message> = (0..20).map(message).collect();
    let answers = join_all(
        sent.iter()
            .map(|message| broker.publish(Queue::Commands, message)),
    )
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Err(PublishError::Refused))
            .count(),
        18
    );
    // Other queues have no bound.
    for _ in 0..3 {
        broker.publish(Queue::DeadLetters, &message("x")).await.unwrap();
    }
    // What is in hand does not wait.
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let delivery = next(&consumer).await;
    broker.publish(Queue::Commands, &message("c")).await.unwrap();
    assert_eq!(
        broker.publish(Queue::Commands, &message("d")).await,
        Err(PublishError::Refused)
    );
    consumer.settle(vec![delivery]).await.unwrap();
}

// --- cancelling

#[tokio::test]
async fn next_can_be_dropped_at_every_point() {
    let folder = Folder::new();
    crash_with(&folder, 0..50).await;
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(50)).await.unwrap();
    for expected in 0..50 {
        let delivery = within(async {
            loop {
                if let Some(delivery) = consumer.next().now_or_never() {
                    return delivery.unwrap();
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(delivery.message.message_id, expected.to_string());
    }
    let counted: Vec<i64> = deliveries(&folder).await;
    assert_eq!(counted, [1; 50]);
}

#[tokio::test]
async fn settling_can_be_dropped_and_nothing_is_stuck() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a", "b"]).await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let delivery = next(&consumer).await;
    assert!(consumer.settle(vec![delivery]).now_or_never().is_none());
    // Settled or not, there is room again; the order says that it is "a" first if it comes again.
    let delivery = next(&consumer).await;
    if delivery.message.message_id == "a" {
        assert!(delivery.redelivered);
        consumer.settle(vec![delivery]).await.unwrap();
        assert_eq!(next_id(&consumer).await, "b");
    }
}

// --- crashes

/// Leaves the queue as a consumer that crashed does.
async fn crash_with(folder: &Folder, ids: impl IntoIterator<Item = impl ToString>) {
    let broker = folder.open().await;
    drop(broker.consume(Queue::DeadLetters, bound(1)).await.unwrap());
    publish_all(&broker, ids).await;
}

async fn deliveries(folder: &Folder) -> Vec<i64> {
    let query = sqlx::query_scalar("SELECT deliveries FROM messages WHERE queue = 'contato' ORDER BY id");
    query.fetch_all(&mut folder.raw().await).await.unwrap()
}

#[tokio::test]
async fn what_was_confirmed_survives_sigkill() {
    let folder = Folder::new();
    let mut confirmed = BTreeSet::new();
    for _ in 0..5 {
        let mut helper = Helper::start("publish for ever", &folder.queue());
        for _ in 0..rand::rng().random_range(1..400) {
            confirmed.insert(helper.said("stored").unwrap());
        }
        confirmed.extend(helper.kill("stored"));

        let broker = folder.open().await;
        assert!(depth(&broker, Queue::Commands).await >= confirmed.len() as u64);
        broker.close().await;
    }
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(500)).await.unwrap();
    within(async {
        while !confirmed.is_empty() {
            let mut batch = vec![consumer.next().await.unwrap()];
            batch.extend(std::iter::from_fn(|| consumer.try_next()));
            for delivery in &batch {
                confirmed.remove(&delivery.message.message_id);
            }
            consumer.settle(batch).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn a_message_that_kills_its_process_becomes_a_dead_letter_and_takes_no_neighbours_along() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["killer", "neighbour", "other"]).await;
    broker.close().await;
    // The helper's limit is 2: two deliveries are counted, and a third is found to be too many.
    for taken in ["killer", "killer", "killer", "neighbour"] {
        let mut helper = Helper::start("take one and hang", &folder.queue());
        assert_eq!(helper.said("took").unwrap(), taken);
        helper.kill("took");
    }
    assert_eq!(deliveries(&folder).await, [1, 0]);

    let broker = folder.open_with(limit(2)).await;
    let dead = broker.consume(Queue::DeadLetters, bound(1)).await.unwrap();
    let delivery = next(&dead).await;
    assert_eq!(delivery.message, message("killer"));
    assert_eq!(delivery.broker_reason, Some(BrokerReason::DeliveryLimit));
    let consumer = broker.consume(Queue::Commands, bound(9)).await.unwrap();
    let neighbour = next(&consumer).await;
    assert!(neighbour.redelivered);
    consumer.settle(vec![neighbour]).await.unwrap();
}

#[tokio::test]
async fn only_the_first_messages_after_a_crash_are_suspects() {
    let folder = Folder::new();
    crash_with(&folder, 0..3).await;
    let more = "INSERT INTO messages (queue, kind, message_id, content_type, attempt, replay, body)
        WITH RECURSIVE n (n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
        SELECT 'contato', '', n, '', 1, 0, x'' FROM n";
    sqlx::query(more)
        .bind(SUSPECTS_MAX + 1)
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(u16::MAX)).await.unwrap();
    for number in 0..SUSPECTS_MAX + 2 {
        assert_eq!(
            next(&consumer).await.redelivered,
            number < SUSPECTS_MAX,
            "{number}"
        );
    }
}

#[tokio::test]
async fn after_closing_in_order_only_what_was_handed_out_is_flagged_and_nothing_is_suspect() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a", "b", "c"]).await;
    let consumer = broker.consume(Queue::Commands, bound(2)).await.unwrap();
    next(&consumer).await;
    broker.close().await;

    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(3)).await.unwrap();
    for redelivered in [true, false, false] {
        assert_eq!(next(&consumer).await.redelivered, redelivered);
    }
    assert_eq!(deliveries(&folder).await, [0, 0, 0]);
}

#[tokio::test]
async fn giving_a_suspect_back_does_not_count_it_twice() {
    let folder = Folder::new();
    crash_with(&folder, ["a"]).await;
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    for count in 1..4 {
        let delivery = next(&consumer).await;
        assert!(delivery.redelivered);
        consumer.give_back(vec![delivery]).await.unwrap();
        assert!((count..=count + 1).contains(&deliveries(&folder).await[0]));
    }
}

// --- other processes

#[tokio::test]
async fn only_one_process_consumes() {
    let folder = Folder::new();
    folder.open().await.close().await;
    publish_all(&*folder.open().await, ["a"]).await;
    let mut helper = Helper::start("take one and hang", &folder.queue());
    assert_eq!(helper.said("took").unwrap(), "a");

    let broker = folder.open().await;
    let refused = broker.consume(Queue::Commands, bound(1)).await.unwrap_err();
    let BrokerError::Topology(why) = &refused else {
        panic!("{refused}");
    };
    assert!(
        why.contains("queue.db is consumed already") && why.contains("queue.db.lock"),
        "{why}"
    );
    assert!(why.contains("Stop that process"), "{why}");
    // Publishing is for everybody.
    publish_all(&broker, ["b"]).await;

    helper.kill("took");
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    assert!(next(&consumer).await.redelivered);
}

#[tokio::test]
async fn a_message_of_another_process_wakes_the_consumer() {
    let folder = Folder::new();
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    assert!(consumer.next().now_or_never().is_none());
    let _helper = Helper::start("publish one", &folder.queue());
    assert_eq!(next_id(&consumer).await, "theirs");
}

#[tokio::test]
async fn a_file_can_be_opened_twice_and_consumed_once() {
    let folder = Folder::new();
    let one = folder.open().await;
    let other = folder.open().await;
    let consumer = one.consume(Queue::Commands, bound(1)).await.unwrap();
    let refused = other.consume(Queue::Commands, bound(1)).await.unwrap_err();
    assert!(matches!(refused, BrokerError::Topology(_)), "{refused}");
    publish_all(&other, ["a"]).await;
    assert_eq!(next_id(&consumer).await, "a");

    one.close().await;
    let consumer = other.consume(Queue::Commands, bound(1)).await.unwrap();
    assert_eq!(next_id(&consumer).await, "a");
}

#[tokio::test]
async fn many_may_open_a_new_file_at_once() {
    let folder = Folder::new();
    let brokers = join_all((0..8).map(|_| folder.open())).await;
    for broker in &brokers {
        publish_all(broker, ["a"]).await;
    }
    assert_eq!(depth(&brokers[0], Queue::Commands).await, 8);
}

#[tokio::test]
async fn a_publish_that_another_writer_blocks_is_unconfirmed_in_time() {
    let folder = Folder::new();
    let publish_timeout = Duration::from_millis(500);
    let broker = folder
        .open_with(QueueOptions {
            publish_timeout,
            ..QueueOptions::default()
        })
        .await;
    let mut raw = folder.raw().await;
    let transaction = raw.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let asked = Instant::now();
    let answer = within(broker.publish(Queue::Commands, &message("blocked"))).await;
    assert_eq!(answer, Err(PublishError::Unconfirmed));
    assert!(asked.elapsed() < publish_timeout * 4, "{:?}", asked.elapsed());

    let waiting = tokio::spawn({
        let broker = broker.clone();
        async move { broker.publish(Queue::Commands, &message("waiting")).await }
    });
    transaction.rollback().await.unwrap();
    // It may have given up before the other let go.
    let _: Result<(), PublishError> = waiting.await.unwrap();
    broker.publish(Queue::Commands, &message("after")).await.unwrap();
    assert!(broker.connected());
}

// --- files

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
    assert_eq!(
        consumer.settle(vec![delivery]).await,
        Ok(Settled::ComesAgain)
    );
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
    sqlx::query("PRAGMA user_version = 2")
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    let options = EmbeddedOptions {
        path: folder.queue(),
        queues: QueueOptions::default(),
    };
    let refused = Embedded::open(options).await.unwrap_err();
    assert!(
        matches!(&refused, BrokerError::Topology(why) if why.contains("version 2")),
        "{refused}"
    );
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
    sqlx::query("ALTER TABLE elsewhere RENAME TO messages")
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    publish_all(&broker, ["b"]).await;
    assert!(broker.connected());
    assert_eq!(depth(&broker, Queue::Commands).await, 1);
}

// --- speed

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
