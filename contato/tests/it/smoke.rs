//! `contato smoke`: the real binary against the real API, and against answers that are made up.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    Contato,
    client::{answer, answers, client, run},
};

/// To see it red: leave out the deletion, or the gateway's key.
#[tokio::test(flavor = "multi_thread")]
async fn a_contact_is_created_followed_and_deleted_with_a_key_and_behind_a_gateway() {
    let folder = TempDir::new().unwrap();
    let (keys, key, gateway) = (
        folder.path().join("keys.json"),
        folder.path().join("key"),
        folder.path().join("gateway-key"),
    );
    let made = run(
        client("", &["key", "create", "--file", keys.to_str().unwrap()]).args([
            "--scope",
            "contacts.read",
            "--scope",
            "contacts.write",
        ]),
    );
    fs::write(&key, &made.out).unwrap();
    fs::write(&gateway, format!("{},{}\n", "a".repeat(32), "b".repeat(32))).unwrap();
    let contato = Contato::start_with(
        folder.path(),
        &[
            ("CONTATO__AUTH__MODE".to_owned(), "required".to_owned()),
            (
                "CONTATO__AUTH__API_KEYS".to_owned(),
                keys.to_str().unwrap().to_owned(),
            ),
            (
                "CONTATO__PRODUCER_API__GATEWAY_KEY_FILE".to_owned(),
                gateway.to_str().unwrap().to_owned(),
            ),
        ],
    );
    let smoke = || client(&contato.api, &["smoke"]);

    let by_passed = run(smoke().env("CONTATO_API_KEY_FILE", &key));
    assert_eq!((by_passed.code, by_passed.out.as_str()), (Some(1), ""));
    let printed = run(smoke()
        .env("CONTATO_API_KEY_FILE", &key)
        .env("CONTATO_GATEWAY_KEY_FILE", &gateway));
    assert_eq!((printed.code, printed.err.as_str()), (Some(0), ""));
    let steps: Vec<_> = printed
        .out
        .lines()
        .map(|line| line.split(' ').next().unwrap())
        .collect();
    assert_eq!(steps, ["created", "read", "deleted"], "{}", printed.out);

    let left = reqwest::Client::new()
        .get(format!("{}/v1/contacts", contato.api))
        .header("x-api-key", fs::read_to_string(&key).unwrap().trim())
        .header("x-contato-gateway-key", "b".repeat(32));
    let left: Value = left.send().await.unwrap().json().await.unwrap();
    assert_eq!(left["items"], json!([]));
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

/// To see it red: make a new key for each try, or take a dead letter for done.
#[test]
fn what_does_not_work_is_told() {
    let command = |status: &str| json!({"id": "c-1", "status": status, "contactId": "p-1"});
    let (api, asked) = answers(vec![
        answer("503 Service Unavailable", "retry-after: 0\r\n", &json!({})),
        answer("202 Accepted", "", &command("pending")),
        answer("200 OK", "retry-after: 0\r\n", &command("pending")),
        answer("200 OK", "", &command("deadLettered")),
    ]);
    let printed = run(&mut client(&api, &["smoke"]));
    assert_eq!(printed.code, Some(3), "{}", printed.err);
    assert!(
        printed.out.contains("status        deadLettered\n"),
        "{}",
        printed.out
    );
    let asked = asked.join().unwrap();
    let keys: Vec<_> = asked[..2]
        .iter()
        .map(|request| {
            assert!(
                request.starts_with("POST /base/v1/contacts HTTP/1.1\r\n"),
                "{request}"
            );
            request
                .lines()
                .find(|line| line.starts_with("idempotency-key: "))
                .unwrap()
        })
        .collect();
    assert_eq!(keys[0], keys[1]);
    assert!(asked[3].starts_with("GET /base/v1/commands/c-1 HTTP/1.1\r\n"));

    let (api, _asked) = answers(vec![
        answer("201 Created", "location: /v1/contacts/p-1\r\n", &json!({})),
        answer("404 Not Found", "", &json!({})),
        answer("200 OK", "", &json!({"id": "p-1", "name": "Somebody else"})),
    ]);
    let printed = run(&mut client(&api, &["smoke"]));
    assert_eq!(printed.code, Some(1));
    assert!(
        printed.out.starts_with("created       contact p-1 ("),
        "{}",
        printed.out
    );
    assert!(
        printed.err.contains("is not contato's") && !printed.err.contains("Somebody"),
        "{}",
        printed.err
    );

    let printed = run(&mut client("http://127.0.0.1:1", &["smoke", "--within", "100ms"]));
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (Some(1), "error: nothing has moved for 100ms\n")
    );
}
