//! Acts on many dead letters: archive, restore, discard.

use serde_json::{Value, json};
use shared::{
    domain::Rejection,
    store::audit::{Act, AuditFilter, Entry},
    wire::{CommandStatus, Reason},
};
use test_support::{Pair, eventually, on_both_pairs};

use crate::dead_letters::{Desk, path, send_dead_letter, worker};

on_both_pairs!(
    what_is_archived_waits_and_can_be_put_back,
    an_act_on_many_says_what_it_would_do_and_refuses_other_numbers,
    many_are_discarded_and_what_could_not_be_is_named,
);

async fn noted(pair: &Pair, act: Act) -> Vec<Entry> {
    let filter = AuditFilter {
        act: Some(act),
        ..AuditFilter::default()
    };
    pair.parts.store.audit_page(&filter, None, 100).await.unwrap()
}

async fn what_is_archived_waits_and_can_be_put_back(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = [pair.create("Ana"), pair.create("Bia"), pair.create("Eva")];
    for create in &creates {
        send_dead_letter(&pair, create, Reason::StoreRefused).await;
        desk.listed(&format!("commandId={}", create.command.id), 1).await;
    }
    let all = json!({});
    assert_eq!(
        desk.post_json("/v1/dead-letters/archive", &all).await.1["done"],
        3
    );
    assert_eq!(
        desk.post_json("/v1/dead-letters/archive", &all).await.1["done"],
        0,
        "repeated, nothing more"
    );
    let archived = desk.listed("state=archived", 3).await;
    let entries = noted(&pair, Act::Archive).await;
    assert_eq!(entries.len(), 1, "what did nothing is not noted");
    assert_eq!(
        (entries[0].count, entries[0].before.as_deref()),
        (3, Some("open"))
    );
    let selection: Value = serde_json::from_str(entries[0].selection.as_deref().unwrap()).unwrap();
    assert_eq!(selection["state"], "open");
    assert!(
        selection["until"].is_string(),
        "nothing that arrives later is meant"
    );

    // One is put back, one given up, one sent again and closed by its outcome.
    let (back, up, again) = (&archived[0], &archived[1], &archived[2]);
    let (status, restored) = desk
        .post_json("/v1/dead-letters/restore", &json!({ "ids": [back["id"]] }))
        .await;
    assert_eq!((status, &restored["done"]), (200, &json!(1)), "{restored}");
    assert_eq!(desk.listed("state=open", 1).await[0]["id"], back["id"]);
    assert_eq!(noted(&pair, Act::Restore).await[0].after.as_deref(), Some("open"));
    assert_eq!(desk.post(&path(up, "/discard")).await.0, 200);
    assert_eq!(desk.post(&path(again, "/replay")).await.0, 202);
    let worker = worker(&pair).await;
    assert_eq!(
        desk.listed("state=resolved", 1).await[0]["id"],
        again["id"],
        "closed by its outcome"
    );
    assert_eq!(desk.listed("state=archived", 0).await.len(), 0);
    worker.stop().await;
    desk.running.stop().await;
}

async fn an_act_on_many_says_what_it_would_do_and_refuses_other_numbers(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for _ in 0..2 {
        send_dead_letter(&pair, &pair.create("Ana"), Reason::StoreRefused).await;
    }
    send_dead_letter(&pair, &pair.create("Bia"), Reason::HandlerPanic).await;
    desk.listed("state=open", 3).await;
    for act in ["archive", "discard"] {
        let path = format!("/v1/dead-letters/{act}");
        let dry = json!({ "reason": "store-refused", "dryRun": true, "expect": 2 });
        let would = json!({ "matched": 2, "done": 0, "refused": [], "remaining": 2 });
        assert_eq!(desk.post_json(&path, &dry).await, (200, would));
        let (status, problem) = desk
            .post_json(&path, &json!({ "reason": "store-refused", "expect": 3 }))
            .await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (409, Some("/docs#selection-changed")),
            "{problem}"
        );
        let (status, problem) = desk
            .post_json(&path, &json!({ "ids": [], "reason": "segredo", "colour": 1 }))
            .await;
        assert_eq!(status, 422, "{problem}");
        assert!(!problem.to_string().contains("segredo"));
        assert_eq!(problem["errors"].as_array().unwrap().len(), 3, "{problem}");
        assert_eq!(desk.get(&path).await.0, 405, "no id of a dead letter");
    }
    assert_eq!(
        desk.post_json("/v1/dead-letters/restore", &json!({})).await.1["matched"],
        0
    );
    desk.listed("state=open", 3).await;
    desk.running.stop().await;
}

async fn many_are_discarded_and_what_could_not_be_is_named(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let ended = pair.create("Bia");
    send_dead_letter(&pair, &ended, Reason::StoreRefused).await;
    let resolved = desk.listed("state=open", 1).await.remove(0);
    let worker = worker(&pair).await;
    assert_eq!(desk.post(&path(&resolved, "/replay")).await.0, 202);
    desk.listed("state=resolved", 1).await;
    worker.stop().await;
    let creates = [pair.create("Ana"), pair.create("Eva"), pair.create("Ivo")];
    for create in &creates {
        send_dead_letter(&pair, create, Reason::StoreRefused).await;
    }
    let open = desk.listed("state=open", 3).await;

    let missing = "01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1";
    let (status, came_to) = desk
        .post_json(
            "/v1/dead-letters/discard",
            &json!({ "ids": [open[0]["id"], resolved["id"], missing] }),
        )
        .await;
    assert_eq!((status, &came_to["done"]), (200, &json!(1)), "{came_to}");
    let refused = came_to["refused"].as_array().unwrap();
    let codes: Vec<_> = refused.iter().map(|refusal| refusal["code"].clone()).collect();
    assert_eq!(codes, ["dead-letter-closed", "dead-letter-not-found"]);
    assert_eq!(refused[0]["id"], resolved["id"]);

    let rest = json!({ "group": open[0]["group"], "expect": 2 });
    let (_, came_to) = desk.post_json("/v1/dead-letters/discard", &rest).await;
    assert_eq!(
        came_to,
        json!({ "matched": 2, "done": 2, "refused": [], "remaining": 0 })
    );
    for create in &creates {
        let ended = eventually("its command has ended", async || {
            let recorded = pair.parts.store.command(create.command.id).await.unwrap();
            recorded.filter(|recorded| recorded.status != CommandStatus::DeadLettered)
        })
        .await;
        assert_eq!(ended.status, CommandStatus::Rejected(Rejection::Discarded));
    }
    let entries = noted(&pair, Act::Discard).await;
    let acts: Vec<_> = entries
        .iter()
        .filter(|entry| entry.selection.is_some())
        .map(|entry| entry.count)
        .collect();
    assert_eq!(acts, [2, 1], "an entry for each act, newest first");
    assert_eq!(entries.len(), 5, "and one for each dead letter");
    desk.running.stop().await;
}
