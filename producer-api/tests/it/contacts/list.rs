//! `GET /v1/contacts`.

use reqwest::Method;
use serde_json::Value;

use crate::app::{Answer, Pair, TestApp};

on_both_pairs![
    pages_go_both_ways_and_are_not_shifted,
    filters_and_sorts_hold,
    changes_since_a_time_include_deletes,
    pages_of_vcards_are_address_books,
    words_are_searched_for,
];

fn names(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let items = answer.json()["items"].as_array().cloned().unwrap();
    let name = |item: &Value| item["name"].as_str().unwrap_or("-").to_owned();
    items.iter().map(name).collect()
}

/// The target of a link.
fn link(answer: &Answer, relation: &str) -> Option<String> {
    let wanted = format!("rel=\"{relation}\"");
    let link = answer
        .header("link")
        .split(", ")
        .find(|link| link.ends_with(&wanted))?;
    Some(link.trim_start_matches('<').split('>').next().unwrap().to_owned())
}

async fn pages_go_both_ways_and_are_not_shifted(app: &TestApp) {
    for name in ["C1", "C2", "C3", "C4", "C5"] {
        app.contact(name, "(11) 98765-4321").await;
    }
    let first = app.get("/v1/contacts?limit=2").await;
    assert_eq!(names(&first), ["C5", "C4"]);
    assert_eq!(link(&first, "prev"), None);
    // What comes while somebody turns pages does not shift them.
    app.contact("C6", "(11) 98765-4321").await;
    let second = app.get(&link(&first, "next").unwrap()).await;
    assert_eq!(names(&second), ["C3", "C2"]);
    assert!(
        link(&second, "next")
            .unwrap()
            .starts_with("/v1/contacts?limit=2&cursor=")
    );
    let third = app.get(&link(&second, "next").unwrap()).await;
    assert_eq!(names(&third), ["C1"]);
    assert_eq!(
        (link(&third, "next"), &third.json()["nextCursor"]),
        (None, &Value::Null)
    );

    let back = app.get(&link(&third, "prev").unwrap()).await;
    assert_eq!(names(&back), ["C3", "C2"]);
    let back = app.get(&link(&back, "prev").unwrap()).await;
    assert_eq!(names(&back), ["C5", "C4"]);
    let back = app.get(&link(&back, "prev").unwrap()).await;
    assert_eq!(names(&back), ["C6"]);
    assert_eq!(link(&back, "prev"), None);
    let forward = app.get(&link(&back, "next").unwrap()).await;
    assert_eq!(names(&forward), ["C5", "C4"]);

    let cursor = first.text_of("/nextCursor");
    let other_size = app.get(&format!("/v1/contacts?cursor={cursor}&limit=3")).await;
    assert_eq!(names(&other_size), ["C3", "C2", "C1"]);
    for query in [
        "limit=2&sort=name",
        "limit=2&areaCode=11",
        "sort=createdAt",
        "updatedSince=2026-01-01T00:00:00Z",
    ] {
        let answer = app.get(&format!("/v1/contacts?{query}&cursor={cursor}")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{query}");
    }
    for bad in ["x", "", &format!("B{}", &cursor[1..]), &format!("{cursor}A")] {
        let answer = app.get(&format!("/v1/contacts?cursor={bad}")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{bad}");
    }
}

async fn filters_and_sorts_hold(app: &TestApp) {
    app.contact("Álvaro", "(11) 98765-4321").await;
    app.contact("bia", "(21) 2345-6789").await;
    app.contact("Caio", "(11) 98765-4322").await;
    let body = serde_json::json!({"name": "Duda", "email": "duda@example.com"});
    app.write(app.post(&body)).await;
    for (query, expected) in [
        ("", &["Duda", "Caio", "bia", "Álvaro"][..]),
        ("sort=createdAt", &["Álvaro", "bia", "Caio", "Duda"]),
        ("sort=name", &["Álvaro", "bia", "Caio", "Duda"]),
        ("sort=-name", &["Duda", "Caio", "bia", "Álvaro"]),
        ("sort=-updatedAt", &["Duda", "Caio", "bia", "Álvaro"]),
        ("areaCode=11", &["Caio", "Álvaro"]),
        ("state=rj", &["bia"]),
        ("phone=%2B5511987654321", &["Álvaro"]),
        ("phone=+5511987654321", &["Álvaro"]),
        ("phone=(11)+98765-4322", &["Caio"]),
        ("email=duda@EXAMPLE.com", &["Duda"]),
        ("areaCode=11&state=RJ", &[]),
    ] {
        let answer = app.get(&format!("/v1/contacts?{query}")).await;
        assert_eq!(names(&answer), expected, "{query}");
    }
    // A page of each sort continues where the one before ended.
    for (sort, expected) in [("name", "bia"), ("-updatedAt", "Caio"), ("createdAt", "bia")] {
        let first = app.get(&format!("/v1/contacts?limit=1&sort={sort}")).await;
        let second = app.get(&link(&first, "next").unwrap()).await;
        assert_eq!(names(&second), [expected], "{sort}");
    }
}

async fn changes_since_a_time_include_deletes(app: &TestApp) {
    let first = app.contact("Ana", "(11) 98765-4321").await;
    let shown = app.get(&format!("/v1/contacts/{first}")).await;
    let since = shown.text_of("/updatedAt");
    let second = app.contact("Bia", "(11) 98765-4322").await;
    app.write(app.delete(&first)).await;
    let answer = app.get(&format!("/v1/contacts?updatedSince={since}")).await;
    assert_eq!(names(&answer), ["Bia", "-"]);
    let items = answer.json()["items"].as_array().cloned().unwrap();
    assert_eq!(items[0]["id"], second);
    let tombstone = items[1].as_object().unwrap();
    assert_eq!(tombstone["id"], first);
    assert_eq!(tombstone.keys().collect::<Vec<_>>(), ["deletedAt", "id"]);
    let reverse = app
        .get(&format!("/v1/contacts?updatedSince={since}&sort=-updatedAt"))
        .await;
    assert_eq!(names(&reverse), ["-", "Bia"]);
    let none = app
        .get("/v1/contacts?updatedSince=2999-01-01T00:00:00%2B03:00")
        .await;
    assert_eq!(names(&none), [""; 0]);
    assert_eq!(names(&app.get("/v1/contacts").await), ["Bia"]);
}

async fn words_are_searched_for(app: &TestApp) {
    for (name, phone, email) in [
        ("Ána Souza", "(11) 98765-4321", "souza.ana@example.com"),
        ("Ana Lima", "(21) 2345-6789", "analima@EXAMPLE.org"),
        ("Joana D'Ávila", "(11) 98765-0000", "jo@example.com"),
    ] {
        let body = serde_json::json!({"name": name, "phone": phone, "email": email});
        app.write(app.post(&body)).await;
    }
    let gone = app.contact("Analu", "(11) 98765-4321").await;
    let shown = app.get(&format!("/v1/contacts/{gone}")).await;
    let since = shown.text_of("/updatedAt");
    app.write(app.delete(&gone)).await;
    for (query, expected) in [
        ("q=ANA", &["Ana Lima", "Ána Souza"][..]),
        ("q=%C3%A1n", &["Ana Lima", "Ána Souza"]),
        ("q=sou+ana", &["Ána Souza"]),
        ("q=d%27avi", &["Joana D'Ávila"]),
        ("q=jo@example", &["Joana D'Ávila"]),
        ("q=(11)+98765", &["Joana D'Ávila", "Ána Souza"]),
        ("q=%2B55+11+98765-4321", &["Ána Souza"]),
        ("q=021+2345-6789", &["Ana Lima"]),
        ("q=98765-0", &["Joana D'Ávila"]),
        ("q=e&areaCode=11&sort=name", &["Ána Souza", "Joana D'Ávila"]),
        ("q=ana&state=RJ", &["Ana Lima"]),
        ("q=oana", &[]),
        ("q=ana+OR+jo", &[]),
        ("q=an*", &["Ana Lima", "Ána Souza"]),
        ("q=ana%00%22%27%5C:*|!%26", &["Ana Lima", "Ána Souza"]),
    ] {
        let answer = app.get(&format!("/v1/contacts?{query}")).await;
        assert_eq!(names(&answer), expected, "{query}");
    }
    // Pages, both ways; the cursor belongs to what was searched for, however it was typed.
    let first = app.get("/v1/contacts?q=ex&sort=name&limit=2").await;
    assert_eq!(names(&first), ["Ana Lima", "Ána Souza"]);
    let second = app.get(&link(&first, "next").unwrap()).await;
    assert_eq!(
        (names(&second), link(&second, "next")),
        (vec!["Joana D'Ávila".to_owned()], None)
    );
    assert_eq!(
        names(&app.get(&link(&second, "prev").unwrap()).await),
        ["Ana Lima", "Ána Souza"]
    );
    let cursor = first.text_of("/nextCursor");
    let same = app
        .get(&format!("/v1/contacts?q=+%C3%8AX&sort=name&cursor={cursor}"))
        .await;
    assert_eq!(names(&same), ["Joana D'Ávila"]);
    for other in ["q=exa&", "q=e+x&", ""] {
        let answer = app
            .get(&format!("/v1/contacts?{other}sort=name&cursor={cursor}"))
            .await;
        assert_eq!(answer.problem(400), "malformed-request", "{other}");
    }
    let changes = app
        .get(&format!("/v1/contacts?q=nobody&updatedSince={since}"))
        .await;
    assert_eq!(
        names(&changes),
        ["-"],
        "a tombstone comes whatever is searched for"
    );
}

#[tokio::test]
async fn parameters_that_break_rules_are_told_at_once() {
    let app = TestApp::start(Pair::Embedded).await;
    for (query, faults) in [
        (
            "areaCode=10&state=QQ&phone=QQ&email=QQ&updatedSince=QQ&sort=QQ&limit=0",
            vec![
                "/areaCode unknown-area-code",
                "/email malformed",
                "/limit out-of-bounds",
                "/phone malformed",
                "/sort unknown-sort",
                "/state unknown-state",
                "/updatedSince malformed",
            ],
        ),
        ("limit=101", vec!["/limit out-of-bounds"]),
        ("limit=%2B5", vec!["/limit out-of-bounds"]),
        ("limit=", vec!["/limit out-of-bounds"]),
        (
            "updatedSince=2026-01-01T00:00:00Z&sort=name",
            vec![" sort-not-allowed"],
        ),
        ("q=", vec!["/q no-word"]),
        ("q=%00", vec!["/q no-word"]),
        ("q=*%22%27%5C", vec!["/q no-word"]),
        ("q=a+b+c+d+e+f+g+h+i+j+QQ", vec!["/q too-many-words"]),
        (&format!("q={}", "QQ".repeat(51)), vec!["/q too-long"]),
        ("words=ana", vec![]),
        ("Limit=5", vec![]),
        ("limit=5&limit=5", vec![]),
    ] {
        let answer = app.get(&format!("/v1/contacts?{query}")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{query}");
        assert_eq!(answer.faults(), faults, "{query}");
        assert!(!answer.text.contains("QQ"), "{answer:?}");
    }
    let head = app.send(app.request(Method::HEAD, "/v1/contacts")).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    app.stop().await;
}

async fn pages_of_vcards_are_address_books(app: &TestApp) {
    for name in ["Ana", "Bia", "Caio"] {
        app.contact(name, "(11) 98765-4321").await;
    }
    let vcards = |path: &str| app.send(app.request(Method::GET, path).header("accept", "text/vcard"));
    let names = |answer: &Answer| {
        assert_eq!(answer.header("content-type"), "text/vcard; charset=utf-8");
        assert_eq!(answer.header("vary"), "Accept");
        let lines = answer.text.split("\r\n");
        let names = lines.filter_map(|line| line.strip_prefix("FN:"));
        names.collect::<Vec<_>>().join(" ")
    };
    let first = vcards("/v1/contacts?sort=name&limit=2").await;
    assert_eq!(names(&first), "Ana Bia");
    let second = vcards(&link(&first, "next").unwrap()).await;
    assert_eq!((names(&second).as_str(), link(&second, "next")), ("Caio", None));
    let nobody = vcards("/v1/contacts?areaCode=21").await;
    assert_eq!((nobody.status.as_u16(), nobody.text.as_str()), (200, ""));
}
