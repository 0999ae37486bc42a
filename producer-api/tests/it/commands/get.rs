//! `GET /v1/commands/{id}`.

use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};
use shared::{
    domain::{IdIssuer, IdKey},
    settings::Span,
};
use uuid::Uuid;

use crate::app::{Pair, TestApp, ana};

on_both_pairs![
    a_command_is_pending_until_it_is_recorded,
    a_poll_ends_with_the_command
];

async fn a_command_is_pending_until_it_is_recorded(app: &TestApp) {
    let accepted = app.send(app.post(&ana())).await;
    let path = accepted.header("location").to_owned();
    let pending = app.get(&path).await;
    assert_eq!(
        (pending.status.as_u16(), pending.header("retry-after")),
        (200, "1")
    );
    let body = pending.json();
    assert_eq!(
        body,
        json!({
            "id": accepted.text_of("/id"), "operation": null, "contactId": null, "status": "pending",
            "acceptedAt": body["acceptedAt"], "finishedAt": null, "attempts": null, "problem": null,
            "links": {"self": path},
        })
    );
    assert!(body["acceptedAt"].is_string());
    app.apply(1).await;
    let applied = app.get(&path).await;
    assert_eq!(
        (applied.status.as_u16(), applied.header("retry-after")),
        (200, "")
    );
    let body = applied.json();
    let contact = accepted.text_of("/contactId");
    assert_eq!(
        body,
        json!({
            "id": accepted.text_of("/id"), "operation": "create", "contactId": contact, "status": "applied",
            "acceptedAt": accepted.json()["acceptedAt"], "finishedAt": body["finishedAt"], "attempts": 1,
            "problem": null, "links": {"self": path, "contact": format!("/v1/contacts/{contact}")},
        })
    );
    let head = app.send(app.request(Method::HEAD, &path)).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    // An id from a key has no time.
    let keyed = app.send(app.post(&ana()).header("idempotency-key", "k")).await;
    let shown = app.get(keyed.header("location")).await;
    assert_eq!(
        (shown.text_of("/status"), &shown.json()["acceptedAt"]),
        ("pending".to_owned(), &Value::Null)
    );
}

async fn a_poll_ends_with_the_command(app: &TestApp) {
    let accepted = app.send(app.post(&ana())).await;
    let path = accepted.header("location").to_owned();
    let poll = |wait: &str| app.request(Method::GET, &path).header("prefer", wait);
    let early = app.send(poll("wait=1")).await;
    assert_eq!(
        (early.text_of("/status"), early.header("retry-after")),
        ("pending".to_owned(), "1")
    );
    assert_eq!(
        (early.header("preference-applied"), early.header("vary")),
        ("wait=1", "Prefer")
    );
    let (ended, _) = tokio::join!(app.send(poll("wait=25")), app.apply(1));
    assert_eq!(
        (ended.text_of("/status"), ended.header("retry-after")),
        ("applied".to_owned(), "")
    );
    let known = app.send(poll("wait=99")).await;
    assert_eq!(
        (known.text_of("/status"), known.header("preference-applied")),
        ("applied".to_owned(), "wait=30")
    );
}

#[tokio::test]
async fn what_we_did_not_issue_is_not_found() {
    let app = TestApp::start(Pair::Embedded).await;
    let contact = app.send(app.post(&ana())).await.text_of("/contactId");
    let other_key = IdKey::new(&[9; 32]).unwrap();
    let foreign = IdIssuer::new(other_key)
        .issue(app.parts.clock.now_ms(), 1)
        .command;
    for id in ["x", &contact, &foreign.to_string(), &Uuid::nil().to_string()] {
        assert_eq!(
            app.get(&format!("/v1/commands/{id}")).await.problem(404),
            "command-not-found"
        );
    }
    app.stop().await;
}

#[tokio::test]
async fn past_the_retention_a_timed_id_has_expired() {
    let app = TestApp::start_with(Pair::Embedded, |settings| {
        settings.retention.commands = Span(Duration::from_secs(3600));
    })
    .await;
    let now = app.parts.clock.now_ms();
    let issued = |age_s: u64| {
        IdIssuer::new(app.ids().clone())
            .issue(now - age_s * 1000, 1)
            .command
    };
    let old = app.get(&format!("/v1/commands/{}", issued(3700))).await;
    assert_eq!(old.problem(410), "command-expired");
    let young = app.get(&format!("/v1/commands/{}", issued(3500))).await;
    assert_eq!(young.text_of("/status"), "pending");
    let keyed = producer_api::ids_of_keyed_create(app.ids(), "k", b"")
        .unwrap()
        .command;
    assert_eq!(
        app.get(&format!("/v1/commands/{keyed}")).await.text_of("/status"),
        "pending"
    );
    app.stop().await;
}
