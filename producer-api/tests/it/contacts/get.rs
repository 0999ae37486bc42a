//! `GET /v1/contacts/{id}`.

use reqwest::Method;
use uuid::Uuid;

use crate::app::{Pair, TestApp, ana};

on_both_pairs![versions_that_the_client_has_are_not_sent_again];

async fn versions_that_the_client_has_are_not_sent_again(app: &TestApp) {
    let id = app.write(app.post(&ana())).await.text_of("/contactId");
    let path = format!("/v1/contacts/{id}");
    let shown = app.get(&path).await;
    let etag = shown.header("etag").to_owned();
    assert!(etag.len() == 34 && etag.starts_with('"'), "{etag}");
    for known in [etag.clone(), format!("\"x\", W/{etag}"), "*".to_owned()] {
        let request = app.request(Method::GET, &path).header("if-none-match", &known);
        let answer = app.send(request).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.as_str()),
            (304, ""),
            "{known}"
        );
        assert_eq!(answer.header("etag"), etag);
    }
    let vcard = format!("\"{}-v\"", etag.trim_matches('"'));
    let request = app.request(Method::GET, &path).header("if-none-match", vcard);
    assert_eq!(app.send(request).await.status, 200);

    let head = app.send(app.request(Method::HEAD, &path)).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(
        (head.header("etag"), head.header("content-type")),
        (etag.as_str(), "application/json")
    );
}

#[tokio::test]
async fn what_was_never_issued_is_not_found() {
    let app = TestApp::start(Pair::Embedded).await;
    for id in [
        "x",
        "%00",
        &Uuid::nil().to_string(),
        &Uuid::from_bytes([0x81; 16]).to_string(),
    ] {
        assert_eq!(
            app.get(&format!("/v1/contacts/{id}")).await.problem(404),
            "contact-not-found"
        );
    }
    let id = app.contact("Ana", "(11) 98765-4321").await;
    let upper = app.get(&format!("/v1/contacts/{}", id.to_uppercase())).await;
    assert_eq!(upper.text_of("/id"), id);
    let query = app.get(&format!("/v1/contacts/{id}?fields=name")).await;
    assert_eq!(query.problem(400), "malformed-request");
    app.stop().await;
}
