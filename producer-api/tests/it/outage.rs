//! Broker down, SQL down.

use std::{
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};

use reqwest::Method;
use serde_json::json;
use shared::{
    broker::{Broker, PublishError},
    domain::{IdIssuer, IdKey, Outcome, Verdict},
    settings::{SecretUrl, Settings, Span},
};

use crate::app::{Contrary, DEAD_DATABASE, Pair, TestApp, ana};

on_both_pairs![without_the_broker_nothing_is_accepted_and_reads_go_on];

async fn without_the_broker_nothing_is_accepted_and_reads_go_on(app: &TestApp) {
    let id = app.contact("Ana", "(11) 98765-4321").await;
    app.parts.broker.close().await;
    for request in [
        app.post(&ana()),
        app.put(&id, &ana()),
        app.patch(&id, &json!({"name": "Bia"})),
        app.delete(&id),
        app.post(&ana()).header("prefer", "wait=10"),
    ] {
        let answer = app.send(request).await;
        assert_eq!(answer.problem(503), "broker-unavailable");
        assert_eq!(answer.header("retry-after"), "5");
        assert!(answer.text_of("/detail").starts_with("Not accepted"));
    }
    assert_eq!(
        app.get(&format!("/v1/contacts/{id}")).await.text_of("/name"),
        "Ana"
    );
    assert_eq!(app.get("/readyz").await.status, 200);
    let health = app.get("/health").await;
    assert_eq!(
        (health.status.as_u16(), health.text_of("/status")),
        (503, "down".to_owned())
    );
    assert_eq!(app.series("contato_publish_total{outcome=\"closed\"}").await, 5.0);
    assert_eq!(
        app.series("contato_commands_accepted_total{operation=\"create\"}")
            .await,
        1.0
    );
}

#[tokio::test]
async fn each_failure_of_a_publish_is_told_as_it_is() {
    let contrary = OnceLock::new();
    let around = |broker| {
        let broker = Arc::new(Contrary::around(broker));
        contrary.set(broker.clone()).unwrap();
        broker as Arc<dyn Broker>
    };
    let app = TestApp::start_around(Pair::Embedded, |_| {}, around).await;
    let says = |error| contrary.get().unwrap().says(error);
    for (error, code, outcome) in [
        (PublishError::Unavailable, "broker-unavailable", "closed"),
        (PublishError::Blocked, "broker-unavailable", "blocked"),
        (PublishError::Refused, "broker-unavailable", "nacked"),
        (PublishError::Unroutable, "broker-unavailable", "returned"),
        (PublishError::Unconfirmed, "publish-unconfirmed", "timeout"),
    ] {
        says(Some(error));
        let answer = app.send(app.post(&ana()).header("prefer", "wait=10")).await;
        assert_eq!(answer.problem(503), code);
        assert_eq!(answer.header("retry-after"), "5");
        let told = answer.text_of("/commandId");
        let taken = app.take().await.command.id.to_string();
        assert_eq!(
            told,
            if code == "publish-unconfirmed" {
                taken
            } else {
                String::new()
            }
        );
        let series = format!("contato_publish_total{{outcome=\"{outcome}\"}}");
        assert_eq!(app.series(&series).await, 1.0);
    }
    // Sent again with its key, what may have been accepted has the same ids.
    let keyed = || app.post(&ana()).header("idempotency-key", "k");
    says(Some(PublishError::Unconfirmed));
    let unsure = app.send(keyed()).await;
    says(None);
    let sure = app.send(keyed()).await;
    assert_eq!(
        (sure.status.as_u16(), sure.text_of("/id")),
        (202, unsure.text_of("/commandId"))
    );
    assert_eq!(
        app.apply(2).await,
        [
            Verdict::Finished(Outcome::Applied),
            Verdict::Repeat(Outcome::Applied)
        ]
    );
    app.stop().await;
}

fn without_sql(settings: &mut Settings) {
    settings.store.url = SecretUrl::new(DEAD_DATABASE);
    settings.store.timeout = Span(Duration::from_secs(1));
}

#[tokio::test]
async fn without_sql_writes_go_on_and_reads_say_so() {
    let app = TestApp::start_with(Pair::Embedded, without_sql).await;
    let created = app.send(app.post(&ana())).await;
    assert_eq!(created.status, 202, "{created:?}");
    let id = created.text_of("/contactId");
    for request in [
        app.put(&id, &ana()),
        app.patch(&id, &json!({"name": "Bia"})),
        app.delete(&id),
    ] {
        assert_eq!(app.send(request).await.status, 202);
    }
    for _ in 0..4 {
        app.take().await;
    }
    // Only of an id that is not ours SQL would have to be asked.
    let foreign = IdIssuer::new(IdKey::new(&[9; 32]).unwrap()).issue(1, 1);
    let answer = app.send(app.delete(&foreign.contact.to_string())).await;
    assert_eq!(answer.problem(503), "store-unavailable");

    let command = created.header("location").to_owned();
    for path in [
        format!("/v1/contacts/{id}"),
        "/v1/contacts".to_owned(),
        format!("/v1/commands?contactId={id}"),
        command.clone(),
    ] {
        let answer = app.get(&path).await;
        assert_eq!(answer.problem(503), "store-unavailable", "{path}");
        assert_eq!(answer.header("retry-after"), "5");
    }
    let search = app.request(Method::POST, "/v1/contacts/search").json(&json!({}));
    assert_eq!(app.send(search).await.problem(503), "store-unavailable");
    let not_ours = app.get(&format!("/v1/commands/{}", foreign.command)).await;
    assert_eq!(not_ours.problem(404), "command-not-found");

    let began = Instant::now();
    let waited = app.send(app.post(&ana()).header("prefer", "wait=2")).await;
    assert_eq!(
        (waited.status.as_u16(), waited.text_of("/status")),
        (202, "pending".to_owned())
    );
    assert!(began.elapsed() >= Duration::from_secs(2), "it waited for SQL");
    assert!(app.series("contato_wait_queries_total{outcome=\"failed\"}").await >= 1.0);
    assert_eq!(app.get("/readyz").await.status, 200);
    assert_eq!(app.get("/health").await.status, 503);
    app.stop().await;
}

#[tokio::test]
async fn the_service_starts_without_a_broker() {
    let app = TestApp::start_with(Pair::Embedded, |settings| {
        settings.broker.url = SecretUrl::new("amqp://127.0.0.1:1");
    })
    .await;
    // For a while it may still get one.
    assert_eq!(app.get("/readyz").await.status, 503);
    assert_eq!(
        app.send(app.post(&ana())).await.problem(503),
        "broker-unavailable"
    );
    test_support::eventually("it is ready all the same, to say what is wrong", || async {
        (app.get("/readyz").await.status == 200).then_some(())
    })
    .await;
    assert_eq!(app.series("contato_broker_connected").await, 0.0);
    app.stop().await;
}

#[tokio::test]
async fn an_older_schema_is_refused_at_start() {
    let database = test_support::TestDatabase::sqlite();
    let folder = tempfile::TempDir::new().unwrap();
    let mut settings = Settings::default();
    settings.store.url = SecretUrl::new(database.url());
    settings.broker.url = SecretUrl::new(format!("embedded:{}", folder.path().join("queue.db").display()));
    settings.producer_api.listen = "127.0.0.1:0".parse().unwrap();
    settings.producer_api.management = "127.0.0.1:0".parse().unwrap();
    let parts = shared::role::Parts::connect(&settings, "producer-api")
        .await
        .unwrap();
    parts.store.migrate_up(Some(1)).await.unwrap();
    let error = producer_api::build(&settings, parts.clone()).await.unwrap_err();
    assert!(error.to_string().contains("contato migrate up"), "{error}");
    parts.store.migrate_up(None).await.unwrap();
    assert!(producer_api::build(&settings, parts.clone()).await.is_ok());
    parts.close().await;
}
