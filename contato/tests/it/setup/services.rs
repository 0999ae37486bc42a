//! The three services, each with its own two URLs and nothing else, do what users of contato do.

use std::net::SocketAddr;

use clap::Parser;
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};
use shared::{
    broker::rabbitmq::rights::Account,
    broker::{CONTENT_TYPE_JSON, Message, Queue},
    role::Parts,
    settings::Settings,
};
use test_support::{PATIENCE, eventually};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::installation::{Installation, succeeded};

/// The three, running.
struct Services {
    api: SocketAddr,
    dlq: SocketAddr,
    producer: Parts,
    dlq_function: (Settings, Parts),
    client: reqwest::Client,
    stop: CancellationToken,
    running: Vec<JoinHandle<anyhow::Result<()>>>,
}

impl Services {
    async fn start(place: &Installation) -> Self {
        let settings = |account| place.settings(account);
        let parts =
            async |account: Account| Parts::connect(&settings(account), account.name()).await.unwrap();
        let producer = parts(Account::ProducerApi).await;
        let dlq_parts = parts(Account::DlqFunction).await;
        let api = producer_api::build(&settings(Account::ProducerApi), producer.clone())
            .await
            .unwrap();
        let worker_parts = parts(Account::ConsumerWorker).await;
        let worker = consumer_worker::build(&settings(Account::ConsumerWorker), worker_parts)
            .await
            .unwrap();
        let dlq = dlq_function::build(&settings(Account::DlqFunction), dlq_parts.clone())
            .await
            .unwrap();
        for parts in [&producer, &dlq_parts] {
            parts.broker_connected(PATIENCE).await.unwrap();
        }
        let stop = CancellationToken::new();
        Self {
            api: api.address(),
            dlq: dlq.address(),
            producer,
            dlq_function: (settings(Account::DlqFunction), dlq_parts),
            client: reqwest::Client::new(),
            running: vec![
                tokio::spawn(api.run(stop.clone())),
                tokio::spawn(worker.run(stop.clone())),
                tokio::spawn(dlq.run(stop.clone())),
            ],
            stop,
        }
    }

    fn api(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.api))
    }

    fn dlq(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("http://{}{path}", self.dlq))
    }

    /// Sends a write and waits for what became of it.
    async fn write(&self, method: Method, path: &str, body: Value) -> Value {
        let media = if method == Method::PATCH {
            "application/merge-patch+json"
        } else {
            "application/json"
        };
        let mut request = self.api(method, path).header("prefer", "wait=20");
        if !body.is_null() {
            request = request.header("content-type", media).body(body.to_string());
        }
        let (status, answer) = answered(request).await;
        assert!(
            (200..300).contains(&status) && status != 202,
            "{path}: {status} {answer}"
        );
        answer
    }

    async fn publish(parts: &Parts, queue: Queue, body: &[u8]) {
        let message = Message {
            body: body.to_vec(),
            kind: "contato.create".to_owned(),
            message_id: "test".to_owned(),
            content_type: CONTENT_TYPE_JSON.to_owned(),
            attempt: 1,
            replay: 0,
            traceparent: None,
        };
        parts.broker.publish(queue, &message).await.unwrap();
    }

    /// The dead letters of a query, once there are so many.
    async fn dead(&self, query: &str, count: usize) -> Vec<Value> {
        eventually(&format!("{count} dead letters: {query}"), async || {
            let (status, page) = answered(self.dlq(Method::GET, &format!("/v1/dead-letters?{query}"))).await;
            assert_eq!(status, 200, "{page}");
            let items = page["items"].as_array().unwrap().clone();
            (items.len() == count).then_some(items)
        })
        .await
    }

    async fn page(&self, path: &str) -> String {
        let answer = self
            .dlq(Method::GET, path)
            .header("accept", "text/html")
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 200, "{path}");
        answer.text().await.unwrap()
    }

    async fn stop(self) {
        self.stop.cancel();
        for service in self.running {
            service.await.unwrap().unwrap();
        }
    }
}

async fn answered(request: RequestBuilder) -> (u16, Value) {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.text().await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// A command of `dlq-function`.
#[derive(Parser)]
struct Cli {
    #[command(subcommand)]
    command: dlq_function::cli::Command,
}

/// To see it red: take any right out of `shared/src/broker/rabbitmq/rights.rs` or `deploy/postgres/grants.sql`.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_do_all_they_have_to_with_their_own_users() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    let services = Services::start(&place).await;
    contacts_are_kept(&services).await;
    dead_letters_are_worked_on(&services).await;
    for path in ["/", "/contacts", "/dead-letters", "/audit"] {
        let page = services.page(path).await;
        assert!(!page.contains("no answer"), "{path}: {page}");
    }
    services.stop().await;
    place.remove().await;
}

async fn contacts_are_kept(services: &Services) {
    let ana = services
        .write(
            Method::POST,
            "/v1/contacts",
            json!({ "name": "Ana", "email": "ana@example.com" }),
        )
        .await;
    let path = format!("/v1/contacts/{}", ana["id"].as_str().unwrap());
    let changed = services
        .write(Method::PATCH, &path, json!({ "name": "Ana Lima" }))
        .await;
    assert_eq!(changed["name"], "Ana Lima");
    services
        .write(
            Method::PUT,
            &path,
            json!({ "name": "Ana Sá", "phone": "11987654321" }),
        )
        .await;
    let (status, found) = answered(
        services
            .api(Method::POST, "/v1/contacts/search")
            .json(&json!({ "q": "sá" })),
    )
    .await;
    assert_eq!(
        (status, found["items"].as_array().map(Vec::len)),
        (200, Some(1)),
        "{found}"
    );
    services.write(Method::DELETE, &path, Value::Null).await;
    assert_eq!(answered(services.api(Method::GET, &path)).await.0, 410);

    let file = "nome;e-mail\r\nBia;bia@example.com\r\n;nobody@example.com\r\nEva;eva@example.com\r\n";
    let import = services
        .api(Method::POST, "/v1/contacts/import")
        .header("content-type", "text/csv")
        .body(file);
    let answer = import.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let import = answer.headers()["location"].to_str().unwrap().to_owned();
    eventually("the import is applied", async || {
        let (_, page) = answered(services.api(Method::GET, "/v1/contacts?limit=10")).await;
        (page["items"].as_array()?.len() == 2).then_some(())
    })
    .await;
    let (status, told) = answered(services.api(Method::GET, &import)).await;
    assert_eq!(
        (status, told["refusals"].as_array().map(Vec::len)),
        (200, Some(1)),
        "{told}"
    );
    let (status, csv) = answered(
        services
            .api(Method::GET, "/v1/contacts/export")
            .header("accept", "text/csv"),
    )
    .await;
    assert!(
        status == 200 && csv.to_string().contains("bia@example.com"),
        "{csv}"
    );
    for path in [
        "/v1/contacts/duplicates",
        &format!("/v1/commands?contactId={}", ana["id"].as_str().unwrap()),
    ] {
        assert_eq!(answered(services.api(Method::GET, path)).await.0, 200, "{path}");
    }
}

async fn dead_letters_are_worked_on(services: &Services) {
    Services::publish(&services.producer, Queue::Commands, b"no command").await;
    services.dead("state=open", 1).await;
    let many = services
        .dlq(Method::POST, "/v1/replays")
        .json(&json!({ "reason": "undecodable" }));
    let (status, replay) = answered(many).await;
    assert_eq!(status, 202, "{replay}");
    let replay = format!("/v1/replays/{}", replay["id"].as_str().unwrap());
    eventually("the replay has ended", async || {
        let (_, replay) = answered(services.dlq(Method::GET, &replay)).await;
        (replay["state"] == "finished" && replay["counts"]["deadAgain"] == 1).then_some(())
    })
    .await;

    let again = services.dead("state=open", 1).await;
    let replay = format!("/v1/dead-letters/{}/replay", again[0]["id"].as_str().unwrap());
    assert_eq!(answered(services.dlq(Method::POST, &replay)).await.0, 202);
    services.dead("state=open", 1).await;

    let (settings, parts) = &services.dlq_function;
    Services::publish(parts, Queue::Parking, b"parked").await;
    eventually("it is parked", async || {
        (parts.broker.depth(Queue::Parking).await.unwrap() == 1).then_some(())
    })
    .await;
    let restore = Cli::parse_from(["dlq-function", "parking", "restore", "--yes"]);
    dlq_function::cli::run(restore.command, settings, parts)
        .await
        .unwrap();
    let letters = services.dead("state=open", 2).await;
    let id = letters[0]["id"].as_str().unwrap();
    for (act, expected) in [("reveal", 200), ("discard", 200)] {
        let path = format!("/v1/dead-letters/{id}/{act}");
        assert_eq!(
            answered(services.dlq(Method::POST, &path)).await.0,
            expected,
            "{act}"
        );
    }
    let (status, audit) = answered(services.dlq(Method::GET, "/v1/audit")).await;
    assert!(
        status == 200 && audit["items"].as_array().unwrap().len() >= 4,
        "{audit}"
    );
}
