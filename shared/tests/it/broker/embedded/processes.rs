//! Several processes and one file. Other processes are this test binary, run again for [`helper_process`] alone.

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::join_all};
use sea_orm::sqlx::Connection;
use shared::broker::{
    Broker, BrokerError, PublishError, Queue, QueueOptions,
    embedded::{Embedded, EmbeddedOptions},
};

use super::{Folder, bound, depth, limit, message, next, next_id, publish_all, within};

/// What another process does.
const ROLE: &str = "CONTATO_TEST_ROLE";
/// The queue file it does it to.
const FILE: &str = "CONTATO_TEST_FILE";

/// Another process.
pub struct Helper {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Helper {
    /// Starts it in a role.
    pub fn start(role: &str, file: &Path) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "broker::embedded::processes::helper_process",
                "--nocapture",
            ])
            .env(ROLE, role)
            .env(FILE, file)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// What comes after the word in the next whole line that has it; `None` at the end.
    pub fn said(&mut self, word: &str) -> Option<String> {
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
    pub fn kill(mut self, word: &str) -> Vec<String> {
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
        "settle for ever" => {
            let consumer = broker.consume(Queue::Commands, bound(5)).await.unwrap();
            loop {
                let delivery = next(&consumer).await;
                let id = delivery.message.message_id.clone();
                consumer.settle(vec![delivery]).await.unwrap();
                println!("settled {id}");
            }
        }
        "take one and hang" => {
            let consumer = broker.consume(Queue::Commands, bound(10)).await.unwrap();
            println!("took {}", next_id(&consumer).await);
            std::future::pending::<()>().await;
        }
        other => panic!("no such role: {other}"),
    }
}

#[tokio::test]
async fn only_one_process_consumes() {
    let folder = Folder::new();
    folder.open().await.close().await;
    publish_all(&*folder.open().await, ["a"]).await;
    let mut helper = Helper::start("take one and hang", &folder.queue());
    assert_eq!(helper.said("took").unwrap(), "a");

    let broker = folder.open().await;
    let refused = broker.consume(Queue::Commands, bound(1)).await.unwrap_err();
    let BrokerError::Consumed(why) = &refused else {
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
    assert!(matches!(refused, BrokerError::Consumed(_)), "{refused}");
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
    let publish_timeout = Duration::from_secs(2);
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
