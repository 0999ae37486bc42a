//! `POST /v1/contacts/search`.

use reqwest::Method;
use serde_json::{Value, json};

use crate::app::{Answer, Pair, TestApp};

async fn search(app: &TestApp, body: Value) -> Answer {
    let request = app.request(Method::POST, "/v1/contacts/search");
    app.send(request.json(&body)).await
}

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].as_array().cloned().unwrap();
    items
        .iter()
        .map(|item| item["name"].as_str().unwrap().to_owned())
        .collect()
}

on_both_pairs![filters_in_the_body_find_the_same, words_in_the_body_find_the_same];

async fn filters_in_the_body_find_the_same(app: &TestApp) {
    for (name, phone) in [
        ("Ana", "(11) 98765-4321"),
        ("Bia", "(21) 2345-6789"),
        ("Caio", "(11) 98765-4322"),
    ] {
        app.contact(name, phone).await;
    }
    assert_eq!(names(&search(app, json!({})).await), ["Caio", "Bia", "Ana"]);
    assert_eq!(
        names(&search(app, json!({"phone": "+5521 2345-6789", "email": null})).await),
        ["Bia"]
    );
    let query = json!({"areaCode": "11", "sort": "name", "limit": 1});
    let first = search(app, query.clone()).await;
    assert_eq!(
        (names(&first), first.header("link")),
        (vec!["Ana".to_owned()], "")
    );
    assert!(first.json().get("prevCursor").is_none());
    let with = |cursor: String| {
        let mut query = query.clone();
        query["cursor"] = json!(cursor);
        query
    };
    let second = search(app, with(first.text_of("/nextCursor"))).await;
    assert_eq!(names(&second), ["Caio"]);
    assert_eq!(second.json()["nextCursor"], Value::Null);
    let back = search(app, with(second.text_of("/prevCursor"))).await;
    assert_eq!(names(&back), ["Ana"]);
    // The cursors are those of the list.
    let cursor = first.text_of("/nextCursor");
    let listed = app
        .get(&format!("/v1/contacts?areaCode=11&sort=name&cursor={cursor}"))
        .await;
    assert_eq!(names(&listed), ["Caio"]);
    let foreign = search(app, json!({"cursor": cursor})).await;
    assert_eq!(foreign.problem(400), "malformed-request");
}

async fn words_in_the_body_find_the_same(app: &TestApp) {
    for (name, phone) in [
        ("Ána", "(11) 98765-4321"),
        ("Bia", "(21) 2345-6789"),
        ("Ana Lima", "(11) 98765-4322"),
    ] {
        app.contact(name, phone).await;
    }
    let query = json!({"q": "ANA (11) 98765", "limit": 1});
    let first = search(app, query.clone()).await;
    assert_eq!(names(&first), ["Ana Lima"]);
    let mut with = query.clone();
    with["cursor"] = json!(first.text_of("/nextCursor"));
    assert_eq!(names(&search(app, with.clone()).await), ["Ána"]);
    with["q"] = json!("ana (11) 98764");
    assert_eq!(search(app, with).await.problem(400), "malformed-request");
    assert_eq!(
        names(&search(app, json!({"q": null, "areaCode": "21"})).await),
        ["Bia"]
    );
}

#[tokio::test]
async fn a_body_that_breaks_rules_is_told_so() {
    let app = TestApp::start(Pair::Embedded).await;
    let body = json!({"areaCode": 11, "phone": "QQ", "limit": "5", "sort": "phone", "q": 1, "words": "QQ", "cursor": 1});
    let answer = search(&app, body).await;
    assert_eq!(answer.problem(422), "validation-failed");
    assert_eq!(
        answer.faults(),
        [
            "/areaCode wrong-type",
            "/cursor wrong-type",
            "/limit out-of-bounds",
            "/phone malformed",
            "/q wrong-type",
            "/sort unknown-sort",
            "/words unknown-member",
        ]
    );
    assert!(!answer.text.contains("QQ"));
    let empty = app.send(app.request(Method::POST, "/v1/contacts/search")).await;
    assert_eq!(empty.problem(415), "unsupported-media-type");
    app.stop().await;
}
