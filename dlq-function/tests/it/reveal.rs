//! Personal data in the clear, and who looked at it.

use serde_json::json;
use shared::{
    broker::Queue,
    domain::{Action, Command, Stamp},
    settings::Secret,
    wire::{DeadLetter, Payload, Reason},
};
use test_support::{Pair, on_both_pairs};
use uuid::Uuid;

use crate::dead_letters::{Desk, path, publish, send_dead_letter, worker};

on_both_pairs!(
    what_is_revealed_stands_in_the_audit_first,
    what_was_erased_or_is_locked_is_not_revealed,
);

/// To see it red: note it after the payload was answered, or not at all.
async fn what_is_revealed_stands_in_the_audit_first(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana Souza");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    pair.sql("ALTER TABLE audit RENAME TO hidden").await;
    let (status, problem) = desk.post(&path(&letter, "/reveal")).await;
    assert_eq!(status, 503, "{problem}");
    assert!(!problem.to_string().contains("Souza"));
    pair.sql("ALTER TABLE hidden RENAME TO audit").await;

    let (status, revealed) = desk.post(&path(&letter, "/reveal")).await;
    let expected = json!({
        "id": letter["id"],
        "contentType": "application/json",
        "body": String::from_utf8(create.encode()).unwrap(),
    });
    assert_eq!((status, revealed), (200, expected));
    let noted = "SELECT COUNT(*) FROM audit WHERE action = 'reveal' AND dead_letter_id IS NOT NULL";
    assert_eq!(pair.number(noted).await, 1);

    // What is no text is told in base64, and nothing of it is to be stored on the way.
    let letter = DeadLetter {
        reason: Reason::Undecodable,
        detail: "not JSON".to_owned(),
        attempt: 1,
        replay: 0,
        failed_at: pair.parts.clock.now(),
        worker: "w/1".to_owned(),
        traceparent: None,
        content_type: "application/octet-stream".to_owned(),
        payload: Payload(vec![0xff, 0x00]),
    };
    publish(&pair, Queue::DeadLetters, letter.encode()).await;
    let letter = desk.listed("reason=undecodable", 1).await.remove(0);
    let answer = desk.send_post(&path(&letter, "/reveal")).await;
    assert_eq!(answer.headers()["cache-control"], "no-store");
    let expected = json!({
        "id": letter["id"],
        "contentType": "application/octet-stream",
        "bodyBase64": "/wA=",
    });
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap(), expected);
    let unknown = format!("/v1/dead-letters/{}/reveal", Uuid::now_v7());
    assert_eq!(desk.post(&unknown).await.0, 404);
    desk.running.stop().await;
}

async fn what_was_erased_or_is_locked_is_not_revealed(mut pair: Pair) {
    let desk = Desk::open(&pair).await;
    let (erased, locked) = (pair.create("Ana Souza"), pair.create("Bia Souza"));
    send_dead_letter(&pair, &erased, Reason::StoreRefused).await;
    send_dead_letter(&pair, &locked, Reason::HandlerPanic).await;
    desk.listed("", 2).await;
    let delete = Command {
        id: pair.ids.issue(2, 2).command,
        stamp: Stamp::at_ms(2),
        action: Action::Delete,
        ..erased.command.clone()
    };
    let worker = worker(&pair).await;
    pair.publish(pair.envelope(delete.id, delete.clone()).encode())
        .await;
    pair.ended(delete.id).await;
    worker.stop().await;
    desk.running.stop().await;

    let other_key = format!("2:{}", "f".repeat(64));
    pair.settings.dead_letters.keys = Some(Secret::new(other_key));
    let desk = Desk::open(&pair).await;
    let cases = [
        ("store-refused", 410, "/docs#dead-letter-erased"),
        ("handler-panic", 503, "/docs#payload-locked"),
    ];
    for (reason, status, kind) in cases {
        let letter = desk.listed(&format!("reason={reason}"), 1).await.remove(0);
        let (found, problem) = desk.post(&path(&letter, "/reveal")).await;
        assert_eq!(
            (found, problem["type"].as_str()),
            (status, Some(kind)),
            "{problem}"
        );
    }
    assert_eq!(pair.number("SELECT COUNT(*) FROM audit").await, 0);
    desk.running.stop().await;
}
