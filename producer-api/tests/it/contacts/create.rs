//! `POST /v1/contacts`.

use reqwest::Method;
use serde_json::{Value, json};
use shared::domain::{Action, CommandId, Outcome, Rejection, Verdict};
use test_support::RawClient;

use crate::app::{Answer, Pair, TestApp, ana};

on_both_pairs![
    a_202_says_where_to_look_and_the_contact_appears,
    the_same_request_under_one_key_has_the_same_ids_and_one_effect,
    another_request_under_a_used_key_is_rejected,
];

async fn a_202_says_where_to_look_and_the_contact_appears(app: &TestApp) {
    let answer = app.send(app.post(&ana())).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    let (command, contact) = (answer.text_of("/id"), answer.text_of("/contactId"));
    let path = format!("/v1/commands/{command}");
    assert_eq!(answer.header("location"), path);
    assert_eq!(
        answer.header("operation-location"),
        format!("{}{path}", app.origin)
    );
    assert_eq!(
        (answer.header("retry-after"), answer.header("vary")),
        ("1", "Prefer")
    );
    assert_eq!(answer.header("preference-applied"), "");
    assert_eq!(answer.header("cache-control"), "no-store");
    let body = answer.json();
    let accepted_at = body["acceptedAt"].as_str().unwrap();
    assert!(
        accepted_at.len() == 24 && accepted_at.ends_with('Z'),
        "{accepted_at}"
    );
    assert_eq!(
        body,
        json!({
            "id": command, "operation": "create", "contactId": contact, "status": "pending",
            "acceptedAt": accepted_at, "finishedAt": null, "attempts": null, "problem": null,
            "links": {"self": path, "contact": format!("/v1/contacts/{contact}")},
        })
    );
    assert_eq!(
        app.get(&format!("/v1/contacts/{contact}")).await.problem(404),
        "contact-not-found"
    );

    app.apply(1).await;
    let shown = app.get(&format!("/v1/contacts/{contact}")).await;
    assert_eq!(shown.status, 200, "{shown:?}");
    let body = shown.json();
    assert_eq!(
        body,
        json!({
            "id": contact, "name": "Ana Souza", "phone": "+5511987654321", "areaCode": "11", "state": "SP",
            "email": "Ana@example.com", "createdAt": body["createdAt"], "updatedAt": body["createdAt"],
        })
    );
}

async fn the_same_request_under_one_key_has_the_same_ids_and_one_effect(app: &TestApp) {
    let request = || app.post(&ana()).header("idempotency-key", "\"order-17\"");
    let first = app.send(request()).await;
    let again = app
        .send(app.post(&ana()).header("idempotency-key", "order-17"))
        .await;
    let ids = |answer: &Answer| (answer.text_of("/id"), answer.text_of("/contactId"));
    assert_eq!(first.status, 202);
    assert_eq!(ids(&first), ids(&again));
    let id: CommandId = ids(&first).0.parse().unwrap();
    let verdicts = app.apply(2).await;
    assert_eq!(
        verdicts,
        [
            Verdict::Finished(Outcome::Applied),
            Verdict::Repeat(Outcome::Applied)
        ]
    );
    assert!(app.ids().proves(id) && id.issued_at_ms().is_none());
    let late = app.write_and_wait(request()).await;
    assert_eq!((late.status.as_u16(), late.text_of("/id")), (201, ids(&first).1));

    let body = ana().to_string();
    let told = producer_api::ids_of_keyed_create(app.ids(), "order-17", body.as_bytes()).unwrap();
    assert_eq!(ids(&first), (told.command.to_string(), told.contact.to_string()));
}

async fn another_request_under_a_used_key_is_rejected(app: &TestApp) {
    let keyed = |body: &Value| app.post(body).header("idempotency-key", "k");
    let first = app.write(keyed(&ana())).await;
    let other = app
        .write_and_wait(keyed(&json!({"name": "Bia", "email": "b@example.com"})))
        .await;
    assert_eq!(other.problem(422), "idempotency-key-reused");
    let command = other.text_of("/commandId");
    assert_ne!(command, first.text_of("/id"));
    let recorded = app.get(&format!("/v1/commands/{command}")).await;
    assert_eq!(recorded.text_of("/status"), "rejected");
    assert!(
        recorded
            .text_of("/problem/type")
            .ends_with("#idempotency-key-reused")
    );
    let contact = app
        .get(&format!("/v1/contacts/{}", first.text_of("/contactId")))
        .await;
    assert_eq!(contact.text_of("/name"), "Ana Souza");
    // Another method under the same key is another request, too.
    let contact = first.text_of("/contactId");
    let request = app.delete(&contact).header("idempotency-key", "k");
    assert_eq!(app.send(request).await.status, 202);
    assert_eq!(
        app.apply(1).await,
        [Verdict::Finished(Outcome::Rejected(
            Rejection::IdempotencyKeyReused
        ))]
    );
}

#[tokio::test]
async fn all_faults_are_told_at_once_and_no_value_is_repeated() {
    let app = TestApp::start(Pair::Embedded).await;
    for (body, faults) in [
        (json!({}), vec![" phone-or-email-required", "/name required"]),
        (
            json!({"name": null, "phone": null, "email": null}),
            vec![" phone-or-email-required", "/name required"],
        ),
        (
            json!({"name": "Q", "phone": "12-QQ", "email": "QQQ", "nickname": "QQQ", "id": "QQQ"}),
            vec![
                "/email malformed",
                "/id unknown-member",
                "/name too-short",
                "/nickname unknown-member",
                "/phone malformed",
            ],
        ),
        (
            json!({"name": ["QQQ"], "phone": 7, "email": {"QQQ": "QQQ"}}),
            vec!["/email wrong-type", "/name wrong-type", "/phone wrong-type"],
        ),
        (
            json!({"name": "12-34", "phone": "(10) 98765-4321", "areaCode": "11", "state": "SP"}),
            vec![
                "/areaCode unknown-member",
                "/name no-letter",
                "/phone unknown-area-code",
                "/state unknown-member",
            ],
        ),
        (
            json!({"name": "A\tB", "phone": "+55 11 1234", "email": format!("{}@example.com", "q".repeat(300))}),
            vec!["/email too-long", "/name control-character", "/phone invalid"],
        ),
        (
            json!({"name": "a".repeat(101), "phone": "(11) 98765-4321 ext. 12"}),
            vec!["/name too-long", "/phone extension"],
        ),
        (
            json!({"name": "Ana", "email": "a@b.c", "qqq@qqq.qq": "QQQ"}),
            vec![" unknown-member"],
        ),
    ] {
        let answer = app.send(app.post(&body)).await;
        assert_eq!(answer.problem(422), "validation-failed", "{body}");
        assert_eq!(answer.faults(), faults, "{body}");
        assert!(!answer.text.to_lowercase().contains("qq"), "{answer:?}");
        assert!(!format!("{:?}", answer.headers).contains("QQ"));
    }
    assert_eq!(
        app.series("contato_commands_refused_total{operation=\"create\",reason=\"validation\"}")
            .await,
        8.0
    );
    assert_eq!(
        app.series("contato_publish_total{outcome=\"confirmed\"}").await,
        0.0
    );
    app.stop().await;
}

#[tokio::test]
async fn what_is_not_the_json_of_a_contact_is_malformed() {
    let app = TestApp::start(Pair::Embedded).await;
    let deep = format!("{{\"name\": {}{}}}", "[".repeat(500), "]".repeat(500));
    for body in [
        &b""[..],
        b"{",
        b"[]",
        b"\"QQQ\"",
        b"null",
        b"{\"name\": \"QQQ\", \"name\": \"QQQ\"}",
        b"{\"name\": {\"QQQ\": 1, \"QQQ\": 2}}",
        b"{\"name\": \"QQQ\xff\"}",
        b"{\"name\": \"QQQ\"} x",
        b"{\"name\": 1e999}",
        deep.as_bytes(),
    ] {
        let request = app.request(Method::POST, "/v1/contacts").body(body.to_vec());
        let answer = app.send(request.header("content-type", "application/json")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{body:?}");
        assert!(!answer.text.contains("QQQ"), "{answer:?}");
    }
    app.stop().await;
}

#[tokio::test]
async fn types_and_sizes_are_bounded() {
    let app = TestApp::start(Pair::Embedded).await;
    let typed = |value: Option<&str>| {
        let request = app.request(Method::POST, "/v1/contacts").body(ana().to_string());
        match value {
            Some(value) => request.header("content-type", value),
            None => request,
        }
    };
    for value in [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/merge-patch+json"),
        Some("application/json; charset=latin1"),
        Some("application/json; v=1"),
    ] {
        assert_eq!(
            app.send(typed(value)).await.problem(415),
            "unsupported-media-type",
            "{value:?}"
        );
    }
    let compressed = typed(Some("application/json")).header("content-encoding", "gzip");
    assert_eq!(app.send(compressed).await.problem(415), "unsupported-media-type");
    let accepted = app.send(typed(Some("Application/JSON; charset=\"UTF-8\""))).await;
    assert_eq!(accepted.status, 202);

    let padded = |bytes: usize| {
        let body = ana().to_string();
        let padding = " ".repeat(bytes - body.len());
        let request = app
            .request(Method::POST, "/v1/contacts")
            .body(format!("{body}{padding}"));
        request.header("content-type", "application/json")
    };
    assert_eq!(app.send(padded(64 * 1024)).await.status, 202);
    assert_eq!(
        app.send(padded(64 * 1024 + 1)).await.problem(413),
        "payload-too-large"
    );
    app.stop().await;
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for_for_ever() {
    let app = TestApp::start(Pair::Embedded).await;
    let mut client = RawClient::connect(app.address()).await;
    client
        .send("POST /v1/contacts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{")
        .await;
    let answer = client.answer().await.expect("an answer");
    assert_eq!(answer.problem(408), "request-timeout");
    app.stop().await;
}

#[tokio::test]
async fn headers_and_queries_that_cannot_be_read_are_malformed() {
    let app = TestApp::start(Pair::Embedded).await;
    let key = "idempotency-key";
    for (name, value) in [
        (key, ""),
        (key, "\"\""),
        (key, "two words"),
        (key, "\"open"),
        (key, "a, b"),
        (key, &"k".repeat(256)),
        ("if-match", "0123456789abcdef0123456789abcdef"),
        ("if-match", "*, \"a\""),
        ("if-match", &vec!["\"a\""; 17].join(", ")),
    ] {
        let answer = app.send(app.post(&ana()).header(name, value)).await;
        assert_eq!(answer.problem(400), "malformed-request", "{name}: {value}");
    }
    let twice = app.post(&ana()).header(key, "a").header(key, "a");
    assert_eq!(app.send(twice).await.problem(400), "malformed-request");
    let query = app.request(Method::POST, "/v1/contacts?dryRun=true").json(&ana());
    assert_eq!(app.send(query).await.problem(400), "malformed-request");
    app.stop().await;
}

#[tokio::test]
async fn the_envelope_carries_what_the_worker_needs() {
    let app = TestApp::start(Pair::Embedded).await;
    let traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let answer = app
        .send(app.post(&ana()).header("traceparent", traceparent))
        .await;
    let envelope = app.take().await;
    assert_eq!(envelope.command.id.to_string(), answer.text_of("/id"));
    assert_eq!(
        envelope.command.contact_id.to_string(),
        answer.text_of("/contactId")
    );
    assert_eq!(envelope.traceparent.as_deref(), Some(traceparent));
    assert!(envelope.key_hash.is_none() && envelope.principal.is_empty());
    let Action::Create(contact) = envelope.command.action else {
        panic!("not a create");
    };
    assert_eq!(contact.phone.unwrap().as_str(), "+5511987654321");

    app.send(app.post(&ana()).header("traceparent", "nonsense")).await;
    assert_eq!(app.take().await.traceparent, None);
    app.stop().await;
}
