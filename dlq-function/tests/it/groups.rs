//! Dead letters that failed alike.

use serde_json::{Value, json};
use shared::wire::Reason;
use test_support::{Pair, on_both_pairs};

use crate::dead_letters::{Desk, send_dead_letter, send_with_detail};

on_both_pairs!(
    groups_are_counted_by_state_and_told_by_their_newest,
    groups_are_paged_and_filtered,
    an_archived_group_shows_up_again_when_something_fails_anew,
);

async fn groups(desk: &Desk, query: &str) -> Vec<Value> {
    let (status, page) = desk.get(&format!("/v1/dead-letter-groups?{query}")).await;
    assert_eq!(status, 200, "{page}");
    page["items"].as_array().unwrap().clone()
}

async fn groups_are_counted_by_state_and_told_by_their_newest(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for n in 0..3 {
        let detail = format!("SQL refuses it (code {n})");
        send_with_detail(&pair, &pair.create("Ana"), Reason::StoreRefused, &detail).await;
        desk.listed("", n + 1).await;
    }
    send_dead_letter(&pair, &pair.create("Bia"), Reason::HandlerPanic).await;
    let letters = desk.listed("", 4).await;
    let refused: Vec<_> = letters
        .iter()
        .filter(|letter| letter["reason"] == "store-refused")
        .collect();
    let id = refused[2]["id"].as_str().unwrap();
    assert_eq!(desk.post(&format!("/v1/dead-letters/{id}/discard")).await.0, 200);

    let found = groups(&desk, "").await;
    let reasons: Vec<_> = found.iter().map(|group| group["reason"].clone()).collect();
    assert_eq!(reasons, ["handler-panic", "store-refused"], "last seen first");
    assert_eq!(
        found[1],
        json!({
            "group": refused[0]["group"], "reason": "store-refused", "operation": "create",
            "detail": "SQL refuses it (code 2)",
            "counts": { "open": 2, "archived": 0, "replayed": 0, "resolved": 0, "replaced": 0, "discarded": 1 },
            "firstSeen": refused[2]["receivedAt"], "lastSeen": refused[0]["receivedAt"],
        })
    );
    let discarded = groups(&desk, "state=discarded").await;
    assert_eq!(discarded, found[1..], "in which something is discarded");
    desk.running.stop().await;
}

async fn groups_are_paged_and_filtered(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let reasons = [
        Reason::StoreRefused,
        Reason::HandlerPanic,
        Reason::StampAhead,
        Reason::ContactUnknown,
        Reason::Unstorable,
    ];
    for reason in reasons {
        send_dead_letter(&pair, &pair.create("Ana"), reason).await;
        send_dead_letter(&pair, &pair.create("Ana"), reason).await;
    }
    let letters = desk.listed("", 10).await;
    let all = groups(&desk, "").await;
    assert_eq!(all.len(), 5);
    let mut paged = Vec::new();
    let mut query = "limit=2".to_owned();
    loop {
        let (_, page) = desk.get(&format!("/v1/dead-letter-groups?{query}")).await;
        paged.extend(page["items"].as_array().unwrap().clone());
        let Some(cursor) = page["nextCursor"].as_str() else {
            break;
        };
        query = format!("limit=2&cursor={cursor}");
    }
    assert_eq!(paged, all);
    let elsewhere = query.replace("limit=2", "state=open");
    assert_eq!(
        desk.get(&format!("/v1/dead-letter-groups?{elsewhere}")).await.0,
        400,
        "bound to its filters"
    );

    let one = groups(&desk, "reason=stamp-ahead&operation=create").await;
    assert_eq!(one.len(), 1);
    let contact = letters[0]["contactId"].as_str().unwrap();
    let of_one = groups(&desk, &format!("contactId={contact}")).await;
    assert_eq!(
        (of_one.len(), &of_one[0]["counts"]["open"]),
        (1, &json!(1)),
        "of that contact alone"
    );
    assert_eq!(groups(&desk, "until=2020-01-01T00:00:00Z").await.len(), 0);
    assert_eq!(groups(&desk, "state=archived").await.len(), 0);
    assert_eq!(desk.get("/v1/dead-letter-groups?reason=segredo").await.0, 400);
    desk.running.stop().await;
}

async fn an_archived_group_shows_up_again_when_something_fails_anew(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for _ in 0..3 {
        send_dead_letter(&pair, &pair.create("Ana"), Reason::StoreRefused).await;
    }
    let letters = desk.listed("", 3).await;
    let group = &letters[0]["group"];
    let (status, archived) = desk
        .post_json("/v1/dead-letters/archive", &json!({ "group": group }))
        .await;
    assert_eq!(
        (status, archived),
        (
            200,
            json!({ "matched": 3, "done": 3, "refused": [], "remaining": 0 })
        )
    );
    assert_eq!(groups(&desk, "").await.len(), 0);
    assert_eq!(groups(&desk, "state=archived").await.len(), 1);

    send_dead_letter(&pair, &pair.create("Bia"), Reason::StoreRefused).await;
    desk.listed("state=open", 1).await;
    let again = groups(&desk, "").await;
    assert_eq!(
        (&again[0]["counts"]["open"], &again[0]["counts"]["archived"]),
        (&json!(1), &json!(3))
    );
    desk.running.stop().await;
}
