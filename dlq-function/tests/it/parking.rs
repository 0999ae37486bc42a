//! The parking queue, as an operator works on it: the real binary.

use std::num::NonZeroU16;

use serde_json::{Value, json};
use shared::{
    broker::{Message, Queue},
    wire::DeadLetter,
};
use test_support::{Pair, eventually, on_both_pairs};

use crate::{
    cli::{code, dlq, json},
    dead_letters::{Desk, letter},
};

on_both_pairs!(
    parked_messages_are_listed_without_payloads_and_stay,
    parked_messages_are_put_back_once_and_noted,
    nothing_parked_is_said,
);

async fn park(pair: &Pair, body: Vec<u8>) {
    let message = Message {
        body,
        kind: DeadLetter::MESSAGE_TYPE.to_owned(),
        message_id: "test".to_owned(),
        content_type: "application/json".to_owned(),
        attempt: 4,
        replay: 1,
        traceparent: None,
    };
    pair.parts.broker.publish(Queue::Parking, &message).await.unwrap();
}

/// An array with poison in it, a dead letter of ours, and bytes; with the ids of the commands.
async fn park_some(pair: &Pair) -> [String; 2] {
    let (one, two) = (pair.create("Ana Souza"), pair.create("Bia Souza"));
    park(pair, [b"[".as_slice(), &one.encode(), b",\"Souza\"]"].concat()).await;
    park(pair, letter(pair, two.encode()).encode()).await;
    park(pair, b"Souza \xff".to_vec()).await;
    [one.command.id.to_string(), two.command.id.to_string()]
}

/// So many wait in a queue, once the broker has counted them: it takes back what a consumer leaves when that has gone.
async fn waiting(pair: &Pair, queue: Queue, count: u64) {
    eventually(&format!("{count} wait in {}", queue.name()), async || {
        (pair.parts.broker.depth(queue).await.unwrap() == count).then_some(())
    })
    .await;
}

async fn parked_messages_are_listed_without_payloads_and_stay(pair: Pair) {
    let ids = park_some(&pair).await;
    // Also while SQL cannot be used.
    pair.sql("ALTER TABLE dead_letters RENAME TO hidden").await;
    for _ in 0..2 {
        let listed = json(&dlq(&pair, &["parking", "list", "--json"]));
        assert_eq!(listed["waiting"], 3);
        assert!(!listed.to_string().contains("Souza"), "{listed}");
        let parked = listed["parked"].as_array().unwrap();
        let of =
            |reason: &str| -> Vec<&Value> { parked.iter().filter(|one| one["reason"] == reason).collect() };
        assert_eq!(
            (parked.len(), of("unknown").len(), of("undecodable").len()),
            (4, 1, 2),
            "{listed}"
        );
        assert_eq!(of("unknown")[0]["commandId"], ids[0].as_str());
        let ours = of("store-refused");
        assert_eq!(ours[0]["commandId"], ids[1].as_str());
        assert_eq!(
            (&ours[0]["operation"], &ours[0]["attempt"]),
            (&json!("create"), &json!(4))
        );
    }
    let first = json(&dlq(&pair, &["parking", "list", "--json", "--limit", "1"]));
    assert_eq!(first["waiting"], 3);
    let numbers = first["parked"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["message"].as_u64());
    assert!(
        numbers.clone().count() > 0
            && numbers.eq(first["parked"].as_array().unwrap().iter().map(|_| Some(1)))
    );
    let table = dlq(&pair, &["parking", "list"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.lines().count() == 5 && table.contains("store-refused") && !table.contains("Souza"),
        "{table}"
    );
    assert_eq!(code(&dlq(&pair, &["parking", "list", "--limit", "0"])), 2);
    waiting(&pair, Queue::Parking, 3).await;
    waiting(&pair, Queue::DeadLetters, 0).await;
}

/// To see it red: settle before publishing, or restore without a note.
async fn parked_messages_are_put_back_once_and_noted(pair: Pair) {
    let ids = park_some(&pair).await;
    let unasked = dlq(&pair, &["parking", "restore"]);
    assert_eq!(code(&unasked), 1);
    let said = String::from_utf8_lossy(&unasked.stderr).into_owned();
    assert!(
        said.contains("put 3 parked messages back") && said.contains("--yes"),
        "{said}"
    );
    waiting(&pair, Queue::Parking, 3).await;

    let one = dlq(&pair, &["parking", "restore", "--yes", "--json", "--limit", "1"]);
    assert_eq!(
        (code(&one), json(&one)),
        (0, json!({ "waiting": 1, "restored": 1 }))
    );
    waiting(&pair, Queue::Parking, 2).await;
    waiting(&pair, Queue::DeadLetters, 1).await;
    let rest = dlq(&pair, &["parking", "restore", "--yes"]);
    assert_eq!(String::from_utf8_lossy(&rest.stdout), "restored 2 of 2\n");
    waiting(&pair, Queue::Parking, 0).await;
    waiting(&pair, Queue::DeadLetters, 3).await;

    let desk = Desk::open(&pair).await;
    let listed = desk.listed("state=open", 4).await;
    for id in ids {
        assert!(
            listed.iter().any(|letter| letter["commandId"] == id.as_str()),
            "{id}"
        );
    }
    desk.running.stop().await;
    assert_eq!(noted(&pair).await, [1, 2]);
}

/// How many messages each entry of the audit says were put back.
async fn noted(pair: &Pair) -> Vec<i64> {
    pair.numbers(
        "SELECT count FROM audit WHERE action = 'parking-restored' AND principal LIKE 'cli:%' ORDER BY id",
    )
    .await
}

async fn nothing_parked_is_said(pair: Pair) {
    let listed = dlq(&pair, &["parking", "list"]);
    let said = String::from_utf8_lossy(&listed.stderr).into_owned();
    assert_eq!(code(&listed), 0);
    assert!(said.ends_with("nothing is parked\n"), "{said}");
    let restored = dlq(&pair, &["parking", "restore", "--json"]);
    assert_eq!(
        (code(&restored), json(&restored)),
        (3, json!({ "waiting": 0, "restored": 0 }))
    );
    assert_eq!(noted(&pair).await, [0; 0]);
}

/// Only one process consumes the embedded queue.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_contato_runs_the_embedded_queue_says_what_to_do() {
    let pair = Pair::embedded().await;
    park_some(&pair).await;
    let bound = NonZeroU16::new(1).unwrap();
    let consumer = pair.parts.broker.consume(Queue::Commands, bound).await.unwrap();
    for arguments in [["parking", "list", "--json"], ["parking", "restore", "--yes"]] {
        let refused = dlq(&pair, &arguments);
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(code(&refused), 1, "{said}");
        assert!(
            said.contains("3 messages are parked") && said.contains("stop contato"),
            "{said}"
        );
    }
    drop(consumer);
    assert_eq!(noted(&pair).await, [0; 0]);
    waiting(&pair, Queue::Parking, 3).await;
}
