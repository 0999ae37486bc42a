//! The overview: what waits, how commands end, whether the parts work; also while they do not.

use chrono::TimeDelta;
use serde_json::json;
use shared::{broker::Queue, clock::Clock, http::access::Scope, wire::Reason};
use test_support::{Pair, eventually, on_both_pairs};

use super::{Browser, Page, reader::Reader};
use crate::dead_letters::{Desk, publish, send_dead_letter, worker};

on_both_pairs!(
    what_waits_is_shown_with_the_oldest_first,
    ended_commands_are_plotted_by_minute,
    what_is_parked_is_a_warning_that_says_what_to_do,
    replays_of_many_are_told_of,
    the_overview_comes_while_a_table_is_missing,
    the_overview_comes_while_sql_and_the_broker_are_down,
    a_reader_is_led_to_the_first_page_that_they_may_see,
);

/// The number of the only figure with a name.
fn figure(page: &Page, name: &str) -> String {
    let [number] = page
        .texts(".figure")
        .into_iter()
        .filter_map(|text| text.strip_prefix(name).map(|rest| rest.trim().to_owned()))
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|found| panic!("{found:?} of {name}: {}", page.html));
    number
}

/// How each part stands.
fn parts(page: &Page) -> Vec<String> {
    page.texts("#figures table .tag")
}

async fn what_waits_is_shown_with_the_oldest_first(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get("/").await;
    assert_eq!((page.status, page.text("h1")), (200, "Overview".to_owned()));
    assert_eq!(
        (figure(&page, "Open"), figure(&page, "Archived")),
        ("0".into(), "0".into())
    );
    assert_eq!(figure(&page, "Oldest open one"), "none is open");
    send_dead_letter(&pair, &pair.create("Ana"), Reason::StoreRefused).await;
    let first = desk.listed("", 1).await.remove(0);
    send_dead_letter(&pair, &pair.create("Bia"), Reason::StoreRefused).await;
    let letters = desk.listed("", 2).await;
    let page = browser.get("/").await;
    assert_eq!(figure(&page, "Open"), "2");
    let oldest = format!("/dead-letters/{}", first["id"].as_str().unwrap());
    assert!(
        page.attributes(".figure a", "href").contains(&oldest),
        "{}",
        page.html
    );
    assert!(
        figure(&page, "Came in this hour").contains("2 in 24 hours"),
        "{}",
        page.html
    );
    let plots = page.attributes("svg", "aria-label");
    assert!(
        plots
            .iter()
            .any(|plot| plot.starts_with("Dead letters that came, by hour")),
        "{plots:?}"
    );

    let archive = json!({ "ids": [first["id"]] });
    assert_eq!(desk.post_json("/v1/dead-letters/archive", &archive).await.0, 200);
    let page = browser.get("/").await;
    assert_eq!(
        (figure(&page, "Open"), figure(&page, "Archived")),
        ("1".into(), "1".into())
    );
    let oldest = format!("/dead-letters/{}", letters[0]["id"].as_str().unwrap());
    assert!(
        page.attributes(".figure a", "href").contains(&oldest),
        "{}",
        page.html
    );
    eventually("the parts are up", async || {
        let page = browser.get("/overview/figures").await;
        let all_up = parts(&page) == ["up"; 4];
        (page.status == 200 && all_up).then_some(())
    })
    .await;
    // A script asks for the part alone, again and again; a browser without scripts gets the page anew.
    let part = browser.get("/overview/figures").await;
    assert!(!part.html.contains("<main") && part.html.contains("hx-trigger=\"every 5s\""));
    assert!(page.html.contains("http-equiv=\"refresh\" content=\"30\""));
    desk.running.stop().await;
}

async fn ended_commands_are_plotted_by_minute(pair: Pair) {
    let worker = worker(&pair).await;
    let creates = ["Ana", "Bia", "Ivo"].map(|name| pair.create(name));
    for create in &creates {
        pair.publish(create.encode()).await;
        pair.ended(create.command.id).await;
    }
    worker.stop().await;
    // Seen from later, the minutes in which they ended are over.
    let clock = pair.parts.clock.clone();
    let later = Clock::from_fn(move || clock.now() + TimeDelta::minutes(2));
    let desk = Desk::open_at(&pair, later).await;
    let page = Browser::new(desk.address()).speaking("pt-BR").get("/").await;
    let plots = page.attributes("svg", "aria-label");
    let applied = plots.iter().find(|plot| plot.starts_with("Aplicados")).unwrap();
    // They may have ended to both sides of a minute's end.
    let heights = page.attributes(&format!("svg[aria-label=\"{applied}\"] rect"), "height");
    assert_eq!(heights.len(), 30);
    let drawn = heights.iter().filter(|height| *height != "0").count();
    assert!((1..=2).contains(&drawn), "{heights:?}");
    assert!(
        ["1", "2", "3"]
            .iter()
            .any(|most| applied.ends_with(&format!("no máximo {most}"))),
        "{applied}"
    );
    let rejected = plots.iter().find(|plot| plot.starts_with("Rejeitados")).unwrap();
    assert!(rejected.ends_with("no máximo 0"), "{rejected}");
    assert!(page.says("por segundo"));
    desk.running.stop().await;
}

async fn what_is_parked_is_a_warning_that_says_what_to_do(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    assert!(!browser.get("/").await.says("parking"));
    publish(&pair, Queue::Parking, b"x".to_vec()).await;
    for _ in 0..2 {
        pair.publish(pair.create("Ana").encode()).await;
    }
    let page = eventually("it is seen", async || {
        let page = browser.get("/").await;
        (figure(&page, "Parked") == "1" && figure(&page, "Commands") == "2").then_some(page)
    })
    .await;
    assert!(
        page.text("[aria-labelledby=backlog] [role=alert]")
            .contains("dlq-function parking list")
    );
    desk.running.stop().await;
}

async fn replays_of_many_are_told_of(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    assert!(browser.get("/").await.says("No replay of many was started."));
    send_dead_letter(&pair, &pair.create("Ana"), Reason::StoreRefused).await;
    desk.listed("", 1).await;
    // Nobody consumes the commands, so it goes on running.
    let (status, replay) = desk
        .post_json("/v1/replays", &json!({ "reason": "store-refused" }))
        .await;
    assert_eq!(status, 202, "{replay}");
    let page = browser.get("/").await;
    let path = format!("/replays/{}", replay["id"].as_str().unwrap());
    assert_eq!(page.text(&format!("a[href='{path}']")), "Replay of 1");
    assert!(
        page.texts("#figures li .tag").contains(&"running".to_owned()),
        "{}",
        page.html
    );
    desk.running.stop().await;
}

async fn the_overview_comes_while_a_table_is_missing(pair: Pair) {
    let desk = Desk::open(&pair).await;
    pair.sql("ALTER TABLE dead_letters RENAME TO hidden").await;
    let page = Browser::new(desk.address()).get("/").await;
    assert_eq!(
        (page.status, figure(&page, "Open")),
        (200, "no answer".to_owned())
    );
    assert!(figure(&page, "Came in this hour").starts_with("no answer"));
    assert_eq!(figure(&page, "Commands"), "0");
    pair.sql("ALTER TABLE hidden RENAME TO dead_letters").await;
    desk.running.stop().await;
}

async fn the_overview_comes_while_sql_and_the_broker_are_down(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    pair.parts.broker.close().await;
    pair.parts.store.clone().close().await;
    let page = eventually("all parts are down", async || {
        let page = browser.get("/").await;
        assert_eq!(page.status, 200, "{}", page.html);
        let stands = parts(&page);
        let all_down = stands.len() == 4 && stands.iter().all(|stands| stands != "up");
        all_down.then_some(page)
    })
    .await;
    for name in ["Open", "Came in this hour", "Applied", "Commands", "Parked"] {
        assert!(
            figure(&page, name).starts_with("no answer"),
            "{name}: {}",
            page.html
        );
    }
    desk.running.stop().await;
}

async fn a_reader_is_led_to_the_first_page_that_they_may_see(mut pair: Pair) {
    for (scope, place) in [
        (Scope::ContactsRead, "/contacts"),
        (Scope::ContactsWrite, "/commands"),
        (Scope::AuditRead, "/audit"),
    ] {
        let reader = Reader::with(&mut pair, &[scope]).await;
        let page = reader.get("/").await;
        assert_eq!(
            (page.status, page.headers["location"].to_str().unwrap()),
            (303, place)
        );
        assert_eq!(reader.get(place).await.status, 200, "{place}");
        for other in ["/contacts", "/commands", "/audit", "/overview/figures"] {
            let followed = (scope, other) == (Scope::ContactsRead, "/commands");
            if other != place && !followed {
                assert_eq!(reader.get(other).await.status, 403, "{other} with {scope:?}");
            }
        }
        reader.desk.running.stop().await;
    }
    let reader = Reader::with(&mut pair, &[Scope::DeadLettersRead]).await;
    assert_eq!(reader.get("/").await.status, 200);
    assert_eq!(reader.get("/contacts").await.status, 403);
    reader.desk.running.stop().await;
}
