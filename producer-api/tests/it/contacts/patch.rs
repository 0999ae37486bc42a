//! `PATCH /v1/contacts/{id}`.

use reqwest::Method;
use serde_json::json;
use shared::domain::Action;

use crate::app::{Pair, TestApp, ana};

on_both_pairs![what_is_absent_is_kept_and_null_clears];

async fn what_is_absent_is_kept_and_null_clears(app: &TestApp) {
    let id = app.write(app.post(&ana())).await.text_of("/contactId");
    let answer = app
        .write_and_wait(app.patch(&id, &json!({"phone": "+351 912 345 678"})))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(
        (&body["name"], &body["phone"], &body["areaCode"], &body["email"]),
        (
            &json!("Ana Souza"),
            &json!("+351912345678"),
            &json!(null),
            &json!("Ana@example.com")
        )
    );
    let cleared = app
        .write_and_wait(app.patch(&id, &json!({"phone": null, "email": null})))
        .await;
    assert_eq!(
        (&cleared.json()["phone"], &cleared.json()["email"]),
        (&json!(null), &json!(null))
    );
    let nothing = app.write_and_wait(app.patch(&id, &json!({}))).await;
    assert_eq!(nothing.status, 200);
    assert_eq!(nothing.header("etag"), cleared.header("etag"));
}

#[tokio::test]
async fn only_a_merge_patch_is_taken() {
    let app = TestApp::start(Pair::Embedded).await;
    let id = app.contact("Ana", "(11) 98765-4321").await;
    let request = app.request(Method::PATCH, &format!("/v1/contacts/{id}"));
    let answer = app.send(request.json(&json!({"name": "Bia"}))).await;
    assert_eq!(answer.problem(415), "unsupported-media-type");
    assert_eq!(answer.header("accept-patch"), "application/merge-patch+json");
    let faulty = app
        .send(app.patch(&id, &json!({"name": null, "phone": "1", "id": "x"})))
        .await;
    assert_eq!(faulty.problem(422), "validation-failed");
    assert_eq!(
        faulty.faults(),
        ["/id unknown-member", "/name required", "/phone malformed"]
    );
    app.stop().await;
}

#[tokio::test]
async fn stamps_follow_what_was_read() {
    let app = TestApp::start(Pair::Embedded).await;
    let id = app.contact("Ana", "(11) 98765-4321").await;
    app.send(app.patch(&id, &json!({"name": "Bia"}))).await;
    // Another replica's clock is three seconds ahead.
    let mut envelope = app.take().await;
    let ahead = shared::domain::Stamp::at_ms(app.parts.clock.now_ms() + 3000);
    envelope.command.stamp = ahead;
    let entry = shared::domain::Entry {
        contact_is_ours: true,
        command: envelope.command,
        key_hash: None,
        request_hash: envelope.request_hash,
        attempt: 1,
    };
    let latest = shared::domain::Stamp::at_ms(app.parts.clock.now_ms() + 5000);
    app.parts
        .store
        .apply(&[entry], app.parts.clock.now(), latest)
        .await
        .unwrap();
    assert_eq!(
        app.get(&format!("/v1/contacts/{id}")).await.text_of("/name"),
        "Bia"
    );
    app.send(app.patch(&id, &json!({"name": "Caio"}))).await;
    let next = app.take().await;
    assert!(next.command.stamp > ahead);
    assert!(matches!(next.command.action, Action::Update(_)));
    app.stop().await;
}
