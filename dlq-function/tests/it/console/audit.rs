//! The audit: who did what, in words, and as a file.

use chrono::TimeDelta;
use reqwest::Method;
use serde_json::json;
use shared::{
    store::audit::{Act, Entry},
    wire::Reason,
};
use test_support::{Pair, on_both_pairs};

use super::Browser;
use crate::dead_letters::{Desk, send_dead_letter};

on_both_pairs!(
    acts_are_told_in_words_with_links,
    the_audit_is_filtered_paged_and_exported,
);

async fn acts_are_told_in_words_with_links(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get("/audit").await;
    assert_eq!((page.status, page.text("h1")), (200, "Audit".to_owned()));
    assert!(page.says("Nothing was done"));
    for _ in 0..2 {
        send_dead_letter(&pair, &pair.create("Ana Souza"), Reason::StoreRefused).await;
    }
    let letters = desk.listed("", 2).await;
    let id = letters[0]["id"].as_str().unwrap();
    assert_eq!(desk.post(&format!("/v1/dead-letters/{id}/discard")).await.0, 200);
    let archive = json!({ "reason": "store-refused" });
    assert_eq!(desk.post_json("/v1/dead-letters/archive", &archive).await.0, 200);

    let page = browser.get("/audit").await;
    let cell = |name: &str| page.texts(&format!("td[data-label='{name}']"));
    assert_eq!(cell("Action"), ["archived archive", "discarded discard"]);
    assert_eq!(cell("Who"), ["nobody had to sign in"; 2]);
    assert_eq!(cell("How many"), ["1", "1"]);
    assert_eq!(cell("Before and after"), ["open → archived", "open → discarded"]);
    let what = cell("To what");
    assert!(
        what[0].contains("Reason: store-refused") && what[1] == "Dead letter",
        "{what:?}"
    );
    assert_eq!(page.attributes("td a", "href"), [format!("/dead-letters/{id}")]);
    let portuguese = Browser::new(desk.address()).speaking("pt-BR").get("/audit").await;
    assert_eq!(
        portuguese.texts("td[data-label='Antes e depois']"),
        ["aberta → arquivada", "aberta → descartada"]
    );
    desk.running.stop().await;
}

async fn the_audit_is_filtered_paged_and_exported(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let now = pair.parts.clock.now();
    for n in 0..60_u32 {
        let act = if n < 55 { Act::Discard } else { Act::Reveal };
        let at = now - TimeDelta::minutes(n.into());
        let entry = Entry {
            count: n,
            ..Entry::new(act, "key:<i>ana", at)
        };
        pair.parts.store.note(&entry).await.unwrap();
    }
    let form = browser.get("/audit").await.form("/audit");
    let page = browser.submit(&form.clone().with("action", "discard")).await;
    assert_eq!(page.texts("td[data-label='Who']"), vec!["key:<i>ana"; 50]);
    assert_eq!(page.form("/audit").value("action"), Some("discard"));
    let [older] = page.attributes(".pager a", "href").try_into().unwrap();
    let second = browser.get(&older).await;
    assert_eq!(
        second.texts("td[data-label='How many']"),
        ["50", "51", "52", "53", "54"]
    );
    // A cursor is for its filters.
    let others = older.replace("discard", "reveal");
    assert_eq!(browser.get(&others).await.status, 400);

    // Times as browsers' controls give them.
    let since = (now - TimeDelta::minutes(2))
        .format("%Y-%m-%dT%H:%M:%S%.3f")
        .to_string();
    let page = browser.submit(&form.clone().with("since", &since)).await;
    assert_eq!(page.texts("td[data-label='How many']"), ["0", "1", "2"]);
    let page = browser.submit(&form.clone().with("principal", "key:eva")).await;
    assert!(page.says("Nothing was done"));
    let page = browser.submit(&form.with("replayId", "what")).await;
    assert!(page.status == 400 && page.says("replayId"));

    let all = browser.get("/audit?action=discard").await;
    let [export] = all.attributes("a[download]", "href").try_into().unwrap();
    let file = browser.once(Method::GET, &export, &[], None).await;
    assert_eq!(file.status, 200);
    assert_eq!(
        file.headers["content-disposition"],
        "attachment; filename=\"audit.ndjson\""
    );
    let api = desk
        .request(Method::GET, "/v1/audit?action=discard")
        .header("accept", "application/x-ndjson");
    assert_eq!(file.html, api.send().await.unwrap().text().await.unwrap());
    assert_eq!(file.html.lines().count(), 55);
    desk.running.stop().await;
}
