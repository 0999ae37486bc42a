//! `GET /v1/commands`.

use serde_json::{Value, json};

use crate::app::{Answer, Pair, TestApp};

on_both_pairs![the_commands_of_a_contact_are_listed_newest_first];

fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].as_array().cloned().unwrap();
    items
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

async fn the_commands_of_a_contact_are_listed_newest_first(app: &TestApp) {
    let created = app
        .write(app.post(&json!({"name": "Ana", "phone": "(11) 98765-4321"})))
        .await;
    let contact = created.text_of("/contactId");
    app.contact("Bia", "(11) 98765-4322").await;
    let patched = app.write(app.patch(&contact, &json!({"name": "Caio"}))).await;
    let stale = app
        .patch(&contact, &json!({"name": "Duda"}))
        .header("if-match", "\"x\"");
    let rejected = app.write(stale).await;
    let expected: Vec<_> = [&rejected, &patched, &created]
        .map(|answer| answer.text_of("/id"))
        .into();

    let path = format!("/v1/commands?contactId={contact}");
    let all = app.get(&path).await;
    assert_eq!(ids(&all), expected);
    assert_eq!(all.json()["nextCursor"], Value::Null);
    let only = app.get(&format!("{path}&status=rejected")).await;
    assert_eq!(ids(&only), expected[..1]);
    assert!(
        only.text_of("/items/0/problem/type")
            .ends_with("#precondition-failed")
    );

    let first = app.get(&format!("{path}&limit=2")).await;
    assert_eq!(ids(&first), expected[..2]);
    assert!(first.header("link").ends_with("rel=\"next\""));
    let cursor = first.text_of("/nextCursor");
    let second = app.get(&format!("{path}&limit=2&cursor={cursor}")).await;
    assert_eq!(ids(&second), expected[2..]);
    let foreign = app.get(&format!("{path}&status=applied&cursor={cursor}")).await;
    assert_eq!(foreign.problem(400), "malformed-request");
}

#[tokio::test]
async fn parameters_that_break_rules_are_refused() {
    let app = TestApp::start(Pair::Embedded).await;
    for (query, faults) in [
        ("", vec!["/contactId required"]),
        (
            "contactId=x&status=pending&limit=0",
            vec![
                "/contactId malformed",
                "/limit out-of-bounds",
                "/status unknown-status",
            ],
        ),
        ("operation=create", vec![]),
    ] {
        let answer = app.get(&format!("/v1/commands?{query}")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{query}");
        assert_eq!(answer.faults(), faults, "{query}");
    }
    app.stop().await;
}
