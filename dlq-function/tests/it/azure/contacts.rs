//! The function `contacts`.

use serde_json::{Value, json};
use shared::{
    domain::{Action, Changes, ContactId, Email, Name, NewContact, Phone, Stamp},
    wire::Envelope,
};
use test_support::{Pair, on_both_pairs};

use super::Host;
use crate::dead_letters::worker;

on_both_pairs!(contacts_are_read_by_http);

fn with_phone(pair: &Pair, name: &str, phone: &str) -> Envelope {
    let mut create = pair.create(name);
    create.command.action = Action::Create(NewContact {
        name: Name::parse(name).unwrap(),
        phone: Some(Phone::parse(phone).unwrap()),
        email: Some(Email::parse("ana@example.com").unwrap()),
    });
    create
}

async fn contacts_are_read_by_http(pair: Pair) {
    let worker = worker(&pair).await;
    let mut ids: Vec<ContactId> = Vec::new();
    for (name, phone) in [
        ("Ana Souza", "(11) 98765-4321"),
        ("Bia", "(21) 98765-4321"),
        ("Caio", "(11) 98765-1234"),
    ] {
        let create = with_phone(&pair, name, phone);
        pair.publish(create.encode()).await;
        pair.ended(create.command.id).await;
        ids.push(create.command.contact_id);
    }
    let change = |id: ContactId, n: u64, action: Action| {
        let command = pair.ids.issue(n, n).command;
        let stamp = Stamp::at_ms(n);
        let change = shared::domain::Command {
            id: command,
            contact_id: id,
            stamp,
            if_match: None,
            action,
        };
        pair.envelope(command, change)
    };
    let unborn = pair.ids.issue(1, 1).contact;
    for change in [
        change(ids[1], 2, Action::Delete),
        change(unborn, 3, Action::Update(Changes::default())),
    ] {
        pair.publish(change.encode()).await;
        pair.ended(change.command.id).await;
    }
    worker.stop().await;

    let host = Host::start(&pair).await;
    let ana = ids[0].to_string();
    let (status, contact, headers) = host
        .contacts(Some(&ana), json!({ "code": "key-of-the-function" }))
        .await;
    let expected = json!({
        "id": ana, "name": "Ana Souza", "phone": "+5511987654321", "areaCode": "11", "state": "SP",
        "email": "ana@example.com", "createdAt": contact["createdAt"], "updatedAt": contact["updatedAt"],
    });
    assert_eq!((status, contact), (200, expected));
    assert_eq!(
        headers,
        json!({ "content-type": "application/json", "cache-control": "no-store" })
    );
    let deleted = ids[1].to_string();
    let unborn = unborn.to_string();
    for (id, status, word) in [
        (deleted.as_str(), 410, "contact-deleted"),
        (unborn.as_str(), 404, "contact-not-found"),
        ("01a201f4-67d6-86cd-8ebc-11f1ce2a2ba1", 404, "contact-not-found"),
        ("no-id", 404, "contact-not-found"),
    ] {
        let (found, problem, headers) = host.contacts(Some(id), json!({})).await;
        assert_eq!(
            (found, problem["type"].as_str()),
            (status, Some(format!("/docs#{word}").as_str())),
            "{id}"
        );
        assert_eq!(headers["content-type"], "application/problem+json");
    }

    let (status, page, _) = host
        .contacts(None, json!({ "limit": "1", "areaCode": "11" }))
        .await;
    assert_eq!(
        (status, page["items"][0]["name"].as_str()),
        (200, Some("Caio")),
        "{page}"
    );
    // As an older host writes a query.
    let next = json!({ "limit": "1", "areaCode": "11", "cursor": page["nextCursor"] }).to_string();
    let (_, page, _) = host.contacts(None, next.into()).await;
    assert_eq!(page["items"][0]["name"], "Ana Souza", "{page}");
    assert_eq!(page["nextCursor"], Value::Null);
    let (_, page, _) = host.contacts(None, json!({ "state": "RJ" })).await;
    assert_eq!(page["items"], json!([]));
    for (query, pointer) in [
        (json!({ "areaCode": "99x" }), json!("/areaCode")),
        (json!({ "colour": "red" }), Value::Null),
    ] {
        let (status, problem, _) = host.contacts(None, query).await;
        assert_eq!(status, 400, "{problem}");
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
    pair.sql("ALTER TABLE contacts RENAME TO hidden").await;
    let (status, problem, headers) = host.contacts(Some(&ana), json!({})).await;
    assert_eq!(
        (status, headers["retry-after"].as_str()),
        (503, Some("5")),
        "{problem}"
    );
    host.running.stop().await;
}
