//! `contato doctor`: each thing that can be wrong is found, named, and told how to mend; nothing is changed by looking.

use std::{
    num::NonZeroU16,
    process::{Command, Output},
};

use shared::broker::Queue;
use tempfile::TempDir;
use test_support::{Pair, TestDatabase, amqp_url, queue_prefix};

/// Runs it with these settings; what it printed, and whether nothing is wrong.
fn doctor(settings: &[(String, String)], arguments: &[&str]) -> (String, bool) {
    let folder = TempDir::new().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(env!("CARGO_BIN_EXE_contato"))
        .arg("doctor")
        .args(arguments)
        .envs(settings.iter().cloned())
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(stdout).unwrap();
    println!("{text}{}", String::from_utf8_lossy(&stderr));
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it made a file");
    (text, status.success())
}

/// The same settings with one of them changed.
fn with(pair: &Pair, variable: &str, value: &str) -> Vec<(String, String)> {
    let mut settings = pair.environment();
    settings.retain(|(name, _)| name != variable);
    settings.push((variable.to_owned(), value.to_owned()));
    settings
}

/// Holds that something is wrong, and that a line with `expected` says so.
fn finds(settings: &[(String, String)], arguments: &[&str], expected: &str) {
    let (text, fine) = doctor(settings, arguments);
    let found = text
        .lines()
        .any(|line| line.starts_with("WRONG") && line.contains(expected));
    assert!(
        found && !fine && text.contains("to mend it: "),
        "{expected}: {text}"
    );
}

#[test]
fn nothing_installed_and_nothing_set_is_fine() {
    let (text, fine) = doctor(&[], &[]);
    assert!(fine && text.ends_with("Nothing is wrong.\n"), "{text}");
    assert!(text.contains("the first start makes it"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_that_are_set_up_are_fine_and_stay_as_they_are() {
    let pair = Pair::servers().await;
    pair.publish(b"as it was".to_vec()).await;
    let (text, fine) = doctor(&pair.environment(), &[]);
    assert!(fine && !text.contains("warn"), "{text}");
    for line in [
        "ok     broker",
        "ok     queues",
        "ok     sql",
        "ok     clocks",
        "ok     schema",
        "ok     rights",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    let consumer = pair
        .parts
        .broker
        .consume(Queue::Commands, NonZeroU16::MIN)
        .await
        .unwrap();
    let delivery = consumer.next().await.unwrap();
    assert_eq!((delivery.redelivered, delivery.returns), (false, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn embedded_files_that_are_there_are_fine_also_beside_a_service() {
    let pair = Pair::embedded().await;
    pair.publish(b"one".to_vec()).await;
    let (text, fine) = doctor(&pair.environment(), &[]);
    assert!(fine && text.contains("1 commands wait"), "{text}");
}

#[test]
fn settings_that_cannot_be_used_are_named() {
    let set = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
    finds(
        &set("CONTATO__BATCH__MAX", "501"),
        &[],
        "batch.max must be from 1 to 500",
    );
    finds(
        &set("CONTATO__BROKER__URL", "amqp://u:geheim@127.0.0.1:1/%2f"),
        &[],
        "ids.key is not set",
    );
    finds(
        &set("CONTATO__PRODUCER_API__LISTEN", "0.0.0.0:0"),
        &["--role", "producer-api"],
        "auth.mode=none",
    );
    finds(
        &set("CONTATO__AUTH__MODE", "required"),
        &["--role", "producer-api"],
        "nothing to check credentials with",
    );
    let (text, fine) = doctor(
        &set("CONTATO__AUTH__MODE", "required"),
        &["--role", "consumer-worker"],
    );
    assert!(fine, "the worker has no callers: {text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_cannot_be_used_is_told_by_why() {
    let pair = Pair::servers().await;
    let url = amqp_url();
    let (login, place) = url.strip_prefix("amqp://").unwrap().split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let (address, _) = place.split_once('/').unwrap();
    for (url, expected) in [
        (
            format!("amqp://{user}:geheim@{address}/%2f"),
            "does not take this name and password",
        ),
        (
            format!("amqp://{login}@{address}/nowhere"),
            "into the virtual host",
        ),
        (
            format!("amqp://{login}@127.0.0.1:1/%2f"),
            "nobody answers at 127.0.0.1:1",
        ),
        (
            format!("amqp://{login}@nowhere.invalid/%2f"),
            "there is no such host: nowhere.invalid:5672",
        ),
        (
            format!("amqps://{login}@{address}/%2f"),
            "though somebody answers at the port",
        ),
        ("amqp://".to_owned() + login, "broker.url is no AMQP URL"),
    ] {
        let settings = with(&pair, "CONTATO__BROKER__URL", &url);
        finds(&settings, &[], expected);
        let (text, _) = doctor(&settings, &[]);
        assert!(!text.contains("geheim") && !text.contains(password), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn queues_that_are_missing_or_other_are_named() {
    let pair = Pair::servers().await;
    let prefix = queue_prefix();
    let nothing = with(&pair, "CONTATO__BROKER__PREFIX", &prefix);
    finds(&nothing, &[], "the exchange contato is missing");
    finds(
        &nothing,
        &[],
        &format!("the queue {prefix}contato.dlq.parking is missing"),
    );
    let longer = with(&pair, "CONTATO__BROKER__RETRY_DELAYS", "51ms,100ms,3s");
    finds(&longer, &[], "contato.retry.1 was declared otherwise");
    let (text, _) = doctor(&longer, &[]);
    assert!(text.contains("x-message-ttl"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sql_that_cannot_be_used_is_told_by_why() {
    let pair = Pair::servers().await;
    let url = pair.settings.store.url.expose().to_owned();
    let (login, place) = url.strip_prefix("postgres://").unwrap().split_once('@').unwrap();
    let (user, password) = login.split_once(':').unwrap();
    let (address, _) = place.split_once('/').unwrap();
    for (url, expected) in [
        (
            format!("postgres://{user}:geheim@{place}"),
            "password authentication failed",
        ),
        (
            format!("postgres://{login}@{address}/nowhere"),
            "database \"nowhere\" does not exist",
        ),
        (
            format!("postgres://{login}@127.0.0.1:1/x"),
            "nobody answers for store.url: 127.0.0.1:1",
        ),
        (
            format!("postgres://{login}@nowhere.invalid/x"),
            "nobody answers for store.url: nowhere.invalid:5432",
        ),
    ] {
        let settings = with(&pair, "CONTATO__STORE__URL", &url);
        finds(&settings, &[], expected);
        let (text, _) = doctor(&settings, &[]);
        assert!(!text.contains("geheim") && !text.contains(password), "{text}");
    }
    let standby = with(
        &pair,
        "CONTATO__STORE__READ_URL",
        "postgres://u:geheim@127.0.0.1:1/x",
    );
    finds(&standby, &[], "nobody answers for store.readUrl");
    let empty = TestDatabase::postgres().await;
    finds(
        &with(&pair, "CONTATO__STORE__URL", empty.url()),
        &[],
        "older than this program",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rights_that_no_service_needs_are_named() {
    let pair = Pair::servers().await;
    let (text, fine) = doctor(&pair.environment(), &["--role", "dlq-function"]);
    for warning in [
        "at the broker this user may also declare and delete queues",
        "in SQL this user may also remove entries of the audit",
    ] {
        let line = format!("warn   rights    {warning}");
        assert!(fine && text.contains(&line), "{line}: {text}");
    }
}
