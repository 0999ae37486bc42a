//! `GET /v1/contacts/duplicates`.

use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

on_both_pairs![
    groups_share_a_phone_or_an_address,
    pages_do_not_show_what_they_end_with,
    what_is_asked_is_read_strictly,
];

/// The names of each group.
fn groups(answer: &Answer) -> Vec<Vec<String>> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let names = |group: &Value| {
        let contacts = group["contacts"].as_array().unwrap();
        assert_eq!(group["count"], contacts.len());
        let name = |contact: &Value| contact["name"].as_str().unwrap().to_owned();
        contacts.iter().map(name).collect()
    };
    answer.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(names)
        .collect()
}

async fn people(app: &TestApp) -> Vec<String> {
    let mut ids = Vec::new();
    for (name, phone, email) in [
        ("Ana", "(11) 98765-4321", "Ana@example.com"),
        ("Ana Souza", "+55 11 98765 4321", "souza@example.com"),
        ("A. Souza", "(11) 98765-0000", "ana@Example.com"),
        ("Bia", "(11) 98765-0000", "bia@example.com"),
        ("Caio", "(21) 2345-6789", "caio@example.com"),
    ] {
        let body = json!({"name": name, "phone": phone, "email": email});
        ids.push(app.write(app.post(&body)).await.text_of("/contactId"));
    }
    ids
}

async fn groups_share_a_phone_or_an_address(app: &TestApp) {
    let ids = people(app).await;
    let by_phone = app.get("/v1/contacts/duplicates").await;
    assert_eq!(groups(&by_phone), [["A. Souza", "Bia"], ["Ana", "Ana Souza"]]);
    assert_eq!(by_phone.json()["items"][1]["by"], "phone");
    let shown = app.get(&format!("/v1/contacts/{}", ids[0])).await.json();
    assert_eq!(by_phone.json()["items"][1]["contacts"][0], shown);
    let by_email = app.get("/v1/contacts/duplicates?by=email").await;
    assert_eq!(groups(&by_email), [["Ana", "A. Souza"]]);
    assert_eq!(by_email.json()["items"][0]["by"], "email");
    assert_eq!(by_email.json()["nextCursor"], Value::Null);
    app.write(app.delete(&ids[0])).await;
    assert!(groups(&app.get("/v1/contacts/duplicates?by=email").await).is_empty());
}

async fn pages_do_not_show_what_they_end_with(app: &TestApp) {
    people(app).await;
    let first = app.get("/v1/contacts/duplicates?limit=1").await;
    assert_eq!(groups(&first), [["A. Souza", "Bia"]]);
    let cursor = first.text_of("/nextCursor");
    let link = format!("</v1/contacts/duplicates?limit=1&cursor={cursor}>; rel=\"next\"");
    assert_eq!(first.header("link"), link);
    assert!(!cursor.contains("98765"));
    let second = app
        .get(&format!("/v1/contacts/duplicates?limit=1&cursor={cursor}"))
        .await;
    assert_eq!(groups(&second), [["Ana", "Ana Souza"]]);
    assert_eq!(second.json()["nextCursor"], Value::Null);
    let other = app
        .get(&format!("/v1/contacts/duplicates?by=email&cursor={cursor}"))
        .await;
    assert_eq!(other.problem(400), "malformed-request");
    let lists = app.get("/v1/contacts?limit=1").await.text_of("/nextCursor");
    let other = app.get(&format!("/v1/contacts/duplicates?cursor={lists}")).await;
    assert_eq!(other.problem(400), "malformed-request");
}

async fn what_is_asked_is_read_strictly(app: &TestApp) {
    for (query, faults) in [
        ("by=name", &["/by unknown-field"][..]),
        ("by=", &["/by unknown-field"]),
        ("limit=0&by=x", &["/by unknown-field", "/limit out-of-bounds"]),
        ("cursor=x", &[]),
        ("q=ana", &[]),
    ] {
        let answer = app.get(&format!("/v1/contacts/duplicates?{query}")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{query}");
        assert_eq!(answer.faults(), faults, "{query}");
    }
}
