//! What breaks off goes on, and every row has one effect.

use std::sync::{Arc, OnceLock};

use serde_json::{Value, json};
use shared::broker::Broker;
use test_support::{RawClient, eventually};

use super::{CSV, HEADER, contacts, distinct, import, resource, rows};
use crate::app::{Answer, Contrary, Pair, TestApp};

/// More than one window has.
const MANY: u32 = 4_600;
/// What one window has.
const WINDOW: u32 = 4_000;

on_both_pairs![
    a_file_sent_again_changes_nothing,
    a_client_that_went_away_goes_on_where_it_was,
    a_later_request_takes_over,
];

fn file() -> String {
    format!("{HEADER}{}", rows(0..MANY))
}

async fn send(app: &TestApp, key: &str, file: String) -> Answer {
    let request = import(app, CSV, file).header("idempotency-key", key);
    app.send(request).await
}

/// Begins to send a file, in chunks.
async fn begin(app: &TestApp, key: &str, beginning: &str) -> RawClient {
    let mut client = RawClient::connect(app.address()).await;
    let head = format!(
        "POST /v1/contacts/import HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/csv\r\nIdempotency-Key: {key}\r\nTransfer-Encoding: chunked\r\n\r\n"
    );
    client.send(head).await;
    chunk(&mut client, beginning).await;
    client
}

async fn chunk(client: &mut RawClient, text: &str) {
    client.send(format!("{:x}\r\n{text}\r\n", text.len())).await;
}

/// Waits until an import has come so far, or farther.
async fn reaches(app: &TestApp, id: &str, status: &str, rows: u32) -> Value {
    eventually("the import is so far", async || {
        let answer = app.get(&format!("/v1/imports/{id}")).await;
        let import = (answer.status == 200).then(|| answer.json())?;
        (import["status"] == status && import["rows"].as_u64()? >= rows.into()).then_some(import)
    })
    .await
}

/// The id of the import under a key.
fn id_of(app: &TestApp, key: &str) -> String {
    let hash = app.ids().key_hash("", key);
    app.ids().keyed_import_id(hash).to_string()
}

async fn a_file_sent_again_changes_nothing(app: &TestApp) {
    let file = format!("{HEADER}{}Ana;\r\n", rows(0..3));
    let first = send(app, "k", file.clone()).await;
    assert_eq!(first.status, 202, "{first:?}");
    assert_eq!(first.text_of("/id"), id_of(app, "k"));
    let taken = app.apply_all().await;
    assert_eq!((taken.len(), distinct(&taken).len()), (3, 3));
    assert!(taken.iter().all(|envelope| envelope.key_hash.is_none()));

    let again = send(app, "k", file.clone()).await;
    assert_eq!(
        (again.status.as_u16(), again.text_of("/status")),
        (202, "finished".to_owned())
    );
    assert_eq!(again.text_of("/id"), first.text_of("/id"));
    assert_eq!(again.json()["refusals"].as_array().unwrap().len(), 1);
    for other in [
        file.replace("Pessoa 1", "Pessoa x"),
        format!("{file}Bia;b@example.com\r\n"),
        format!("{HEADER}{}", rows(0..3)),
        HEADER.to_owned(),
    ] {
        let answer = send(app, "k", other).await;
        assert_eq!(answer.problem(422), "idempotency-key-reused");
    }
    assert!(app.apply_all().await.is_empty());
    assert_eq!(contacts(app).await.len(), 3);

    let other = send(app, "other", file).await;
    assert_ne!(other.text_of("/id"), first.text_of("/id"));
    app.apply_all().await;
    assert_eq!(contacts(app).await.len(), 6);
}

async fn a_client_that_went_away_goes_on_where_it_was(app: &TestApp) {
    let file = file();
    let id = id_of(app, "k");
    let client = begin(app, "k", &file[..file.len() - 100]).await;
    reaches(app, &id, "receiving", WINDOW).await;
    drop(client);
    let import = reaches(app, &id, "interrupted", WINDOW).await;
    assert_eq!(
        (&import["accepted"], &import["finishedAt"]),
        (&import["rows"], &Value::Null)
    );
    let before = usize::try_from(import["rows"].as_u64().unwrap()).unwrap();
    assert!(before < MANY as usize);

    let changed = send(app, "k", file.replace("Pessoa 7;", "Pessoa x;")).await;
    assert_eq!(changed.problem(422), "idempotency-key-reused");
    assert_eq!(changed.text_of("/importId"), "");
    let short = send(app, "k", format!("{HEADER}{}", rows(0..10))).await;
    assert_eq!(short.problem(422), "idempotency-key-reused");
    let taken = app.apply_all().await;
    assert_eq!(taken.len(), before);

    let answer = send(app, "k", file).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let rest = app.apply_all().await;
    assert_eq!(rest.len(), MANY as usize - before);
    let all = [taken, rest].concat();
    assert_eq!(distinct(&all).len(), MANY as usize);
    let import = resource(app, &format!("/v1/imports/{id}")).await;
    assert_eq!(
        (&import["status"], &import["outcomes"]["applied"]),
        (&json!("finished"), &json!(MANY))
    );
}

async fn a_later_request_takes_over(app: &TestApp) {
    let file = file();
    let id = id_of(app, "k");
    let mut first = begin(app, "k", &file[..file.len() - 100]).await;
    reaches(app, &id, "receiving", WINDOW).await;
    let second = send(app, "k", file.clone()).await;
    assert_eq!(second.status, 202, "{second:?}");
    chunk(&mut first, &file[file.len() - 100..]).await;
    first.send("0\r\n\r\n").await;
    let answer = first.answer().await.unwrap();
    assert_eq!(answer.problem(409), "import-taken-over");
    assert!(answer.body.contains(&id), "{answer:?}");
    let taken = app.apply_all().await;
    assert_eq!(distinct(&taken).len(), MANY as usize);
    let import = resource(app, &format!("/v1/imports/{id}")).await;
    assert_eq!(
        (&import["status"], &import["rows"]),
        (&json!("finished"), &json!(MANY))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_refuses_in_the_middle_embedded() {
    a_broker_that_refuses_in_the_middle(Pair::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_refuses_in_the_middle_services() {
    a_broker_that_refuses_in_the_middle(Pair::Services).await;
}

/// Some of a window is published, then nothing is; the service is restarted, and all of it goes on.
async fn a_broker_that_refuses_in_the_middle(pair: Pair) {
    let contrary = OnceLock::new();
    let around = |broker| {
        let broker = Arc::new(Contrary::around(broker));
        broker.takes(10);
        contrary.set(broker.clone()).unwrap();
        broker as Arc<dyn Broker>
    };
    let mut app = TestApp::start_around(pair, |_| {}, around).await;
    let file = format!("{HEADER}{}Ana;\r\n", rows(0..MANY + WINDOW));
    let id = id_of(&app, "k");
    let answer = send(&app, "k", file.clone()).await;
    assert_eq!(answer.problem(503), "broker-unavailable");
    assert_eq!(
        (answer.header("retry-after"), answer.text_of("/importId")),
        ("5", id.clone())
    );
    assert!(
        answer.text_of("/detail").contains("same Idempotency-Key"),
        "{answer:?}"
    );
    reaches(&app, &id, "interrupted", WINDOW).await;

    app.restart().await;
    // Within what is confirmed, within what may be, and what was announced cut short.
    let lines = |count: u32| format!("{HEADER}{}", rows(0..count));
    for other in [
        file.replace("Pessoa 7;", "Pessoa x;"),
        file.replace("Pessoa 5000;", "Pessoa x;"),
        lines(5_000),
    ] {
        let answer = send(&app, "k", other).await;
        assert_eq!(answer.problem(422), "idempotency-key-reused");
    }
    contrary.get().unwrap().takes(i64::MAX);
    let answer = send(&app, "k", file.clone()).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let taken = app.apply_all().await;
    let rows = (MANY + WINDOW) as usize;
    assert_eq!((taken.len(), distinct(&taken).len()), (rows + 1_000, rows));
    let import = resource(&app, &format!("/v1/imports/{id}")).await;
    assert_eq!(import["outcomes"]["applied"], json!(rows));
    let refused = format!("{}  phone-or-email-required", rows + 2);
    assert_eq!(super::faults(&import), [refused]);
    let again = send(&app, "k", file).await;
    assert_eq!(
        (again.status.as_u16(), again.text_of("/status")),
        (202, "finished".to_owned())
    );
    app.stop().await;
}

#[tokio::test]
async fn a_service_that_ends_says_how_to_go_on() {
    let mut app = TestApp::start(Pair::Embedded).await;
    let file = file();
    let id = id_of(&app, "k");
    let mut client = begin(&app, "k", &file[..file.len() - 100]).await;
    reaches(&app, &id, "receiving", WINDOW).await;
    let (answer, ()) = tokio::join!(client.answer(), app.restart());
    let answer = answer.unwrap();
    assert_eq!(answer.problem(503), "import-interrupted");
    assert!(answer.body.contains(&id), "{answer:?}");
    drop(client);
    reaches(&app, &id, "interrupted", WINDOW).await;
    assert_eq!(send(&app, "k", file).await.status, 202);
    assert_eq!(distinct(&app.apply_all().await).len(), MANY as usize);
    app.stop().await;
}

#[tokio::test]
async fn more_imports_than_fit_come_again() {
    let app = TestApp::start(Pair::Embedded).await;
    let mut clients = Vec::new();
    for number in 0..producer_api::import::MAX_IMPORTS_AT_ONCE {
        clients.push(begin(&app, &format!("k{number}"), HEADER).await);
        reaches(&app, &id_of(&app, &format!("k{number}")), "receiving", 0).await;
    }
    let answer = send(&app, "k", file()).await;
    assert_eq!(answer.problem(503), "overloaded");
    clients.pop();
    eventually("there is room", async || {
        (send(&app, "k", HEADER.to_owned()).await.status == 202).then_some(())
    })
    .await;
    app.stop().await;
}
