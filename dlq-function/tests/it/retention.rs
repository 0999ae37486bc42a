//! What is past its retention goes; what waits stays, however old. The clock is moved, nothing waits.

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;
use shared::{
    broker::Queue,
    clock::Clock,
    store::audit::{Act, AuditFilter, Entry},
    wire::Reason,
};
use test_support::{Pair, eventually, on_both_pairs};
use uuid::Uuid;

use crate::dead_letters::{Desk, path, publish, send_dead_letter, worker};

on_both_pairs!(
    closed_dead_letters_are_emptied_then_removed_and_what_waits_stays,
    ended_replays_go_with_their_items,
    the_audit_is_kept_for_its_retention_and_never_less_than_30_days,
);

/// A service of so many days later.
async fn later(pair: &Pair, days: i64) -> Desk {
    Desk::open_at(pair, Clock::from_fn(move || Utc::now() + TimeDelta::days(days))).await
}

/// To see it red: leave the archived out of those that wait, or `forget_dead_letters` out of the sweep.
async fn closed_dead_letters_are_emptied_then_removed_and_what_waits_stays(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let [resolved, discarded, open, archived, sent] =
        ["Ana", "Bia", "Eva", "Ivo", "Lia"].map(|name| pair.create(name));
    let mut letters = Vec::new();
    for create in [&resolved, &discarded, &open, &archived, &sent] {
        send_dead_letter(&pair, create, Reason::StoreRefused).await;
        letters.extend(desk.listed(&format!("commandId={}", create.command.id), 1).await);
    }
    publish(&pair, Queue::DeadLetters, b"no command".to_vec()).await;
    letters.extend(desk.listed("reason=undecodable", 1).await);
    let [
        resolved_letter,
        discarded_letter,
        _,
        archived_letter,
        sent_letter,
        unread,
    ] = letters.as_slice()
    else {
        panic!("six dead letters");
    };
    let worker = worker(&pair).await;
    assert_eq!(desk.post(&path(resolved_letter, "/replay")).await.0, 202);
    desk.listed("state=resolved", 1).await;
    worker.stop().await;
    assert_eq!(desk.post(&path(discarded_letter, "/discard")).await.0, 200);
    assert_eq!(desk.post(&path(sent_letter, "/replay")).await.0, 202);
    assert_eq!(desk.post(&path(unread, "/replay")).await.0, 202);
    let these = json!({ "ids": [archived_letter["id"]] });
    assert_eq!(
        desk.post_json("/v1/dead-letters/archive", &these).await.1["done"],
        1
    );
    desk.running.stop().await;

    // After a month those that are closed are empty; they are still there.
    let desk = later(&pair, 31).await;
    let closed = eventually("closed ones are empty", async || {
        let (_, page) = desk.get("/v1/dead-letters").await;
        let letters = page["items"].as_array().unwrap().clone();
        let erased = letters.iter().filter(|letter| letter["erased"] == true).count();
        (erased == 3).then_some(letters)
    })
    .await;
    assert_eq!(closed.len(), 6);
    desk.running.stop().await;

    // After a quarter they are gone; ten years later nothing that waits is.
    for days in [91, 3_650] {
        let desk = later(&pair, days).await;
        let left = desk.listed("", 3).await;
        let mut states: Vec<_> = left
            .iter()
            .map(|letter| letter["state"].as_str().unwrap())
            .collect();
        states.sort_unstable();
        assert_eq!(states, ["archived", "open", "replayed"]);
        assert!(left.iter().all(|letter| letter["erased"] == false));
        desk.running.stop().await;
    }
    let much_later = Utc::now() + TimeDelta::days(3_650);
    while pair.parts.store.forget_commands(much_later, 100).await.unwrap() > 0 {}
    for create in [&open, &archived, &sent] {
        let recorded = pair.parts.store.command(create.command.id).await.unwrap();
        assert!(recorded.is_some(), "the command of what waits");
    }
    let gone = pair.parts.store.command(resolved.command.id).await.unwrap();
    assert!(gone.is_none());
}

async fn ended_replays_go_with_their_items(pair: Pair) {
    let id = |uuid: Uuid| {
        if pair.is_postgres() {
            format!("'{uuid}'")
        } else {
            format!("x'{}'", uuid.simple())
        }
    };
    let now = rfc3339(Utc::now());
    let states = ["running", "stopped", "braked", "finished"].map(|state| (state, id(Uuid::now_v7())));
    for (state, replay) in &states {
        pair.sql(&format!(
            "INSERT INTO replays (id, principal, request, rate, brake, total, truncated, state, created_at, updated_at) \
             VALUES ({replay}, '', '{{}}', 1, 0, 3, false, '{state}', '{now}', '{now}')"
        ))
        .await;
        for position in 0..3 {
            let letter = id(Uuid::now_v7());
            pair.sql(&format!(
                "INSERT INTO replay_items (replay_id, position, dead_letter_id, state) \
                 VALUES ({replay}, {position}, {letter}, 'applied')"
            ))
            .await;
        }
    }
    let count = async |condition: &str| pair.count(&format!("FROM {condition}")).await;
    let store = &pair.parts.store;
    assert_eq!(
        store
            .forget_replays(Utc::now() - TimeDelta::days(1), 10)
            .await
            .unwrap(),
        0
    );
    // In steps: with some of its items gone no replay can go on.
    let later_on = Utc::now() + TimeDelta::days(91);
    assert_eq!(store.forget_replays(later_on, 2).await.unwrap(), 2);
    assert_eq!(count("replays WHERE state = 'stopped'").await, 0);
    assert_eq!(count("replays").await, 4);
    assert_eq!(
        store.forget_replays(later_on, 2).await.unwrap(),
        2,
        "an item and its replay"
    );
    let desk = later(&pair, 91).await;
    eventually("all that has ended is gone", async || {
        (count("replays").await == 1 && count("replay_items").await == 3).then_some(())
    })
    .await;
    let ran = &states[0].1;
    assert_eq!(count(&format!("replays WHERE id = {ran}")).await, 1);
    desk.running.stop().await;
}

fn rfc3339(time: DateTime<Utc>) -> String {
    shared::wire::rfc3339(time).replace('Z', "+00:00")
}

/// To see it red: take the bound of 30 days out of `forget_audit`; its trigger refuses then.
async fn the_audit_is_kept_for_its_retention_and_never_less_than_30_days(pair: Pair) {
    let now = Utc::now();
    for days in [0, 29, 31, 400] {
        let entry = Entry::new(Act::Reveal, format!("{days}"), now - TimeDelta::days(days));
        pair.parts.store.note(&entry).await.unwrap();
    }
    let left = async || {
        let page = pair
            .parts
            .store
            .audit_page(&AuditFilter::default(), None, 10)
            .await;
        let names = page.unwrap().into_iter().map(|entry| entry.principal);
        names.collect::<Vec<_>>()
    };
    let desk = Desk::open(&pair).await;
    eventually("what is older than a year is gone", async || {
        (left().await == ["0", "29", "31"]).then_some(())
    })
    .await;
    desk.running.stop().await;
    // Whatever a service believes what time it is, the database's clock keeps 30 days.
    let desk = later(&pair, 3_650).await;
    eventually("what is older than 30 days is gone", async || {
        (left().await == ["0", "29"]).then_some(())
    })
    .await;
    desk.running.stop().await;
    assert_eq!(
        pair.parts
            .store
            .forget_audit(now + TimeDelta::days(1), 10)
            .await
            .unwrap(),
        0
    );
}
