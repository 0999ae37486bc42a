//! `GET /v1/contacts/{id}`.

use reqwest::Method;
use serde_json::json;
use uuid::Uuid;

use crate::app::{Pair, TestApp, ana};

on_both_pairs![
    versions_that_the_client_has_are_not_sent_again,
    who_asks_for_a_vcard_gets_one,
];

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

async fn who_asks_for_a_vcard_gets_one(app: &TestApp) {
    let contact = json!({
        "name": "Ana Souza; Cia, Ltda \\ Filhos",
        "phone": "(11) 98765-4321",
        "email": "ana@example.com"
    });
    let created = app.write_and_wait(app.post(&contact)).await;
    let (id, updated_at) = (created.text_of("/id"), created.text_of("/updatedAt"));
    let path = format!("/v1/contacts/{id}");
    let vcard = |etag: &str| {
        let request = app.request(Method::GET, &path).header("accept", "text/vcard");
        app.send(request.header("if-none-match", etag))
    };
    let answer = vcard("\"other\"").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/vcard; charset=utf-8");
    assert_eq!(answer.header("vary"), "Accept");
    let etag = answer.header("etag").to_owned();
    assert_eq!(
        etag,
        format!("{}-v\"", created.header("etag").trim_end_matches('"'))
    );
    let revision: String = updated_at[..19].chars().filter(|c| !"-:".contains(*c)).collect();
    let expected = [
        "BEGIN:VCARD",
        "VERSION:4.0",
        concat!("PRODID:-//contato//contato ", env!("CARGO_PKG_VERSION"), "//EN"),
        &format!("UID:urn:uuid:{id}"),
        "FN:Ana Souza\\; Cia\\, Ltda \\\\ Filhos",
        "TEL;VALUE=URI:tel:+5511987654321",
        "EMAIL:ana@example.com",
        &format!("REV:{revision}Z"),
        "END:VCARD",
        "",
    ];
    assert_eq!(answer.text.split("\r\n").collect::<Vec<_>>(), expected);

    let known = vcard(&etag).await;
    assert_eq!((known.status.as_u16(), known.text.as_str()), (304, ""));
    // Another form is another version, but stands for the same contact where it is changed.
    assert_eq!(vcard(created.header("etag")).await.status, 200);
    let change = app
        .patch(&id, &json!({"name": "Ana Lima"}))
        .header("if-match", etag);
    assert_eq!(app.write_and_wait(change).await.status, 200);
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
