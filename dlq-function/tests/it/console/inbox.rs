//! The inbox: groups of dead letters that failed alike.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{TimeDelta, Utc};
use shared::{clock::Clock, wire::Reason};
use test_support::{Pair, on_both_pairs};

use super::{Browser, Page};
use crate::dead_letters::{Desk, send_dead_letter, send_with_detail};

on_both_pairs!(
    an_empty_inbox_says_what_that_means,
    groups_say_what_happened_how_often_and_what_to_do,
    arrivals_are_drawn_by_the_hour,
    groups_are_filtered_and_paged,
);

/// The heights of the bars of a card.
fn bars(page: &Page, card: usize) -> Vec<u64> {
    let heights = page.attributes(&format!(".cards > li:nth-child({card}) .bars rect"), "height");
    heights.iter().map(|height| height.parse().unwrap()).collect()
}

async fn an_empty_inbox_says_what_that_means(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get("/inbox").await;
    assert!(page.text(".nothing").starts_with("Nothing waits for you"));
    let filtered = browser
        .submit(&page.form("/inbox").with("reason", "expired"))
        .await;
    assert_eq!(filtered.text(".nothing"), "No group matches these filters.");
    assert_eq!(
        filtered.form("/inbox").value("reason"),
        Some("expired"),
        "it stays"
    );
    let page = Browser::new(desk.address()).speaking("pt-BR").get("/inbox").await;
    assert!(page.text(".nothing").starts_with("Nada espera por você"));
    desk.running.stop().await;
}

async fn groups_say_what_happened_how_often_and_what_to_do(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for _ in 0..2 {
        send_dead_letter(&pair, &pair.create("Ana"), Reason::StoreRefused).await;
    }
    let letters = desk.listed("", 2).await;
    let (id, group) = (
        letters[0]["id"].as_str().unwrap(),
        letters[0]["group"].as_str().unwrap(),
    );
    assert_eq!(desk.post(&format!("/v1/dead-letters/{id}/discard")).await.0, 200);
    send_with_detail(
        &pair,
        &pair.create("Bia"),
        Reason::HandlerPanic,
        "<script>alert(1)</script>",
    )
    .await;
    desk.listed("", 3).await;

    let browser = Browser::new(desk.address());
    let page = browser.get("/inbox").await;
    assert_eq!(
        page.texts(".cards h2"),
        [
            "handler-panic 1 open new: 1 in the last 24 h",
            "store-refused 1 open new: 2 in the last 24 h",
        ],
        "last seen first"
    );
    assert!(page.says("1 discarded") && page.says("A defect of the worker."));
    assert!(page.says("<script>alert(1)</script>"), "text, not mark-up");
    assert!(page.texts("script").iter().all(String::is_empty));
    assert_eq!(page.texts("time").len(), 4);
    let links = page.attributes(".cards > li:nth-child(2) .acts a", "href");
    assert_eq!(
        links,
        [
            format!("/dead-letters?group={group}&state=open"),
            format!("/replays/new?group={group}&state=open"),
        ]
    );
    let archive = &page.forms("/dead-letters/confirm")[1];
    assert_eq!(
        (archive.value("act"), archive.value("group")),
        (Some("archive"), Some(group))
    );
    let of_a_day = browser
        .get("/inbox?since=2026-01-01T00:00&reason=store-refused")
        .await;
    let archive = of_a_day.form("/dead-letters/confirm");
    assert_eq!(
        (
            archive.value("since"),
            archive.value("state"),
            archive.value("all")
        ),
        (Some("2026-01-01T00:00"), Some("open"), Some("yes")),
        "of what is shown"
    );

    let discarded = browser.get("/inbox?state=discarded").await;
    assert_eq!(discarded.texts(".cards h2").len(), 1);
    assert_eq!(
        discarded.attributes(".acts a", "href"),
        [format!("/dead-letters?group={group}&state=discarded")],
        "what is discarded cannot be sent again"
    );
    let portuguese = Browser::new(desk.address()).speaking("pt-BR").get("/inbox").await;
    assert_eq!(
        portuguese.texts(".cards h2")[0],
        "handler-panic 1 aberta novo: 1 nas últimas 24 h"
    );
    desk.running.stop().await;
}

async fn arrivals_are_drawn_by_the_hour(pair: Pair) {
    let minutes_ago = Arc::new(AtomicI64::new(0));
    let moved = minutes_ago.clone();
    let clock = Clock::from_fn(move || Utc::now() - TimeDelta::minutes(moved.load(Ordering::Relaxed)));
    let desk = Desk::open_at(&pair, clock).await;
    let mut sent = 0;
    for (ago, count) in [(30 * 60, 2), (23 * 60 + 30, 1), (5 * 60 + 30, 4), (0, 2)] {
        minutes_ago.store(ago, Ordering::Relaxed);
        for _ in 0..count {
            send_dead_letter(&pair, &pair.create("Ana"), Reason::StoreRefused).await;
        }
        sent += count;
        desk.listed("limit=100", sent).await;
    }
    let page = Browser::new(desk.address()).get("/inbox").await;
    let mut expected = vec![0; 24];
    (expected[0], expected[18], expected[23]) = (8, 32, 16);
    assert_eq!(bars(&page, 1), expected);
    assert_eq!(
        page.attributes(".bars", "aria-label"),
        ["Arrivals by the hour in the last 24 h: 7; in an hour at most: 4"]
    );
    assert!(
        page.text(".cards h2")
            .ends_with("rising: 7 in the last 24 h, 2 in the 24 h before")
    );
    desk.running.stop().await;
}

async fn groups_are_filtered_and_paged(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for n in 0..23 {
        let reason = [Reason::StoreRefused, Reason::Unstorable][n % 2];
        let letter = char::from(b'a' + u8::try_from(n).unwrap());
        let detail = format!("of kind {letter}");
        send_with_detail(&pair, &pair.create("Ana"), reason, &detail).await;
    }
    desk.listed("limit=100", 23).await;
    let browser = Browser::new(desk.address());
    let first = browser.get("/inbox").await;
    let [next] = &first.attributes(".pager a", "href")[..] else {
        panic!("one way on: {}", first.html)
    };
    let second = browser.get(next).await;
    let mut seen = [first.texts(".cards p code"), second.texts(".cards p code")].concat();
    assert_eq!((first.texts(".cards > li").len(), seen.len()), (20, 23));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 23, "each once");
    assert_eq!(second.attributes(".pager a", "href"), ["/inbox"]);

    let filtered = browser
        .submit(&first.form("/inbox").with("reason", "unstorable"))
        .await;
    assert_eq!(filtered.texts(".cards > li").len(), 11);
    assert!(
        filtered
            .texts("h2 code")
            .iter()
            .all(|reason| reason == "unstorable")
    );
    let elsewhere = next.replace("/inbox?", "/inbox?reason=unstorable&");
    assert_eq!(browser.get(&elsewhere).await.status, 400, "bound to its filters");
    let bad = browser.get("/inbox?reason=segredo").await;
    assert_eq!(
        (bad.status, bad.text("h1").as_str()),
        (400, "The request breaks a rule")
    );
    desk.running.stop().await;
}
