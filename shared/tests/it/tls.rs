//! TLS to broker and SQL with real certificates: who is trusted, who is not, and what is said then.
//!
//! The servers show a certificate for localhost and 127.0.0.1 (scripts/services).

use std::{fs, path::PathBuf, sync::Arc};

use secrecy::{ExposeSecret, SecretString};
use shared::{
    broker::{
        Broker, BrokerError, Queue, QueueOptions,
        rabbitmq::{RabbitMq, RabbitMqOptions},
    },
    store::{Store, StoreError, StoreOptions},
};
use tempfile::NamedTempFile;
use test_support::{amqps_url, ca_file, postgres_tls_url};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use crate::{
    broker::{
        proxy::Proxy,
        rabbitmq_harness::{RabbitMqHarness, shared_url},
        support::{bound, message, take, until},
    },
    store::options,
};

const UNKNOWN_AUTHORITY: &str = "is not from an authority that is trusted";
const ANOTHER_HOST: &str = "is not for 127.0.0.2, the host in the URL, but for localhost, 127.0.0.1";

/// An authority that no server's certificate is from.
fn another_ca() -> PathBuf {
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/another-ca.pem").into()
}

fn amqps() -> SecretString {
    amqps_url().into()
}

/// The URL of SQL without a word about TLS.
fn no_sslmode() -> SecretString {
    let url = postgres_tls_url();
    url.split_once('?').expect("it has parameters").0.into()
}

fn unspoken(said: &str, url: &SecretString) {
    let (_, rest) = url.expose_secret().split_once("://contato:").unwrap();
    let password = rest.split_once('@').unwrap().0;
    assert!(!said.contains(password), "{said}");
}

struct Rabbit(RabbitMqHarness);

impl Rabbit {
    fn new() -> Self {
        Self(RabbitMqHarness::at(shared_url(), QueueOptions::default()))
    }

    fn start(&self, url: &SecretString, ca_file: Option<PathBuf>) -> Arc<RabbitMq> {
        RabbitMq::start(RabbitMqOptions {
            url: url.clone(),
            ca_file,
            ..self.0.options.clone()
        })
    }

    /// Why there is no connection.
    async fn refusal(&self, url: &SecretString, ca_file: Option<PathBuf>) -> String {
        let broker = self.start(url, ca_file);
        let error = broker.depth(Queue::Commands).await.expect_err("no connection");
        unspoken(&format!("{error} {error:?} {broker:?}"), url);
        match error {
            BrokerError::Lost(reason) => reason,
            other => panic!("{other}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broker_is_spoken_to_over_tls_also_after_a_cut() {
    let rabbit = Rabbit::new();
    let proxy = Proxy::before(&amqps()).await;
    let broker = rabbit.start(&proxy.url(), Some(ca_file()));
    until("connected", async || broker.connected()).await;
    broker.publish(Queue::Commands, &message("before")).await.unwrap();
    proxy.cut();
    until("the cut is noticed", async || !broker.connected()).await;
    until("connected again", async || broker.connected()).await;
    broker.publish(Queue::Commands, &message("after")).await.unwrap();
    let consumer = broker.consume(Queue::Commands, bound(10)).await.unwrap();
    let found = take(&consumer, 2).await;
    let ids: Vec<_> = found
        .iter()
        .map(|delivery| delivery.message.message_id.as_str())
        .collect();
    assert_eq!(ids, ["before", "after"]);
    consumer.settle(found).await.unwrap();
    broker.close().await;
}

#[tokio::test]
async fn a_broker_of_an_unknown_authority_is_refused() {
    let rabbit = Rabbit::new();
    for authorities in [None, Some(another_ca())] {
        let reason = rabbit.refusal(&amqps(), authorities).await;
        assert!(
            reason.contains(UNKNOWN_AUTHORITY) && reason.contains("broker.caFile"),
            "{reason}"
        );
    }
}

#[tokio::test]
async fn a_broker_under_another_name_is_refused() {
    let proxy = Proxy::under_another_name(&amqps()).await;
    let reason = Rabbit::new().refusal(&proxy.url(), Some(ca_file())).await;
    assert!(reason.contains(ANOTHER_HOST), "{reason}");
}

#[tokio::test]
async fn tls_and_plain_text_do_not_meet_at_the_broker() {
    let rabbit = Rabbit::new();
    let with_scheme = |url: SecretString, scheme: &str| -> SecretString {
        let (_, rest) = url.expose_secret().split_once("://").unwrap();
        format!("{scheme}://{rest}").into()
    };
    let reason = rabbit.refusal(&with_scheme(amqps(), "amqp"), None).await;
    assert!(reason.contains("amqps://"), "{reason}");
    let reason = rabbit
        .refusal(&with_scheme(shared_url(), "amqps"), Some(ca_file()))
        .await;
    assert!(reason.contains("does not speak TLS"), "{reason}");
}

#[tokio::test]
async fn authorities_are_read_again_for_each_connection() {
    let file = NamedTempFile::new().unwrap();
    fs::copy(another_ca(), file.path()).unwrap();
    let rabbit = Rabbit::new();
    let broker = rabbit.start(&amqps(), Some(file.path().into()));
    let store = open(no_sslmode(), Some(file.path().into())).await;
    broker.depth(Queue::Commands).await.unwrap_err();
    store.ping().await.unwrap_err();
    fs::copy(ca_file(), file.path()).unwrap();
    until("connected", async || broker.connected()).await;
    store.ping().await.unwrap();
    broker.close().await;
}

async fn open(url: SecretString, ca_file: Option<PathBuf>) -> Store {
    let options = StoreOptions {
        ca_file,
        ..options(url.expose_secret())
    };
    Store::open(&options).await.unwrap()
}

/// Why SQL is not reached.
async fn refusal(url: SecretString, ca_file: Option<PathBuf>) -> String {
    let error = open(url.clone(), ca_file).await.ping().await;
    let error = error.expect_err("no connection");
    unspoken(&format!("{error} {error:?}"), &url);
    assert!(matches!(error, StoreError::Outage(_)), "{error:?}");
    error.reason().expect("a reason")
}

#[tokio::test]
async fn sql_is_spoken_to_over_tls_also_after_a_cut() {
    for url in [no_sslmode(), postgres_tls_url().into()] {
        let proxy = Proxy::before(&url).await;
        let store = open(proxy.url(), Some(ca_file())).await;
        store.ping().await.unwrap();
        store.ping_writer().await.unwrap();
        proxy.cut();
        until("it answers again", async || {
            store.ping().await.is_ok() && store.ping_writer().await.is_ok()
        })
        .await;
    }
}

#[tokio::test]
async fn sql_of_an_unknown_authority_is_refused() {
    for (url, authorities) in [
        (postgres_tls_url().into(), None),
        (postgres_tls_url().into(), Some(another_ca())),
        (no_sslmode(), Some(another_ca())),
    ] {
        let reason = refusal(url, authorities).await;
        assert!(
            reason.contains(UNKNOWN_AUTHORITY) && reason.contains("store.caFile"),
            "{reason}"
        );
    }
}

/// `verify-full`, also where only the authorities are named; `verify-ca` is what the URL can ask for instead.
#[tokio::test]
async fn sql_under_another_name_is_refused_unless_the_url_says_otherwise() {
    let proxy = Proxy::under_another_name(&no_sslmode()).await;
    let reason = refusal(proxy.url(), Some(ca_file())).await;
    assert!(reason.contains(ANOTHER_HOST), "{reason}");
    let verify_ca = format!("{}?sslmode=verify-ca", proxy.url().expose_secret());
    open(verify_ca.into(), Some(ca_file()))
        .await
        .ping()
        .await
        .unwrap();
}

#[tokio::test]
async fn the_standby_is_held_to_the_same() {
    let proxy = Proxy::under_another_name(&no_sslmode()).await;
    let store = Store::open(&StoreOptions {
        read_url: Some(proxy.url()),
        ca_file: Some(ca_file()),
        ..options(no_sslmode().expose_secret())
    })
    .await
    .unwrap();
    store.ping_writer().await.unwrap();
    let reason = store.ping().await.unwrap_err().reason().unwrap();
    assert!(reason.contains(ANOTHER_HOST), "{reason}");
}

#[tokio::test]
async fn tls_and_plain_text_do_not_meet_at_sql() {
    let (place, _) = postgres_tls_url()
        .rsplit_once('/')
        .map(|(place, database)| (place.to_owned(), database.to_owned()))
        .unwrap();
    let reason = refusal(format!("{place}/tls_only?sslmode=disable").into(), None).await;
    assert!(reason.contains("no encryption"), "{reason}");

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            // What PostgreSQL answers to a request for TLS when it has none.
            let (mut client, _) = listener.accept().await.unwrap();
            let mut request = [0; 8];
            client.read_exact(&mut request).await.unwrap();
            client.write_all(b"N").await.unwrap();
        }
    });
    let url = format!("postgres://contato:geheim@{address}/contato");
    let reason = refusal(url.into(), Some(ca_file())).await;
    assert!(reason.contains("does not support TLS"), "{reason}");
}
