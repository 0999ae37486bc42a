//! `PUT /v1/contacts/{id}`.

use serde_json::json;
use uuid::Uuid;

use crate::app::{Pair, TestApp, ana};

on_both_pairs![all_fields_are_replaced, stale_versions_are_rejected_by_the_worker];

async fn all_fields_are_replaced(app: &TestApp) {
    let id = app.write(app.post(&ana())).await.text_of("/contactId");
    let answer = app
        .write_and_wait(app.put(&id, &json!({"name": "Ana Lima", "email": "lima@example.com"})))
        .await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let body = answer.json();
    assert_eq!(
        (&body["name"], &body["phone"], &body["areaCode"], &body["email"]),
        (
            &json!("Ana Lima"),
            &json!(null),
            &json!(null),
            &json!("lima@example.com")
        )
    );
    let shown = app.get(&format!("/v1/contacts/{id}")).await;
    assert_eq!(shown.json(), body);
    assert_eq!(shown.header("etag"), answer.header("etag"));
}

async fn stale_versions_are_rejected_by_the_worker(app: &TestApp) {
    let id = app.write(app.post(&ana())).await.text_of("/contactId");
    let etag = app
        .get(&format!("/v1/contacts/{id}"))
        .await
        .header("etag")
        .to_owned();
    let put = |name: &str, condition: &str| {
        let body = json!({"name": name, "email": "a@example.com"});
        app.put(&id, &body).header("if-match", condition)
    };
    let stale = app
        .write_and_wait(put("Bia", "\"00000000000000000000000000000001\", W/\"x\""))
        .await;
    assert_eq!(stale.problem(412), "precondition-failed");
    assert_eq!(stale.header("preference-applied"), "wait=20");
    let command = app
        .get(&format!("/v1/commands/{}", stale.text_of("/commandId")))
        .await;
    assert_eq!(command.text_of("/status"), "rejected");
    assert_eq!(command.json()["problem"]["status"], 412);

    // An empty condition is a mistake, not none.
    let empty = app.send(put("Caio", "")).await;
    assert_eq!(empty.problem(400), "malformed-request");

    let vcard = format!("\"{}-v\"", etag.trim_matches('"'));
    let current = app.write_and_wait(put("Bia", &format!("\"x\", {vcard}"))).await;
    assert_eq!(
        (current.status.as_u16(), current.text_of("/name")),
        (200, "Bia".to_owned())
    );
    assert_eq!(
        app.write_and_wait(put("Caio", &etag)).await.problem(412),
        "precondition-failed"
    );
    assert_eq!(app.write_and_wait(put("Caio", "*")).await.status, 200);
}

#[tokio::test]
async fn a_whole_contact_is_asked_for_and_ids_must_be_known() {
    let app = TestApp::start(Pair::Embedded).await;
    let id = app.contact("Ana", "(11) 98765-4321").await;
    let answer = app.send(app.put(&id, &json!({"name": "Ana"}))).await;
    assert_eq!(answer.problem(422), "validation-failed");
    assert_eq!(answer.faults(), [" phone-or-email-required"]);
    for unknown in [
        "x",
        "1",
        &Uuid::from_bytes([0x87; 16]).to_string(),
        &Uuid::nil().to_string(),
    ] {
        assert_eq!(
            app.send(app.put(unknown, &ana())).await.problem(404),
            "contact-not-found"
        );
    }
    // Issued by us and never created: accepted, and kept unseen.
    let told = producer_api::ids_of_keyed_create(app.ids(), "never-sent", b"").unwrap();
    let answer = app
        .write_and_wait(app.put(&told.contact.to_string(), &ana()))
        .await;
    assert_eq!(
        (answer.status.as_u16(), answer.text_of("/status")),
        (202, "applied".to_owned())
    );
    assert_eq!(answer.header("retry-after"), "");
    let unborn = app.get(&format!("/v1/contacts/{}", told.contact)).await;
    assert_eq!(unborn.problem(404), "contact-not-found");
    app.stop().await;
}

#[tokio::test]
async fn a_contact_without_our_tag_is_written_to_if_it_has_a_row() {
    let app = TestApp::start(Pair::Embedded).await;
    let id = app.contact("Ana", "(11) 98765-4321").await;
    // Another installation's key on the same database: the tag is foreign there, the row is not.
    let other = TestApp::start_with(Pair::Embedded, |settings| {
        settings.ids.key = Some(shared::settings::Secret::new(
            "another secret of at least 32 bytes",
        ));
    })
    .await;
    assert_eq!(
        other.send(other.put(&id, &ana())).await.problem(404),
        "contact-not-found"
    );
    let answer = other.send(other.post(&ana())).await;
    let envelope = other.take().await;
    assert!(!app.ids().proves(envelope.command.contact_id));
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
    let id = answer.text_of("/contactId");
    assert_eq!(app.write_and_wait(app.put(&id, &ana())).await.status, 200);
    other.stop().await;
    app.stop().await;
}
