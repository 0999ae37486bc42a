//! The service under test, and the worker's core stepped by hand.

use std::{
    num::NonZeroU16,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use reqwest::{Method, RequestBuilder, StatusCode, header::HeaderMap};
use serde_json::{Value, json};
use shared::{
    broker::{Broker, BrokerError, Consumer, Message, PublishError, Queue, System},
    domain::{IdKey, Stamp, Verdict},
    role::Parts,
    settings::{Secret, SecretUrl, Settings, Span},
    wire::{Envelope, MESSAGE_TYPE_BATCH, decode_message},
};
use tempfile::TempDir;
use test_support::{PATIENCE, Series, TestDatabase, amqp_url, queue_prefix};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The broker and the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pair {
    /// The embedded queue and SQLite.
    Embedded,
    /// RabbitMQ and PostgreSQL.
    Services,
}

/// After so long without a message the queue is believed to be empty.
const QUIET: Duration = Duration::from_millis(700);

/// A URL where no database is.
pub const DEAD_DATABASE: &str = "postgres://contato:nobody@127.0.0.1:1/contato";

/// The service, running.
pub struct TestApp {
    pub parts: Parts,
    pub origin: String,
    pub management: String,
    pub client: reqwest::Client,
    stop: CancellationToken,
    running: JoinHandle<anyhow::Result<()>>,
    consumer: Option<Arc<dyn Consumer>>,
    settings: Settings,
    pub database: TestDatabase,
    _folder: TempDir,
}

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map(|value| value.to_str().unwrap())
            .unwrap_or_default()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// A member of the body as text.
    pub fn text_of(&self, pointer: &str) -> String {
        let body = self.json();
        let value = body.pointer(pointer).unwrap_or(&Value::Null);
        value.as_str().unwrap_or_default().to_owned()
    }

    /// The last part of the problem's type.
    #[track_caller]
    pub fn problem(&self, status: u16) -> String {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        let body = self.json();
        assert_eq!(body["status"], status);
        assert!(body["title"].is_string() && body["detail"].is_string() && body["instance"].is_string());
        self.text_of("/type").rsplit('#').next().unwrap().to_owned()
    }

    /// The faults as `pointer code`.
    pub fn faults(&self) -> Vec<String> {
        let body = self.json();
        let faults = body["errors"].as_array().cloned().unwrap_or_default();
        let text = |fault: &Value, member: &str| fault[member].as_str().unwrap().to_owned();
        faults
            .iter()
            .map(|fault| format!("{} {}", text(fault, "pointer"), text(fault, "code")))
            .collect()
    }
}

impl TestApp {
    pub async fn start(pair: Pair) -> Self {
        Self::start_with(pair, |_| {}).await
    }

    /// Starts with settings of one's own.
    pub async fn start_with(pair: Pair, change: impl FnOnce(&mut Settings)) -> Self {
        Self::start_around(pair, change, |broker| broker).await
    }

    /// Starts with something around the broker.
    pub async fn start_around(
        pair: Pair,
        change: impl FnOnce(&mut Settings),
        around: impl FnOnce(Arc<dyn Broker>) -> Arc<dyn Broker>,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let database = match pair {
            Pair::Embedded => TestDatabase::sqlite(),
            Pair::Services => TestDatabase::postgres().await,
        };
        let mut settings = Settings::default();
        settings.ids.key = Some(Secret::new("0123456789abcdef0123456789abcdef"));
        settings.store.url = SecretUrl::new(database.url());
        settings.store.max_connections = 4;
        settings.store.timeout = Span(Duration::from_secs(5));
        settings.shutdown.deadline = Span(Duration::from_secs(10));
        settings.producer_api.listen = "127.0.0.1:0".parse().unwrap();
        settings.producer_api.management = "127.0.0.1:0".parse().unwrap();
        match pair {
            Pair::Embedded => {
                let path = folder.path().join("queue.db");
                settings.broker.url = SecretUrl::new(format!("embedded:{}", path.display()));
            }
            Pair::Services => {
                settings.broker.url = SecretUrl::new(amqp_url());
                settings.broker.prefix = queue_prefix();
            }
        }
        change(&mut settings);
        let mut parts = Parts::connect(&settings, "producer-api").await.unwrap();
        parts.broker = around(parts.broker);
        if settings.store.url.expose() == database.url() {
            parts.store.migrate_up(None).await.unwrap();
        }
        let service = producer_api::build(&settings, parts.clone()).await.unwrap();
        let origin = format!("http://{}", service.address());
        let management = format!("http://{}", service.management_address());
        let stop = CancellationToken::new();
        let running = tokio::spawn(service.run(stop.clone()));
        let mut app = Self {
            parts,
            origin,
            management,
            client: reqwest::Client::new(),
            stop,
            running,
            consumer: None,
            settings,
            database,
            _folder: folder,
        };
        if app.settings.broker.url.expose() == "amqp://127.0.0.1:1" {
            return app;
        }
        let consumer = test_support::eventually("the broker is there", || async {
            let bound = NonZeroU16::new(100).unwrap();
            app.parts.broker.consume(Queue::Commands, bound).await.ok()
        });
        app.consumer = Some(consumer.await);
        // It is once the broker is connected.
        test_support::eventually("it is ready", || async {
            (app.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        assert!(app.parts.broker.connected());
        app
    }

    /// Ends the service; everything in hand has to be done by then.
    pub async fn stop(self) {
        drop(self.client);
        self.stop.cancel();
        self.running.await.unwrap().unwrap();
        drop(self.consumer);
        self.parts.close().await;
    }

    /// Ends the service, and starts another on the same broker and database.
    pub async fn restart(&mut self) {
        self.stop.cancel();
        (&mut self.running).await.unwrap().unwrap();
        let service = producer_api::build(&self.settings, self.parts.clone())
            .await
            .unwrap();
        self.origin = format!("http://{}", service.address());
        self.management = format!("http://{}", service.management_address());
        self.stop = CancellationToken::new();
        self.running = tokio::spawn(service.run(self.stop.clone()));
    }

    pub fn stopping(&self) {
        self.stop.cancel();
    }

    /// Where it listens, for a [`RawClient`](test_support::RawClient).
    pub fn address(&self) -> &str {
        self.origin.trim_start_matches("http://")
    }

    pub fn ids(&self) -> &IdKey {
        &self.parts.id_key
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.origin))
    }

    pub async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        Answer {
            status: response.status(),
            headers: response.headers().clone(),
            text: response.text().await.unwrap(),
        }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(self.request(Method::GET, path)).await
    }

    pub fn post(&self, body: &Value) -> RequestBuilder {
        self.request(Method::POST, "/v1/contacts").json(body)
    }

    pub fn put(&self, id: &str, body: &Value) -> RequestBuilder {
        self.request(Method::PUT, &format!("/v1/contacts/{id}"))
            .json(body)
    }

    pub fn patch(&self, id: &str, body: &Value) -> RequestBuilder {
        self.request(Method::PATCH, &format!("/v1/contacts/{id}"))
            .header("content-type", "application/merge-patch+json")
            .body(body.to_string())
    }

    pub fn delete(&self, id: &str) -> RequestBuilder {
        self.request(Method::DELETE, &format!("/v1/contacts/{id}"))
    }

    /// Sends a write and applies its command.
    pub async fn write(&self, request: RequestBuilder) -> Answer {
        let answer = self.send(request).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        self.apply(1).await;
        answer
    }

    /// Sends a write that waits, and applies its command meanwhile.
    pub async fn write_and_wait(&self, request: RequestBuilder) -> Answer {
        let request = request.header("prefer", "wait=20");
        let (answer, _) = tokio::join!(self.send(request), self.apply(1));
        answer
    }

    /// Creates a contact; gives its id.
    pub async fn contact(&self, name: &str, phone: &str) -> String {
        let answer = self
            .write(self.post(&json!({"name": name, "phone": phone})))
            .await;
        answer.text_of("/contactId")
    }

    /// The next message off the queue, which is of one command.
    pub async fn take(&self) -> Envelope {
        let (mut envelopes, delivery) = self.next().await;
        self.consumer().settle(vec![delivery]).await.unwrap();
        assert_eq!(envelopes.len(), 1);
        envelopes.remove(0)
    }

    /// Applies the next commands off the queue, each message in a transaction of its own.
    pub async fn apply(&self, count: usize) -> Vec<Verdict> {
        let mut verdicts = Vec::new();
        while verdicts.len() < count {
            let (envelopes, delivery) = self.next().await;
            let attempt = delivery.message.attempt;
            let entries: Vec<_> = envelopes
                .iter()
                .map(|envelope| envelope.entry(attempt, self.ids()))
                .collect();
            let now = self.parts.clock.now();
            let latest = Stamp::at_ms(self.parts.clock.now_ms() + 5000);
            let applied = self.parts.store.apply(&entries, now, latest).await.unwrap();
            verdicts.extend(applied);
            self.consumer().settle(vec![delivery]).await.unwrap();
        }
        verdicts
    }

    /// Takes all messages that are on the queue, gives back what came out of them, and applies it.
    pub async fn apply_all(&self) -> Vec<Envelope> {
        let mut taken = Vec::new();
        while let Ok(Ok(delivery)) = tokio::time::timeout(QUIET, self.consumer().next()).await {
            let envelopes: Vec<_> = decode_message(&delivery.message.body)
                .into_iter()
                .map(|element| element.envelope.unwrap())
                .collect();
            self.apply_envelopes(&envelopes).await;
            self.consumer().settle(vec![delivery]).await.unwrap();
            taken.extend(envelopes);
        }
        taken
    }

    async fn apply_envelopes(&self, envelopes: &[Envelope]) -> Vec<Verdict> {
        let entries: Vec<_> = envelopes
            .iter()
            .map(|envelope| envelope.entry(1, self.ids()))
            .collect();
        let latest = Stamp::at_ms(self.parts.clock.now_ms() + 5000);
        let now = self.parts.clock.now();
        self.parts.store.apply(&entries, now, latest).await.unwrap()
    }

    /// The next message, with the commands in it: those that came while another message was on its way go together.
    async fn next(&self) -> (Vec<Envelope>, shared::broker::Delivery) {
        let next = tokio::time::timeout(PATIENCE, self.consumer().next());
        let delivery = next.await.expect("a command on the queue").unwrap();
        let elements = decode_message(&delivery.message.body);
        let envelopes: Vec<_> = elements
            .into_iter()
            .map(|element| element.envelope.unwrap())
            .collect();
        let message = &delivery.message;
        if let [only] = envelopes.as_slice() {
            let kind = format!("contato.{}", only.command.action.operation());
            assert_eq!(message.kind, kind);
            assert_eq!(message.message_id, only.command.id.to_string());
        } else {
            assert_eq!(message.kind, MESSAGE_TYPE_BATCH);
        }
        (envelopes, delivery)
    }

    fn consumer(&self) -> &Arc<dyn Consumer> {
        self.consumer.as_ref().expect("a broker")
    }

    /// The value of a series on the management listener; 0 if it is not there.
    pub async fn series(&self, line: &str) -> f64 {
        let url = format!("{}/metrics", self.management);
        let text = self.client.get(url).send().await.unwrap().text().await.unwrap();
        Series::parse(&text).value(line).unwrap_or_default()
    }
}

/// A whole contact.
pub fn ana() -> Value {
    json!({"name": "Ana Souza", "phone": "(11) 98765-4321", "email": "Ana@Example.com"})
}

/// A broker that stores what it is given and then says something else, or takes so many messages and refuses all others.
#[derive(Debug)]
pub struct Contrary {
    broker: Arc<dyn Broker>,
    says: Mutex<Option<PublishError>>,
    takes: AtomicI64,
}

impl Contrary {
    pub fn around(broker: Arc<dyn Broker>) -> Self {
        Self {
            broker,
            says: Mutex::default(),
            takes: AtomicI64::new(i64::MAX),
        }
    }

    /// What it says from now on.
    pub fn says(&self, error: Option<PublishError>) {
        *self.says.lock().unwrap() = error;
    }

    /// How many messages it takes from now on.
    pub fn takes(&self, count: i64) {
        self.takes.store(count, Ordering::SeqCst);
    }
}

#[async_trait]
impl Broker for Contrary {
    async fn publish(&self, queue: Queue, message: &Message) -> Result<(), PublishError> {
        if self.takes.fetch_sub(1, Ordering::SeqCst) <= 0 {
            return Err(PublishError::Refused);
        }
        self.broker.publish(queue, message).await?;
        match *self.says.lock().unwrap() {
            Some(error) => Err(error),
            None => Ok(()),
        }
    }

    async fn consume(&self, queue: Queue, bound: NonZeroU16) -> Result<Arc<dyn Consumer>, BrokerError> {
        self.broker.consume(queue, bound).await
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        self.broker.depth(queue).await
    }

    fn system(&self) -> System {
        self.broker.system()
    }

    fn connected(&self) -> bool {
        self.broker.connected()
    }

    async fn close(&self) {
        self.broker.close().await;
    }
}
