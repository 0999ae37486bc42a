//! `GET /v1/contacts/export`.

use std::{collections::BTreeSet, sync::Mutex, time::Duration};

use producer_api::routes::contacts::export::PIECE_MAX;
use reqwest::{Method, RequestBuilder, Response};
use sea_orm::{ConnectionTrait, Database, Statement};
use serde_json::{Value, json};
use shared::{
    domain::{
        Action, Command, CommandId, ContactId, Entry, IdIssuer, Name, NewContact, Phone, RequestHash, Stamp,
    },
    store::export::MAX_EXPORTS,
};
use test_support::{eventually, eventually_within};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
};

use crate::app::{Answer, Pair, TestApp};

on_both_pairs![
    spreadsheets_get_csv_without_formulas,
    spreadsheets_of_brazil_get_semicolons,
    programs_get_lines_with_deletes_and_address_books_cards,
    filters_hold_and_pages_are_not_known,
    what_is_written_meanwhile_is_not_exported,
    who_does_not_take_it_loses_it,
];

fn export(app: &TestApp, query: &str, accept: &str) -> RequestBuilder {
    app.request(Method::GET, &format!("/v1/contacts/export{query}"))
        .header("accept", accept)
}

async fn people(app: &TestApp) -> Vec<String> {
    let mut ids = Vec::new();
    for body in [
        json!({"name": "=HYPERLINK(\"x\"; Ana)", "phone": "(11) 98765-4321", "email": "+ana@example.com"}),
        json!({"name": "-Bia, Lima", "phone": "+351 912 345 678"}),
        json!({"name": "Júlio \"Caio\"", "email": "caio@example.com"}),
    ] {
        ids.push(app.write(app.post(&body)).await.text_of("/contactId"));
    }
    ids
}

/// The lines of a CSV, times left out.
fn rows(answer: &Answer, ids: &[String]) -> Vec<String> {
    assert_eq!(answer.status, 200, "{answer:?}");
    let text = answer.text.strip_prefix('\u{feff}').expect("a byte order mark");
    let text = text.strip_suffix("\r\n").unwrap();
    let row = |line: &str| {
        let times = line.rmatch_indices([',', ';']).nth(1).unwrap().0;
        let mut row = line[..times].to_owned();
        for (n, id) in ids.iter().enumerate() {
            row = row.replace(id, &format!("id{n}"));
        }
        row
    };
    text.split("\r\n").map(row).collect()
}

/// To see it red: leave out `harmless`.
async fn spreadsheets_get_csv_without_formulas(app: &TestApp) {
    let empty = app.get("/v1/contacts/export").await;
    assert_eq!(rows(&empty, &[]), ["id,name,phone,areaCode,state,email"]);
    let ids = people(app).await;
    let answer = app.send(export(app, "?sort=createdAt", "*/*")).await;
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(answer.header("vary").contains("Accept, Accept-Language"));
    let day = app.parts.clock.now().format("%F");
    let file = format!("attachment; filename=\"contacts-{day}.csv\"");
    assert_eq!(answer.header("content-disposition"), file);
    assert_eq!(
        rows(&answer, &ids),
        [
            "id,name,phone,areaCode,state,email",
            "id0,\"'=HYPERLINK(\"\"x\"\"; Ana)\",(11) 98765-4321,11,SP,'+ana@example.com",
            "id1,\"'-Bia, Lima\",'+351912345678,,,",
            "id2,\"Júlio \"\"Caio\"\"\",,,,caio@example.com",
        ]
    );
    let first = answer.text.lines().nth(1).unwrap();
    let shown = app.get(&format!("/v1/contacts/{}", ids[0])).await;
    let times = ["/createdAt", "/updatedAt"].map(|time| shown.text_of(time));
    assert!(first.ends_with(&format!(",{},{}", times[0], times[1])), "{first}");
}

async fn spreadsheets_of_brazil_get_semicolons(app: &TestApp) {
    let ids = people(app).await;
    let request =
        export(app, "?sort=createdAt", "text/csv").header("accept-language", "pt-BR,pt;q=0.9,en;q=0.5");
    let answer = app.send(request).await;
    assert_eq!(
        rows(&answer, &ids),
        [
            "id;nome;telefone;ddd;uf;e-mail",
            "id0;\"'=HYPERLINK(\"\"x\"\"; Ana)\";(11) 98765-4321;11;SP;'+ana@example.com",
            "id1;'-Bia, Lima;'+351912345678;;;",
            "id2;\"Júlio \"\"Caio\"\"\";;;;caio@example.com",
        ]
    );
    assert!(answer.text.contains(";criado em;atualizado em\r\n"));
}

async fn programs_get_lines_with_deletes_and_address_books_cards(app: &TestApp) {
    let ids = people(app).await;
    let since = app
        .get(&format!("/v1/contacts/{}", ids[0]))
        .await
        .text_of("/updatedAt");
    app.write(app.delete(&ids[1])).await;
    let query = format!("?updatedSince={since}");
    let answer = app.send(export(app, &query, "application/x-ndjson")).await;
    assert_eq!(answer.header("content-type"), "application/x-ndjson");
    assert!(answer.header("content-disposition").ends_with(".ndjson\""));
    let lines: Vec<Value> = answer
        .text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let listed = app.get(&format!("/v1/contacts{query}")).await.json();
    assert_eq!(Value::from(lines.clone()), listed["items"]);
    assert!(
        lines
            .iter()
            .any(|line| line["id"] == ids[1] && line["deletedAt"].is_string())
    );

    for accept in ["text/csv", "text/vcard"] {
        let answer = app.send(export(app, &query, accept)).await;
        assert!(
            answer.text.contains(&ids[0]) && !answer.text.contains(&ids[1]),
            "{accept}"
        );
    }
    let cards = app.send(export(app, "", "text/vcard")).await;
    let listed = app
        .request(Method::GET, "/v1/contacts")
        .header("accept", "text/vcard");
    assert_eq!(cards.text, app.send(listed).await.text);
    assert!(cards.header("content-disposition").ends_with(".vcf\""));
    // Nothing but a tombstone, and nothing at all.
    app.write(app.delete(&ids[0])).await;
    app.write(app.delete(&ids[2])).await;
    assert_eq!(app.send(export(app, &query, "text/vcard")).await.text, "");
    assert_eq!(app.send(export(app, "", "application/x-ndjson")).await.text, "");
}

async fn filters_hold_and_pages_are_not_known(app: &TestApp) {
    people(app).await;
    for (query, expected) in [
        ("?areaCode=11", 1),
        ("?state=sp&q=ana", 1),
        ("?q=lima", 1),
        ("?q=xyzzy", 0),
        ("?phone=%2B351912345678", 1),
        ("?email=caio@EXAMPLE.com", 1),
        ("?sort=-name", 3),
    ] {
        let answer = app.send(export(app, query, "application/x-ndjson")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text.lines().count()),
            (200, expected),
            "{query}"
        );
        let head = app
            .request(Method::HEAD, &format!("/v1/contacts/export{query}"))
            .header("accept", "application/x-ndjson");
        let head = app.send(head).await;
        assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
        for name in ["content-type", "content-disposition", "vary"] {
            assert_eq!(head.header(name), answer.header(name), "{name}");
        }
    }
    for query in ["?limit=5", "?cursor=x", "?areaCode=10", "?x=y"] {
        let answer = app.get(&format!("/v1/contacts/export{query}")).await;
        assert_eq!(answer.problem(400), "malformed-request", "{query}");
    }
}

/// Entries for the store, beside the queue.
fn entry(id: CommandId, contact_id: ContactId, action: Action, now: u64) -> Entry {
    Entry {
        command: Command {
            id,
            contact_id,
            stamp: Stamp::at_ms(now),
            if_match: None,
            action,
        },
        key_hash: None,
        request_hash: RequestHash::from_bytes(id.as_uuid().as_bytes()).unwrap(),
        contact_is_ours: true,
        attempt: 1,
    }
}

async fn apply(app: &TestApp, entries: Vec<Entry>) {
    let latest = Stamp::at_ms(app.parts.clock.now_ms() + 5_000);
    let now = app.parts.clock.now();
    app.parts.store.apply(&entries, now, latest).await.unwrap();
}

/// So many contacts with long names, so that an export of them fits into no buffer.
async fn crowd(app: &TestApp, ids: &IdIssuer, count: u64) -> Vec<ContactId> {
    let name = Name::parse(&"\u{1D400}".repeat(Name::MAX_CHARS)).unwrap();
    let phone = Phone::parse("(11) 98765-4321").unwrap();
    let mut made = Vec::new();
    for _ in 0..count / 500 {
        let now = app.parts.clock.now_ms();
        let create = |_| {
            let issued = ids.issue(now, 0);
            made.push(issued.contact);
            let contact = NewContact {
                name: name.clone(),
                phone: Some(phone.clone()),
                email: None,
            };
            entry(issued.command, issued.contact, Action::Create(contact), now)
        };
        let entries = (0..500).map(create).collect();
        apply(app, entries).await;
    }
    made
}

/// What comes after the head, to its end; `None` if it has none.
async fn rest(mut response: Response) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(bytes) = response.chunk().await.ok()? {
        body.extend_from_slice(&bytes);
    }
    Some(body)
}

async fn what_is_written_meanwhile_is_not_exported(app: &TestApp) {
    const COUNT: u64 = 6_000;
    let ids = IdIssuer::new(app.ids().clone());
    let made = crowd(app, &ids, COUNT).await;
    let response = export(app, "", "application/x-ndjson").send().await.unwrap();
    assert_eq!(response.status(), 200);
    // The first piece is on its way, so the moment is chosen.
    let (body, ()) = tokio::join!(rest(response), async {
        for some in made.chunks(1_000) {
            let now = app.parts.clock.now_ms();
            let delete = |id: &ContactId| entry(ids.issue(now, 0).command, *id, Action::Delete, now);
            apply(app, some.iter().step_by(4).map(delete).collect()).await;
            crowd(app, &ids, 500).await;
        }
    });
    let body = String::from_utf8(body.expect("a whole answer")).unwrap();
    let told: BTreeSet<String> = body
        .lines()
        .map(|line| {
            let line: Value = serde_json::from_str(line).unwrap();
            assert!(line["name"].is_string());
            line["id"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(body.lines().count() as u64, COUNT);
    assert_eq!(told, made.iter().map(ToString::to_string).collect());
}

/// A client that has asked for an export and reads nothing.
async fn idle_client(app: &TestApp) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(8 * 1024).unwrap();
    let mut stream = socket.connect(app.address().parse().unwrap()).await.unwrap();
    let request =
        "GET /v1/contacts/export HTTP/1.1\r\nHost: localhost\r\nAccept: application/x-ndjson\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    // The head is there: the export has begun.
    stream.readable().await.unwrap();
    stream
}

/// What is left for a client once it reads again, until the connection ends. Whether it was reset at the end is all the same.
async fn left(mut stream: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut block = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = stream.read(&mut block).await {
        bytes.extend_from_slice(&block[..count]);
    }
    bytes
}

/// The answer has begun and has no end.
#[track_caller]
fn broken_off(bytes: &[u8]) {
    const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";
    assert!(bytes.starts_with(b"HTTP/1.1 200 OK"), "{} bytes", bytes.len());
    assert!(!bytes.ends_with(LAST_CHUNK), "{} bytes", bytes.len());
}

/// To see it red: send without a bound, and let connections wait for ever.
async fn who_does_not_take_it_loses_it(app: &TestApp) {
    crowd(app, &IdIssuer::new(app.ids().clone()), 20_000).await;
    let mut idle = Vec::new();
    for _ in 0..MAX_EXPORTS {
        idle.push(idle_client(app).await);
    }
    let refused = app.send(export(app, "", "text/csv")).await;
    assert_eq!(refused.problem(503), "overloaded");
    assert_eq!(refused.header("retry-after"), "5");
    // Other reads go on.
    assert_eq!(app.get("/v1/contacts?limit=1").await.status, 200);
    assert_eq!(
        app.get("/v1/contacts/export?limit=1").await.problem(400),
        "malformed-request"
    );
    let patience = PIECE_MAX + Duration::from_secs(20);
    // Those that have begun are kept, since it takes a moment until one that is dropped has ended.
    let begun = Mutex::new(Vec::new());
    eventually_within(patience, "exports end that nobody takes", async || {
        let answer = export(app, "", "text/csv").send().await.unwrap();
        let mut begun = begun.lock().unwrap();
        if answer.status() == 200 {
            begun.push(answer);
        }
        (begun.len() == MAX_EXPORTS).then_some(())
    })
    .await;
    for stream in idle {
        broken_off(&left(stream).await);
    }
}

/// To see it red: take a failure for the end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_breaks_breaks_the_answer() {
    let app = TestApp::start(Pair::Services).await;
    crowd(&app, &IdIssuer::new(app.ids().clone()), 20_000).await;
    let stream = idle_client(&app).await;
    let connection = Database::connect(app.database.url()).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in transaction%'";
    let end = Statement::from_string(connection.get_database_backend(), end);
    // It is idle once it waits for the client.
    eventually("the export's connection is ended", async || {
        let ended = connection.query_all_raw(end.clone()).await.unwrap();
        (ended.len() == 1).then_some(())
    })
    .await;
    connection.close().await.unwrap();
    broken_off(&left(stream).await);
    let again = app.send(export(&app, "", "application/x-ndjson")).await;
    assert_eq!(again.text.lines().count(), 20_000);
    app.stop().await;
}

#[tokio::test]
async fn without_the_database_it_is_told_before_anything_is_sent() {
    let dead = |settings: &mut shared::settings::Settings| {
        settings.store.url = shared::settings::SecretUrl::new(crate::app::DEAD_DATABASE);
        settings.store.timeout = shared::settings::Span(Duration::from_secs(1));
    };
    let app = TestApp::start_with(Pair::Embedded, dead).await;
    assert_eq!(
        app.get("/v1/contacts/export").await.problem(503),
        "store-unavailable"
    );
    assert_eq!(
        app.get("/v1/contacts/duplicates").await.problem(503),
        "store-unavailable"
    );
    app.stop().await;
}
