//! Replays of many, from what they would come to until everything has an outcome, with a real worker.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    domain::Stamp,
    settings::{AutomaticReplay, Reasons, Span},
    wire::{CommandStatus, Envelope, Reason},
};
use test_support::{Pair, eventually, on_both_pairs};

use crate::dead_letters::{Desk, send_dead_letter, worker};

on_both_pairs!(
    a_dry_run_says_what_the_replay_then_does,
    too_many_failures_brake_it_and_it_goes_on_when_resumed,
    stopped_it_sends_no_more_and_what_was_sent_still_counts,
    it_goes_on_when_the_service_starts_again,
    two_operators_at_once_send_nothing_twice,
    what_arrives_later_is_not_touched,
    ids_are_refused_one_by_one_with_the_reason,
    what_failed_again_is_replayed_in_place_of_the_older_failure,
    the_policy_sends_again_what_is_due_so_often_so_far_apart,
    replays_are_listed_and_bad_requests_say_why,
    what_became_of_each_dead_letter_is_told,
);

const NOBODY: &str = "01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1";

/// A create that a worker will not take for an hour.
pub fn poison(pair: &Pair, name: &str) -> Envelope {
    ahead(pair, name, TimeDelta::hours(1))
}

fn ahead(pair: &Pair, name: &str, by: TimeDelta) -> Envelope {
    let mut create = pair.create(name);
    let ahead = u64::try_from(by.num_milliseconds()).unwrap();
    create.command.stamp = Stamp::at_ms(pair.parts.clock.now_ms() + ahead);
    create
}

/// So many dead letters that a worker would take now.
pub async fn good(pair: &Pair, desk: &Desk, count: usize) -> Vec<Envelope> {
    let creates: Vec<_> = (0..count).map(|n| pair.create(&format!("Ana {n}"))).collect();
    for create in &creates {
        send_dead_letter(pair, create, Reason::StoreRefused).await;
    }
    desk.listed("state=open&reason=store-refused&limit=100", count)
        .await;
    creates
}

async fn start(desk: &Desk, body: &Value) -> Value {
    let (status, replay) = desk.post_json("/v1/replays", body).await;
    assert_eq!(status, 202, "{replay}");
    replay
}

fn at(replay: &Value, action: &str) -> String {
    format!("{}{action}", replay["links"]["self"].as_str().unwrap())
}

/// Waits until a replay stands so.
async fn until(desk: &Desk, replay: &Value, state: &str) -> Value {
    let path = at(replay, "");
    eventually(&format!("the replay is {state}"), async || {
        let (status, found) = desk.get(&path).await;
        assert_eq!(status, 200, "{found}");
        adds_up(&found);
        (found["state"] == state).then_some(found)
    })
    .await
}

/// Waits until so many of a replay stand so.
async fn counts(desk: &Desk, replay: &Value, of: &str, count: u64) -> Value {
    let path = at(replay, "");
    eventually(&format!("{count} are {of}"), async || {
        let (_, found) = desk.get(&path).await;
        adds_up(&found);
        (found["counts"][of].as_u64().unwrap() >= count).then_some(found)
    })
    .await
}

fn adds_up(replay: &Value) {
    let sum = |of: &str| -> u64 {
        let members = replay[of].as_object().unwrap().values();
        members.map(|count| count.as_u64().unwrap()).sum()
    };
    assert_eq!(sum("counts"), replay["total"].as_u64().unwrap(), "{replay}");
    assert_eq!(
        sum("refusals"),
        replay["counts"]["refused"].as_u64().unwrap(),
        "{replay}"
    );
}

fn some(replay: &Value, of: &str) -> Value {
    let members = replay[of].as_object().unwrap().iter();
    let some = members.filter(|(_, count)| **count != 0);
    some.map(|(name, count)| (name.clone(), count.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

async fn all_applied(pair: &Pair, creates: &[Envelope]) {
    for create in creates {
        assert_eq!(pair.ended(create.command.id).await.status, CommandStatus::Applied);
    }
}

async fn a_dry_run_says_what_the_replay_then_does(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = good(&pair, &desk, 8).await;
    for n in 0..2 {
        send_dead_letter(&pair, &poison(&pair, &format!("Bia {n}")), Reason::StampAhead).await;
    }
    desk.listed("state=open", 10).await;

    let (status, plan) = desk.post_json("/v1/replays", &json!({ "dryRun": true })).await;
    assert_eq!(status, 200, "{plan}");
    assert_eq!(
        (&plan["matched"], &plan["truncated"]),
        (&json!(10), &json!(false))
    );
    assert_eq!(
        some(&plan, "would"),
        json!({ "wouldApply": 8, "wouldFailAgain": 2 })
    );
    assert_eq!(
        desk.get("/v1/replays").await.1["items"],
        json!([]),
        "nothing was done"
    );

    let until_then = &plan["until"];
    let wrong = json!({ "until": until_then, "expect": 9 });
    let (status, problem) = desk.post_json("/v1/replays", &wrong).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("/docs#selection-changed")),
        "{problem}"
    );
    assert!(problem["detail"].as_str().unwrap().contains("10"), "{problem}");

    let asked = json!({ "until": until_then, "expect": 10, "brake": 0, "rate": 10_000 });
    let replay = start(&desk, &asked).await;
    assert_eq!(
        (&replay["total"], &replay["rate"], &replay["brake"]),
        (&json!(10), &json!(10_000), &json!(0))
    );
    assert_eq!(
        replay["selection"],
        json!({ "until": until_then, "state": "open" })
    );
    let worker = worker(&pair).await;
    let ended = until(&desk, &replay, "finished").await;
    assert_eq!(some(&ended, "counts"), json!({ "applied": 8, "deadAgain": 2 }));
    assert!(ended["finishedAt"].is_string());
    all_applied(&pair, &creates).await;

    // Once more: there is nothing left of that set; what failed again is another one.
    let again = start(&desk, &asked_again(until_then)).await;
    assert_eq!(
        (&again["state"], &again["total"]),
        (&json!("finished"), &json!(0)),
        "{again}"
    );
    let (_, plan) = desk.post_json("/v1/replays", &json!({ "dryRun": true })).await;
    assert_eq!(some(&plan, "would"), json!({ "wouldFailAgain": 2 }));
    worker.stop().await;
    desk.running.stop().await;
}

fn asked_again(until: &Value) -> Value {
    json!({ "until": until })
}

/// To see it red: let `Ramp::brakes` be false; or let the window grow however outcomes are.
async fn too_many_failures_brake_it_and_it_goes_on_when_resumed(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for n in 0..20 {
        send_dead_letter(&pair, &poison(&pair, &format!("Ana {n}")), Reason::StampAhead).await;
    }
    desk.listed("state=open", 20).await;
    let worker = worker(&pair).await;
    let replay = start(&desk, &json!({ "rate": 1000 })).await;
    let braked = until(&desk, &replay, "braked").await;
    // One at a time, since none was good.
    assert_eq!(some(&braked, "counts"), json!({ "deadAgain": 5, "waiting": 15 }));
    assert_eq!(desk.post(&at(&replay, "/stop")).await.1["state"], "braked");
    let (status, resumed) = desk.post(&at(&replay, "/resume")).await;
    assert_eq!(
        (status, resumed["state"].as_str()),
        (202, Some("running")),
        "{resumed}"
    );
    let braked = counts(&desk, &replay, "deadAgain", 10).await;
    assert_eq!(some(&braked, "counts"), json!({ "deadAgain": 10, "waiting": 10 }));
    until(&desk, &replay, "braked").await;
    // With nothing left to send there is nothing to brake.
    let failed = desk.listed("state=open&limit=100", 20).await;
    let failed = failed.iter().filter(|letter| letter["replay"] == 1);
    let ids: Vec<_> = failed.map(|letter| letter["id"].clone()).take(5).collect();
    let replay = start(&desk, &json!({ "ids": ids })).await;
    let ended = until(&desk, &replay, "finished").await;
    assert_eq!(some(&ended, "counts"), json!({ "deadAgain": 5 }));
    worker.stop().await;
    desk.running.stop().await;
}

async fn stopped_it_sends_no_more_and_what_was_sent_still_counts(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = good(&pair, &desk, 6).await;
    let replay = start(&desk, &json!({})).await;
    // Nobody takes it: the first message is all that is sent.
    counts(&desk, &replay, "sent", 1).await;
    let (status, stopped) = desk.post(&at(&replay, "/stop")).await;
    assert_eq!(
        (status, stopped["state"].as_str()),
        (200, Some("stopped")),
        "{stopped}"
    );
    let worker = worker(&pair).await;
    let stopped = counts(&desk, &replay, "applied", 1).await;
    assert_eq!(some(&stopped, "counts"), json!({ "applied": 1, "waiting": 5 }));

    assert_eq!(desk.post(&at(&replay, "/resume")).await.0, 202);
    let ended = until(&desk, &replay, "finished").await;
    assert_eq!(some(&ended, "counts"), json!({ "applied": 6 }));
    all_applied(&pair, &creates).await;
    for action in ["/stop", "/resume"] {
        let (status, problem) = desk.post(&at(&replay, action)).await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (409, Some("/docs#replay-ended"))
        );
        let (status, problem) = desk.post(&format!("/v1/replays/{NOBODY}{action}")).await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (404, Some("/docs#replay-not-found"))
        );
    }
    worker.stop().await;
    desk.running.stop().await;
}

/// To see it red: keep the lease when the service stops (`give_up`), and the next one waits for half a minute.
async fn it_goes_on_when_the_service_starts_again(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = good(&pair, &desk, 40).await;
    let worker = worker(&pair).await;
    let replay = start(&desk, &json!({ "rate": 20 })).await;
    counts(&desk, &replay, "applied", 5).await;
    desk.running.stop().await;

    let desk = Desk::open(&pair).await;
    let (_, found) = desk.get(&at(&replay, "")).await;
    assert!(
        found["counts"]["waiting"].as_u64().unwrap() > 0,
        "it was in the middle: {found}"
    );
    let ended = until(&desk, &replay, "finished").await;
    assert_eq!(some(&ended, "counts"), json!({ "applied": 40 }));
    all_applied(&pair, &creates).await;
    worker.stop().await;
    desk.running.stop().await;
}

async fn two_operators_at_once_send_nothing_twice(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = good(&pair, &desk, 10).await;
    let all = json!({});
    let (one, other) = tokio::join!(start(&desk, &all), start(&desk, &all));
    let third = start(&desk, &all).await;
    assert_eq!(third["total"], 0, "all are in a replay that runs: {third}");
    let worker = worker(&pair).await;
    let mut applied = 0;
    for replay in [one, other] {
        let ended = until(&desk, &replay, "finished").await;
        applied += ended["counts"]["applied"].as_u64().unwrap();
    }
    // Where both had begun before either could see the other, a dead letter counts in both.
    assert!(applied >= 10, "{applied}");
    all_applied(&pair, &creates).await;
    assert_eq!(desk.listed("state=resolved", 10).await.len(), 10);
    worker.stop().await;
    desk.running.stop().await;
}

async fn what_arrives_later_is_not_touched(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = good(&pair, &desk, 3).await;
    let replay = start(&desk, &json!({ "reason": "store-refused" })).await;
    let later = pair.create("Bia");
    send_dead_letter(&pair, &later, Reason::StoreRefused).await;
    // The first of the three is sent, and the later one waits with the two others.
    desk.listed("state=open", 3).await;
    let worker = worker(&pair).await;
    let ended = until(&desk, &replay, "finished").await;
    assert_eq!(some(&ended, "counts"), json!({ "applied": 3 }));
    all_applied(&pair, &creates).await;
    let open = desk.listed("state=open", 1).await;
    assert_eq!(open[0]["commandId"], later.command.id.to_string());
    worker.stop().await;
    desk.running.stop().await;
}

async fn ids_are_refused_one_by_one_with_the_reason(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = good(&pair, &desk, 3).await;
    let letters = desk.listed("state=open", 3).await;
    let ids: Vec<_> = letters
        .iter()
        .rev()
        .map(|letter| letter["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        desk.post(&format!("/v1/dead-letters/{}/discard", ids[1])).await.0,
        200
    );
    pair.sql("UPDATE dead_letters SET body_key = '2' WHERE replay = 0 AND state = 'open' AND received_at = (SELECT MAX(received_at) FROM dead_letters)").await;

    let chosen = json!({ "ids": [ids[0], ids[1], ids[2], NOBODY, ids[0]], "dryRun": true });
    let (_, plan) = desk.post_json("/v1/replays", &chosen).await;
    assert_eq!(
        (&plan["matched"], &plan["until"]),
        (&json!(4), &Value::Null),
        "each once"
    );
    assert_eq!(
        some(&plan, "would"),
        json!({ "wouldApply": 1, "cannotBeSent": 3 })
    );

    let worker = worker(&pair).await;
    let replay = start(&desk, &json!({ "ids": [ids[0], ids[1], ids[2], NOBODY] })).await;
    let ended = until(&desk, &replay, "finished").await;
    assert_eq!(some(&ended, "counts"), json!({ "applied": 1, "refused": 3 }));
    assert_eq!(
        some(&ended, "refusals"),
        json!({ "discarded": 1, "locked": 1, "missing": 1 })
    );
    all_applied(&pair, &creates[..1]).await;

    let replay = start(&desk, &json!({ "ids": [ids[0]] })).await;
    let ended = until(&desk, &replay, "finished").await;
    assert_eq!(some(&ended, "refusals"), json!({ "resolved": 1 }));
    worker.stop().await;
    desk.running.stop().await;
}

/// To see it red: leave out `newer_failures`.
async fn what_failed_again_is_replayed_in_place_of_the_older_failure(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let worker = worker(&pair).await;
    send_dead_letter(&pair, &poison(&pair, "Ana"), Reason::StampAhead).await;
    // Of no known command: what it is told by is its bytes.
    pair.publish(b"not json".to_vec()).await;
    for letter in desk.listed("state=open", 2).await {
        let old = letter["id"].as_str().unwrap();
        let reason = letter["reason"].as_str().unwrap();
        let replay = start(&desk, &json!({ "ids": [old] })).await;
        let ended = until(&desk, &replay, "finished").await;
        assert_eq!(some(&ended, "counts"), json!({ "deadAgain": 1 }));

        let newer = desk
            .listed(&format!("state=open&reason={reason}"), 1)
            .await
            .remove(0);
        let (status, problem) = desk.post(&format!("/v1/dead-letters/{old}/replay")).await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (409, Some("/docs#dead-letter-closed"))
        );
        assert!(
            problem["detail"]
                .as_str()
                .unwrap()
                .contains(newer["id"].as_str().unwrap()),
            "{problem}"
        );
        let (_, detail) = desk.get(&format!("/v1/dead-letters/{old}")).await;
        assert_eq!(detail["replayWould"], "cannotBeSent", "{detail}");
        let replay = start(&desk, &json!({ "ids": [old] })).await;
        let ended = until(&desk, &replay, "finished").await;
        assert_eq!(some(&ended, "refusals"), json!({ "newer": 1 }));
    }
    worker.stop().await;
    desk.running.stop().await;
}

/// To see it red: do not double the wait, or leave `times` out of the loop of the policy.
async fn the_policy_sends_again_what_is_due_so_often_so_far_apart(mut pair: Pair) {
    let offset = Arc::new(AtomicI64::new(0));
    let moved = offset.clone();
    pair.parts.clock = Clock::from_fn(move || Utc::now() + TimeDelta::minutes(moved.load(Ordering::Relaxed)));
    pair.settings.dead_letters.automatic = AutomaticReplay {
        reasons: Reasons(vec![Reason::StampAhead]),
        times: 2,
        apart: Span(Duration::from_secs(60 * 60)),
    };
    let desk = Desk::open(&pair).await;
    let other = Desk::open(&pair).await;
    let worker = worker(&pair).await;
    let soon = ahead(&pair, "Ana", TimeDelta::minutes(90));
    let never = ahead(&pair, "Bia", TimeDelta::days(365));
    for create in [&soon, &never] {
        pair.publish(create.encode()).await;
    }
    desk.listed("state=open&reason=stamp-ahead", 2).await;
    let replays = async |count: usize| {
        eventually("the policy has begun a replay that ends", async || {
            let (_, page) = desk.get("/v1/replays").await;
            let items = page["items"].as_array().unwrap().clone();
            let ended = items.iter().all(|replay| replay["state"] == "finished");
            (items.len() == count && ended).then_some(items)
        })
        .await
    };
    // The first time after an hour: both are still ahead.
    offset.store(61, Ordering::Relaxed);
    let first = replays(1).await.remove(0);
    assert_eq!(
        (&first["startedBy"], &first["total"]),
        (&json!("policy"), &json!(2)),
        "{first}"
    );
    assert_eq!(some(&first, "counts"), json!({ "deadAgain": 2 }));
    assert_eq!(first["selection"]["reasons"], json!(["stamp-ahead"]));
    // The second time two hours later. A younger one, due before, shows that the policy looked in between.
    let witness = async |minutes: i64, open: usize| {
        offset.store(minutes, Ordering::Relaxed);
        let create = ahead(&pair, "Caio", TimeDelta::minutes(30));
        pair.publish(create.encode()).await;
        desk.listed("state=open&reason=stamp-ahead", open).await;
        create
    };
    let younger = witness(61 + 40, 3).await;
    offset.store(61 + 110, Ordering::Relaxed);
    let of_younger = replays(2).await.remove(0);
    assert_eq!(some(&of_younger, "counts"), json!({ "applied": 1 }));
    offset.store(61 + 125, Ordering::Relaxed);
    let second = replays(3).await.remove(0);
    assert_eq!(some(&second, "counts"), json!({ "applied": 1, "deadAgain": 1 }));
    let began = |replay: &Value| {
        replay["startedAt"]
            .as_str()
            .unwrap()
            .parse::<DateTime<Utc>>()
            .unwrap()
    };
    assert!(began(&second) - began(&first) >= TimeDelta::hours(2));
    // A third time there is not, however long it waits.
    let last = witness(61 + 130, 2).await;
    offset.store(7 * 24 * 60, Ordering::Relaxed);
    let third = replays(4).await.remove(0);
    assert_eq!(some(&third, "counts"), json!({ "applied": 1 }));
    all_applied(&pair, &[soon, younger, last]).await;
    let open = desk.listed("state=open", 1).await;
    assert_eq!(
        (&open[0]["commandId"], &open[0]["replay"]),
        (&json!(never.command.id.to_string()), &json!(2))
    );
    worker.stop().await;
    other.running.stop().await;
    desk.running.stop().await;
}

async fn replays_are_listed_and_bad_requests_say_why(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for _ in 0..3 {
        assert_eq!(start(&desk, &json!({})).await["state"], "finished");
    }
    let (_, all) = desk.get("/v1/replays").await;
    let (_, first) = desk.get("/v1/replays?limit=2").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = desk.get(&format!("/v1/replays?limit=2&cursor={cursor}")).await;
    let mut paged = first["items"].as_array().unwrap().clone();
    paged.extend(second["items"].as_array().unwrap().clone());
    assert_eq!(
        (&json!(paged), &second["nextCursor"]),
        (&all["items"], &Value::Null)
    );
    assert_eq!(
        desk.get(&format!("/v1/dead-letters?cursor={cursor}")).await.0,
        400
    );

    let bad = json!({
        "rate": 0, "brake": 101, "state": "lost", "ids": [], "dryRun": "yes", "expect": "all", "colour": "red",
    });
    let (status, problem) = desk.post_json("/v1/replays", &bad).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (422, Some("/docs#validation-failed")),
        "{problem}"
    );
    let faults = problem["errors"].as_array().unwrap().iter();
    let pointers: Vec<_> = faults.map(|fault| fault["pointer"].as_str().unwrap()).collect();
    assert_eq!(
        pointers,
        [
            "/brake", "/colour", "/dryRun", "/expect", "/ids", "/rate", "/state"
        ]
    );
    let both = json!({ "ids": [NOBODY], "reason": "expired" });
    assert_eq!(desk.post_json("/v1/replays", &both).await.0, 422);
    assert_eq!(desk.post("/v1/replays").await.0, 415);
    assert_eq!(desk.get(&format!("/v1/replays/{NOBODY}")).await.0, 404);
    assert_eq!(desk.get("/v1/replays/one").await.0, 404);
    desk.running.stop().await;
}

async fn what_became_of_each_dead_letter_is_told(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let creates = good(&pair, &desk, 2).await;
    let letters = desk.listed("state=open", 2).await;
    let discarded = letters[0]["id"].as_str().unwrap();
    assert_eq!(
        desk.post(&format!("/v1/dead-letters/{discarded}/discard"))
            .await
            .0,
        200
    );
    let poison = poison(&pair, "Bia");
    send_dead_letter(&pair, &poison, Reason::StampAhead).await;
    let bad = desk.listed("state=open&reason=stamp-ahead", 1).await.remove(0);
    let worker = worker(&pair).await;
    let ids = [&letters[1]["id"], &letters[0]["id"], &bad["id"]];
    let replay = start(&desk, &json!({ "ids": ids })).await;
    until(&desk, &replay, "finished").await;
    let newer = desk.listed("state=open", 1).await.remove(0);

    let (status, all) = desk.get(&at(&replay, "/items")).await;
    assert_eq!(status, 200, "{all}");
    let items = all["items"].as_array().unwrap();
    let told: Vec<_> = items
        .iter()
        .map(|item| {
            json!([
                item["position"],
                item["deadLetterId"],
                item["commandId"],
                item["state"],
                item["refusal"],
                item["failedAgainAs"],
                item["sentAt"].is_string(),
            ])
        })
        .collect();
    let command = |envelope: &Envelope| envelope.command.id.to_string();
    assert_eq!(
        told,
        [
            json!([1, ids[0], command(&creates[0]), "applied", null, null, true]),
            json!([
                2,
                ids[1],
                command(&creates[1]),
                "refused",
                "discarded",
                null,
                false
            ]),
            json!([3, ids[2], command(&poison), "deadAgain", null, newer["id"], true]),
        ]
    );
    let (_, first) = desk.get(&at(&replay, "/items?limit=2")).await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, rest) = desk.get(&at(&replay, &format!("/items?cursor={cursor}"))).await;
    assert_eq!(
        (&rest["items"][0], &rest["nextCursor"]),
        (&items[2], &Value::Null)
    );

    let other = start(&desk, &json!({})).await;
    for (path, status) in [
        (at(&other, &format!("/items?cursor={cursor}")), 400),
        (at(&replay, "/items?state=applied"), 400),
        (at(&replay, "/items?limit=0"), 400),
        (format!("/v1/replays/{NOBODY}/items"), 404),
        ("/v1/replays/one/items".to_owned(), 404),
    ] {
        assert_eq!(desk.get(&path).await.0, status, "{path}");
    }
    worker.stop().await;
    desk.running.stop().await;
}
