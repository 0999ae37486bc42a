//! What nobody means well by: odd values in every place that takes one, and in everything that is stored and shown. Nothing of
//! it becomes an error of the server, mark-up of a page, or a header.

use std::collections::BTreeSet;

use reqwest::Method;
use shared::wire::{DeadLetter, Reason};
use tempfile::TempDir;
use test_support::{Pair, eventually, on_both_pairs};

use super::{
    Browser, Page,
    routes::{ROUTES, There, Verb, guarded, token},
    sign_in::{PASSWORD, sign_in},
};
use crate::dead_letters::{Desk, letter, publish, worker};

on_both_pairs!(odd_values_are_answered_by_a_page, what_is_stored_is_shown_as_text,);

/// Ends an attribute and a text, and begins an element of no page of ours.
const MARK_UP: &str = "\"'></textarea></title><zqx onload=\"a()\">";
/// How that would begin if it were let through.
const ELEMENT: &str = "<zqx";

/// What is put everywhere.
fn values() -> Vec<String> {
    let long = ["a".repeat(3_000), "e\u{301}".repeat(700)];
    let short = [
        MARK_UP,
        "\0",
        "\r\nSet-Cookie: zqx=1\r\n\r\n<zqx>",
        "\u{202e}\u{feff}\u{200b}\u{2028}",
        "\u{d7ff}\u{e000}\u{ffff}",
        "' OR ''='",
        "%_\\",
        "//evil.example",
        "https://evil.example",
        "18446744073709551616",
        "1e309",
        "٣",
        "9999-12-31T23:59:59.999999999Z",
        "0000-01-01T00:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "00000000-0000-0000-0000-000000000000",
        "{\"a\":{\"a\":null}}",
        "\"\u{1}",
    ];
    short.into_iter().map(str::to_owned).chain(long).collect()
}

/// The same that are no UTF-8, or not encoded as they should be; as they go over the wire.
const RAW: [&str; 5] = ["%FF%FE", "%ED%A0%80", "%zz", "%00%", "+&=&;&a=b&a=b"];

fn encoded(value: &str) -> String {
    form_urlencoded::byte_serialize(value.as_bytes()).collect()
}

/// What is true of every answer.
fn is_sound(name: &str, page: &Page) {
    let Page {
        status,
        html,
        headers,
        ..
    } = page;
    assert!(*status < 500, "{name}: {status} {html}");
    let kind = headers
        .get("content-type")
        .map_or("", |kind| kind.to_str().unwrap());
    if kind.starts_with("text/html") {
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; "), "{name}: {policy}");
        assert!(!html.contains(ELEMENT), "{name}: {html}");
    } else if html.contains(ELEMENT) {
        // Files are kept, never shown.
        let saved = headers["content-disposition"].to_str().unwrap();
        assert!(saved.starts_with("attachment;"), "{name}: {saved}");
    }
    assert!(headers.contains_key("cache-control"), "{name}");
    assert_eq!(headers["x-content-type-options"], "nosniff", "{name}");
    if let Some(place) = headers.get("location") {
        let place = place.to_str().unwrap();
        assert!(
            place.starts_with('/') && !place.starts_with("//") && !place.starts_with("/\\"),
            "{name}: {place}"
        );
    }
    for cookie in headers.get_all("set-cookie") {
        assert!(
            cookie.to_str().unwrap().starts_with("__Host-contato"),
            "{name}: {cookie:?}"
        );
    }
}

async fn odd_values_are_answered_by_a_page(pair: Pair) {
    let folder = TempDir::new().unwrap();
    let (pair, _) = guarded(pair, &folder);
    let desk = Desk::open(&pair).await;
    let ana = Browser::new(desk.address());
    sign_in(&ana, "/inbox", "ana", PASSWORD).await;
    let there = There::of(&pair, &ana).await;
    let csrf = token(&ana).await;
    let wire: Vec<String> = values()
        .iter()
        .map(|value| encoded(value))
        .chain(RAW.map(str::to_owned))
        .collect();
    for route in ROUTES {
        let fields: Vec<_> = route
            .fields
            .iter()
            .map(|(name, value)| (*name, encoded(&there.filled(value))))
            .collect();
        let send = async |path: &str, fields: String| {
            let name = format!("{:?} {path} {}", route.verb, fields.get(..300).unwrap_or(&fields));
            let page = match route.verb {
                Verb::Get if fields.is_empty() => ana.once(Method::GET, path, &[], None).await,
                Verb::Get => {
                    ana.once(Method::GET, &format!("{path}?{fields}"), &[], None)
                        .await
                }
                Verb::Post => {
                    ana.once(Method::POST, path, &[], Some(format!("csrf={csrf}&{fields}")))
                        .await
                }
            };
            is_sound(&name, &page);
        };
        let path = there.filled(route.path);
        for (at, (odd, _)) in fields.iter().enumerate() {
            for value in &wire {
                // Alone in an address, where a second one could be refused before; with all others in a form.
                let pairs = fields
                    .iter()
                    .enumerate()
                    .filter(|(n, _)| *n == at || route.verb == Verb::Post);
                let pairs: Vec<_> = pairs
                    .map(|(n, (name, good))| format!("{name}={}", if n == at { value } else { good }))
                    .collect();
                send(&path, pairs.join("&")).await;
            }
            send(&path, format!("{odd}=a&{odd}=b")).await;
        }
        for value in wire.iter().step_by(5) {
            send(&path, format!("{value}={value}")).await;
        }
        if let Some((before, after)) = route.path.split_once('{') {
            let (_, after) = after.split_once('}').unwrap();
            for value in wire.iter().filter(|value| !value.contains('&')) {
                let value = value.replace('+', "%20");
                send(&format!("{before}{value}{after}"), String::new()).await;
            }
        }
    }
    for name in [
        "accept-language",
        "cookie",
        "x-request-id",
        "traceparent",
        "hx-request",
        "accept",
        "referer",
        "origin",
    ] {
        for value in [
            MARK_UP,
            "",
            ",;=",
            "__Host-contato=; __Host-contato-language=<zqx; __Host-contato-theme=\"<zqx",
        ] {
            let nobody = Browser::new(desk.address());
            for path in ["/inbox", "/sign-in?back=%2F", "/nothing"] {
                let page = nobody.once(Method::GET, path, &[(name, value)], None).await;
                is_sound(&format!("{path} {name}: {value}"), &page);
            }
        }
    }
    desk.running.stop().await;
}

/// The places of this console that a page leads to, without what follows `?`.
fn leads_to(page: &Page) -> Vec<String> {
    let links = page.attributes("a, form", "href").into_iter();
    let others = page
        .attributes("form", "action")
        .into_iter()
        .chain(page.attributes("[hx-get]", "hx-get"));
    links.chain(others).collect()
}

async fn what_is_stored_is_shown_as_text(pair: Pair) {
    let folder = TempDir::new().unwrap();
    let (pair, _) = guarded(pair, &folder);
    let desk = Desk::open(&pair).await;
    let ana = Browser::new(desk.address());
    sign_in(&ana, "/inbox", "ana", PASSWORD).await;
    let principal = MARK_UP.replace('\'', "''");
    pair.sql(&format!(
        "UPDATE console_sessions SET principal = 'token:{principal}'"
    ))
    .await;

    let there = There::of(&pair, &ana).await;
    let named = pair.create("Ana <zqx onload=a()>");
    pair.publish(named.encode()).await;
    let worker = worker(&pair).await;
    pair.ended(named.command.id).await;
    for payload in [
        pair.create("Bia <zqx>").encode(),
        MARK_UP.into(),
        format!("{{\"a\":{MARK_UP:?}}}").into(),
    ] {
        let odd = DeadLetter {
            detail: MARK_UP.to_owned(),
            worker: MARK_UP.to_owned(),
            content_type: MARK_UP.to_owned(),
            traceparent: Some(MARK_UP.to_owned()),
            reason: Reason::StoreRefused,
            ..letter(&pair, payload)
        };
        publish(&pair, shared::broker::Queue::DeadLetters, odd.encode()).await;
    }
    eventually("they are collected", async || {
        (ana.get("/dead-letters?state=open")
            .await
            .attributes("tbody tr input", "value")
            .len()
            == 4)
            .then_some(())
    })
    .await;
    let csrf = token(&ana).await;
    let letters = ana
        .get("/dead-letters?state=open")
        .await
        .attributes("tbody tr input", "value");
    for id in &letters {
        for act in ["reveal", "archive", "restore", "replay"] {
            let page = ana
                .once(
                    Method::POST,
                    &format!("/dead-letters/{id}/{act}"),
                    &[],
                    Some(format!("csrf={csrf}")),
                )
                .await;
            is_sound(act, &page);
        }
    }
    let mut known = BTreeSet::new();
    let mut next = vec![
        "/".to_owned(),
        format!("/contacts/{}", named.command.contact_id),
        there.filled("/replays/{replay}"),
        there.filled("/commands/{command}"),
    ];
    let patterns: Vec<Vec<&str>> = ROUTES
        .iter()
        .map(|route| route.path.split('/').collect())
        .collect();
    let mut shown = 0;
    while let Some(place) = next.pop() {
        if known.len() > 400 || !known.insert(place.clone()) || place.starts_with("#") {
            continue;
        }
        let parts: Vec<_> = place.split('?').next().unwrap().split('/').collect();
        let fits = |pattern: &Vec<&str>| {
            pattern.len() == parts.len()
                && pattern
                    .iter()
                    .zip(&parts)
                    .all(|(known, part)| known.starts_with('{') || known == part)
        };
        assert!(patterns.iter().any(fits), "{place} is no route that is tried");
        let page = ana.once(Method::GET, &place, &[], None).await;
        is_sound(&place, &page);
        shown += usize::from(page.html.contains("&lt;zqx") || page.html.contains("&#60;zqx"));
        next.extend(leads_to(&page));
    }
    assert!(shown > 5, "it is shown on {shown} of {} pages", known.len());
    worker.stop().await;
    desk.running.stop().await;
}
