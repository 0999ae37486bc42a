//! What is refused: rows, one by one, and whole files.

use reqwest::Method;
use serde_json::json;
use shared::settings::SecretUrl;

use super::{CSV, HEADER, NDJSON, VCARD, faults, import, imported};
use crate::app::{DEAD_DATABASE, Pair, TestApp};

on_both_pairs![
    rows_are_refused_with_line_pointer_and_code,
    refusals_are_read_page_by_page
];

async fn rows_are_refused_with_line_pointer_and_code(app: &TestApp) {
    let long = "x".repeat(64 * 1024 + 1);
    let file = [
        b"nome;telefone;e-mail\r\n".as_slice(),
        "José;(11) 98765-4301;\r\n".as_bytes(),
        b";123;x\r\n",
        b"Jos\xe9;(11) 98765-4302;\r\n",
        b"Ana;(11) 98765-4303;;beyond\r\n",
        format!("Ana;(11) 98765-4303;\"{long}\r\n\"\r\n").as_bytes(),
        b"Bia;;bia@example.com\r\n",
        b"\"Caio\r\n\";;\r\n",
    ]
    .concat();
    let refused = imported(app, CSV, file).await;
    assert_eq!(
        faults(&refused),
        [
            "3 /email malformed",
            "3 /name required",
            "3 /phone invalid",
            "4  invalid-encoding",
            "5  too-many-fields",
            "6  row-too-large",
            "9  phone-or-email-required",
        ]
    );
    assert_eq!((&refused["rows"], &refused["accepted"]), (&json!(7), &json!(2)));

    let file = format!("{{\"name\": \"{long}\"}}\n{{\"name\": \"Ana\", \"email\": \"a@example.com\"}}\n");
    let refused = imported(app, NDJSON, file).await;
    assert_eq!(faults(&refused), ["1  row-too-large"]);
    assert_eq!(refused["accepted"], 1);

    let card = |lines: &str| format!("BEGIN:VCARD\r\nVERSION:4.0\r\nFN:Ana\r\n{lines}END:VCARD\r\n");
    let large = format!("PHOTO:{}\r\n", "x".repeat(1024 * 1024));
    let file = [
        "name,phone\r\nAna,1\r\n",
        &card("TEL:tel:+5511987654301\r\n"),
        &card(&large),
        "BEGIN:VCARD\r\nFN:Bia\r\n",
        &card("EMAIL;PREF=2:b@example.com\r\nEMAIL;PREF=1:a@example.com\r\n"),
        "BEGIN:VCARD\r\n",
    ]
    .concat();
    let refused = imported(app, VCARD, file).await;
    assert_eq!(
        faults(&refused),
        [
            "1  malformed",
            "8  row-too-large",
            "13  malformed",
            "21  malformed"
        ]
    );
    assert_eq!(refused["accepted"], 2);
}

async fn refusals_are_read_page_by_page(app: &TestApp) {
    let refused = imported(app, CSV, format!("{HEADER}{}", "Ana;\r\n".repeat(45))).await;
    assert_eq!((&refused["refused"], faults(&refused).len()), (&json!(45), 20));
    let path = refused["links"]["refusals"].as_str().unwrap();
    let mut lines = Vec::new();
    let mut next = format!("{path}?limit=20");
    loop {
        let page = app.get(&next).await;
        assert_eq!(page.status, 200, "{page:?}");
        let items = page.json()["items"].as_array().unwrap().clone();
        lines.extend(items.iter().map(|item| item["line"].as_u64().unwrap()));
        let cursor = page.text_of("/nextCursor");
        if cursor.is_empty() {
            break;
        }
        assert!(page.header("link").contains(&cursor));
        next = format!("{path}?limit=20&cursor={cursor}");
    }
    assert_eq!(lines, (2..47).collect::<Vec<_>>());
    assert_eq!(
        app.get(&format!("{path}?limit=0")).await.problem(400),
        "malformed-request"
    );
    let other = imported(app, CSV, HEADER).await;
    let other = other["links"]["refusals"].as_str().unwrap();
    let foreign = next.replace(path, other);
    assert_eq!(app.get(&foreign).await.problem(400), "malformed-request");
}

#[tokio::test]
async fn what_is_no_such_file_is_not_taken() {
    let app = TestApp::start(Pair::Embedded).await;
    for media in [
        "application/json",
        "text/csv; charset=utf-16",
        "application/x-ndjson; charset=windows-1252",
        "text/plain",
        "",
    ] {
        let answer = app.send(import(&app, media, "nome;fone\r\n")).await;
        assert_eq!(answer.problem(415), "unsupported-media-type", "{media}");
        assert!(answer.header("accept-post").contains("text/csv"));
    }
    let compressed = import(&app, CSV, "x").header("content-encoding", "gzip");
    assert_eq!(app.send(compressed).await.problem(415), "unsupported-media-type");
    let query = app.request(Method::POST, "/v1/contacts/import?x=1").body("");
    assert_eq!(
        app.send(query.header("content-type", CSV)).await.problem(400),
        "malformed-request"
    );
    assert_eq!(
        app.get("/v1/contacts/import").await.problem(405),
        "method-not-allowed"
    );
    app.stop().await;
}

#[tokio::test]
async fn without_sql_nothing_is_read() {
    let app = TestApp::start_with(Pair::Embedded, |settings| {
        settings.store.url = SecretUrl::new(DEAD_DATABASE);
    })
    .await;
    let answer = app
        .send(import(&app, CSV, "nome;fone\r\nAna;(11) 98765-4301\r\n"))
        .await;
    assert_eq!(answer.problem(503), "store-unavailable");
    assert!(answer.text_of("/detail").contains("single writes do not"));
    assert_eq!(
        (answer.header("retry-after"), answer.text_of("/importId")),
        ("5", String::new())
    );
    app.stop().await;
}
