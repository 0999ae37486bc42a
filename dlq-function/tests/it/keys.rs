//! Replacing the key of payloads.

use shared::{payload_keys::PayloadKeys, settings::Secret, wire::Reason};
use test_support::{Pair, eventually, on_both_pairs};

use crate::dead_letters::{Desk, path, send_dead_letter, worker};

on_both_pairs!(a_key_is_replaced_and_taken_away, a_missing_key_loses_nothing);

const A: &str = "a:1111111111111111111111111111111111111111111111111111111111111111";
const B: &str = "b:2222222222222222222222222222222222222222222222222222222222222222";

async fn all_under_the_first(pair: &Pair, keys: &str) {
    let keys = PayloadKeys::parse(keys).unwrap();
    eventually("all payloads are under the present key", async || {
        let left = pair.parts.store.count_under_other_keys(&keys).await.unwrap();
        (left == 0).then_some(())
    })
    .await;
}

async fn a_key_is_replaced_and_taken_away(mut pair: Pair) {
    pair.settings.dead_letters.keys = Some(Secret::new(A));
    let desk = Desk::open(&pair).await;
    let (kept, plain) = (pair.create("Ana"), pair.create("Bia"));
    send_dead_letter(&pair, &kept, Reason::StoreRefused).await;
    send_dead_letter(&pair, &plain, Reason::StoreRefused).await;
    desk.listed("state=open", 2).await;
    desk.running.stop().await;
    // As a version that knew of no keys stored it.
    let bytes = String::from_utf8(plain.encode()).unwrap();
    let as_bytes = if pair.is_postgres() {
        format!("convert_to('{bytes}', 'UTF8')")
    } else {
        format!("CAST('{bytes}' AS BLOB)")
    };
    let set = format!("UPDATE dead_letters SET body = {as_bytes}, body_key = NULL");
    let of_command = if pair.is_postgres() {
        format!("command_id = '{}'", plain.command.id)
    } else {
        format!("command_id = x'{}'", plain.command.id.as_uuid().simple())
    };
    pair.sql(&format!("{set} WHERE {of_command}")).await;

    pair.settings.dead_letters.keys = Some(Secret::new(format!("{B},{A}")));
    let desk = Desk::open(&pair).await;
    all_under_the_first(&pair, B).await;
    assert_eq!(pair.count("FROM dead_letters WHERE body_key = 'b'").await, 2);
    desk.running.stop().await;

    pair.settings.dead_letters.keys = Some(Secret::new(B));
    let desk = Desk::open(&pair).await;
    let worker = worker(&pair).await;
    for letter in desk.listed("state=open", 2).await {
        assert_eq!(desk.post(&path(&letter, "/replay")).await.0, 202);
    }
    desk.listed("state=resolved", 2).await;
    worker.stop().await;
    desk.running.stop().await;
}

async fn a_missing_key_loses_nothing(mut pair: Pair) {
    pair.settings.dead_letters.keys = Some(Secret::new(A));
    let desk = Desk::open(&pair).await;
    send_dead_letter(&pair, &pair.create("Ana"), Reason::StoreRefused).await;
    let letter = desk.listed("state=open", 1).await.remove(0);
    desk.running.stop().await;

    pair.settings.dead_letters.keys = Some(Secret::new(B));
    let desk = Desk::open(&pair).await;
    let after = pair
        .parts
        .store
        .rekey_dead_letters(&PayloadKeys::parse(B).unwrap(), Some("a"), 10)
        .await
        .unwrap();
    assert_eq!(after, 0, "it cannot be read");
    let (status, detail) = desk.get(&path(&letter, "")).await;
    assert_eq!(
        (status, &detail["locked"], &detail["maskedBody"]),
        (200, &true.into(), &serde_json::Value::Null)
    );
    let (status, problem) = desk.post(&path(&letter, "/replay")).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (503, Some("/docs#payload-locked"))
    );
    desk.running.stop().await;

    pair.settings.dead_letters.keys = Some(Secret::new(format!("{B},{A}")));
    let desk = Desk::open(&pair).await;
    all_under_the_first(&pair, B).await;
    assert_eq!(desk.post(&path(&letter, "/replay")).await.0, 202);
    desk.running.stop().await;
}
