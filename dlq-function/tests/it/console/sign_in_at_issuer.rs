//! Signing in at an issuer: there and back, and what must not let anybody in.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::{TimeDelta, Utc};
use reqwest::{Client, Method, Url, header::LOCATION, redirect::Policy};
use serde_json::{Value, json};
use shared::{
    clock::Clock,
    settings::{Audience, AuthMode, Secret},
};
use test_support::{AUDIENCE, CLIENT_ID, CLIENT_SECRET, Issuer, Pair, Person, on_both_pairs, unix_now};

use super::{Browser, Page, sign_in::COOKIE};
use crate::dead_letters::Desk;

const TRAVELS: &str = "__Host-contato-sign-in";
const PUBLIC: &str = "https://console.example";

on_both_pairs!(
    somebody_signs_in_at_the_issuer_and_out,
    tokens_that_do_not_hold_let_nobody_in,
    what_does_not_fit_together_lets_nobody_in,
    the_way_back_works_without_cookies_at_first,
    an_issuer_that_says_no_or_nothing_is_told,
);

fn at(issuer: &Issuer, mut pair: Pair) -> Pair {
    pair.settings.auth.mode = AuthMode::Required;
    pair.settings.auth.issuer = Some(issuer.url());
    pair.settings.auth.audience = Audience(vec![AUDIENCE.to_owned()]);
    let console = &mut pair.settings.dlq_function.console;
    console.public_url = Some(PUBLIC.to_owned());
    console.oidc.client_id = Some(CLIENT_ID.to_owned());
    console.oidc.client_secret = Some(Secret::new(CLIENT_SECRET));
    console.oidc.scope = "openid profile api://contato/.default".to_owned();
    pair
}

fn person(access: Value, id: Value) -> Result<Person, &'static str> {
    Ok(Person { access, id })
}

/// Begins: the place at the issuer that the browser is sent to.
async fn begin(browser: &Browser, back: &str) -> String {
    let page = browser.get(back).await;
    let [link] = page
        .attributes("main a[href^='/sign-in/issuer']", "href")
        .try_into()
        .unwrap_or_else(|links| panic!("{links:?}: {}", page.html));
    let sent = browser.once(Method::GET, &link, &[], None).await;
    assert_eq!(sent.status, 303);
    sent.headers[LOCATION].to_str().unwrap().to_owned()
}

/// What the issuer does with somebody who comes: the path on the console that it sends them to.
async fn at_the_issuer(place: &str) -> String {
    let client = Client::builder().redirect(Policy::none()).build().unwrap();
    let sent = client.get(place).send().await.unwrap();
    assert_eq!(sent.status(), 302, "{place}");
    let back = sent.headers()[LOCATION].to_str().unwrap();
    let path = back.strip_prefix(PUBLIC).unwrap();
    assert!(path.starts_with("/sign-in/callback?"), "{path}");
    path.to_owned()
}

/// All of it.
async fn sign_in(browser: &Browser, back: &str) -> Page {
    let place = begin(browser, back).await;
    browser.get(&at_the_issuer(&place).await).await
}

/// A path of the console with another value in its query.
fn with(path: &str, name: &str, value: &str) -> String {
    let mut url = Url::parse(&format!("{PUBLIC}{path}")).unwrap();
    let pairs: Vec<_> = url
        .query_pairs()
        .filter(|(known, _)| known != name)
        .map(|(name, value)| (name.into_owned(), value.into_owned()))
        .collect();
    url.query_pairs_mut()
        .clear()
        .extend_pairs(pairs)
        .append_pair(name, value);
    format!("{}?{}", url.path(), url.query().unwrap())
}

fn refused(page: &Page, words: &str) {
    assert_eq!(page.text("h1"), "Sign in", "{}", page.html);
    let alert = page.texts("[role=alert]").join("");
    assert!(alert.contains(words), "{alert}, not {words}");
}

const UNVERIFIED: &str = "does not hold";
const STALE: &str = "took too long, or began in another window";

async fn somebody_signs_in_at_the_issuer_and_out(pair: Pair) {
    let issuer = Issuer::start();
    issuer.signs_in(person(json!({ "scp": "dead-letters.read User.Read" }), json!({})));
    let pair = at(&issuer, pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let place = begin(&browser, "/inbox?reason=expired").await;
    let asked = Url::parse(&place).unwrap();
    assert!(
        place.starts_with(&format!("{}/authorize?", issuer.url())),
        "{place}"
    );
    let asked: std::collections::HashMap<_, _> = asked.query_pairs().into_owned().collect();
    assert_eq!(asked["scope"], "openid profile api://contato/.default");
    assert_eq!(asked["redirect_uri"], format!("{PUBLIC}/sign-in/callback"));
    assert!(asked["state"].len() >= 22 && asked["nonce"].len() >= 22);
    let travels = browser.cookie(TRAVELS).unwrap();
    let page = browser.get(&at_the_issuer(&place).await).await;
    assert_eq!((page.path.as_str(), page.status), ("/inbox?reason=expired", 200));
    assert!(page.says("Signed in as token:ana"), "{}", page.html);
    let seen = page.attributes("nav a", "href");
    assert!(
        seen.contains(&"/inbox".to_owned()) && !seen.contains(&"/contacts".to_owned()),
        "{seen:?}"
    );
    assert_eq!(browser.cookie(TRAVELS), None);
    for hidden in [&asked["state"], &asked["nonce"]] {
        assert!(!travels.contains(hidden.as_str()));
    }

    let page = browser.submit(&page.form("/sign-out")).await;
    let there = page.attributes("main a[href^=http]", "href");
    assert_eq!(there, [format!("{}/logout?client_id={CLIENT_ID}", issuer.url())]);
    assert_eq!(browser.get("/inbox").await.text("h1"), "Sign in");

    // Somebody without a scope of ours is known, and may do nothing.
    issuer.signs_in(person(json!({ "scp": "User.Read" }), json!({})));
    let page = sign_in(&browser, "/inbox").await;
    assert_eq!(
        (page.status, page.text("h1")),
        (403, "You may not do this".to_owned())
    );
    assert!(page.attributes("nav a", "href").is_empty());
    desk.running.stop().await;
}

/// To see it red: take a condition out of `Tokens::signed_in`.
async fn tokens_that_do_not_hold_let_nobody_in(pair: Pair) {
    let issuer = Issuer::start();
    let pair = at(&issuer, pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let other = "https://issuer.example";
    let past = unix_now() - 120;
    let entra = |oid: &str| json!({ "oid": oid, "tid": "t" });
    let mut elsewhere = entra("1");
    elsewhere["sub"] = json!("ana elsewhere");
    for (access, id) in [
        (json!({ "aud": "api://another" }), json!({})),
        (json!({ "iss": other }), json!({})),
        (json!({ "exp": past }), json!({})),
        (json!({ "scp": null }), json!({})),
        (json!({ "sub": null }), json!({})),
        (json!({}), json!({ "aud": AUDIENCE })),
        (json!({}), json!({ "aud": [CLIENT_ID, "another"] })),
        (json!({}), json!({ "azp": "another" })),
        (json!({}), json!({ "iss": other })),
        (json!({}), json!({ "exp": past })),
        (json!({}), json!({ "nonce": "another" })),
        (json!({}), json!({ "nonce": null })),
        (json!({}), json!({ "sub": "bia" })),
        (entra("2"), elsewhere.clone()),
        (json!({}), elsewhere.clone()),
    ] {
        issuer.signs_in(person(access.clone(), id.clone()));
        let page = sign_in(&browser, "/inbox").await;
        assert_eq!(page.status, 403, "{access} {id}");
        refused(&page, UNVERIFIED);
    }
    assert_eq!(pair.count("FROM console_sessions").await, 0);
    // Entra ID gives each client another `sub` of the same person.
    issuer.signs_in(person(entra("1"), elsewhere));
    let page = sign_in(&browser, "/sign-in").await;
    assert!(page.says("Signed in as token:ana"), "{}", page.html);
    desk.running.stop().await;
}

/// To see it red: leave out the state, the seal, its end, or the verifier.
async fn what_does_not_fit_together_lets_nobody_in(pair: Pair) {
    let issuer = Issuer::start();
    let pair = at(&issuer, pair);
    let minutes = Arc::new(AtomicI64::new(0));
    let shown = minutes.clone();
    let clock = Clock::from_fn(move || Utc::now() + TimeDelta::minutes(shown.load(Ordering::SeqCst)));
    let desk = Desk::open_at(&pair, clock).await;
    let browser = Browser::new(desk.address());
    let back = at_the_issuer(&begin(&browser, "/inbox").await).await;

    // Another's code, brought with one's own state, was asked for with another verifier.
    let eve = Browser::new(desk.address());
    let hers = at_the_issuer(&begin(&eve, "/inbox").await).await;
    let hers = Url::parse(&format!("{PUBLIC}{hers}")).unwrap();
    let (_, code) = hers.query_pairs().find(|(name, _)| name == "code").unwrap();
    refused(&browser.get(&with(&back, "code", &code)).await, UNVERIFIED);

    let travels = async || {
        let back = at_the_issuer(&begin(&browser, "/inbox").await).await;
        (back, browser.cookie(TRAVELS).unwrap())
    };
    let (back, sealed) = travels().await;
    refused(&browser.get(&with(&back, "state", "another")).await, STALE);
    refused(
        &browser.get(&with(&back, "iss", "https://another.example")).await,
        STALE,
    );
    let (back, _) = travels().await;
    let mut tampered = browser.cookie(TRAVELS).unwrap();
    tampered.replace_range(10..11, if tampered.as_bytes()[10] == b'A' { "B" } else { "A" });
    for cookie in [tampered.as_str(), sealed.as_str(), "", "AAAA"] {
        browser.set_cookie(TRAVELS, cookie);
        refused(&browser.get(&back).await, STALE);
    }
    let (back, _) = travels().await;
    minutes.store(11, Ordering::SeqCst);
    refused(&browser.get(&back).await, STALE);
    minutes.store(0, Ordering::SeqCst);
    assert_eq!(pair.count("FROM console_sessions").await, 0);

    // What let somebody in once does so no more, whoever has seen all of it.
    let (back, sealed) = travels().await;
    assert_eq!(browser.get(&back).await.path, "/inbox");
    let eve = Browser::new(desk.address());
    eve.set_cookie(TRAVELS, &sealed);
    refused(&eve.get(&back).await, UNVERIFIED);
    assert_eq!(pair.count("FROM console_sessions").await, 1);
    desk.running.stop().await;
}

/// To see it red: leave `again` out.
async fn the_way_back_works_without_cookies_at_first(pair: Pair) {
    let issuer = Issuer::start();
    let pair = at(&issuer, pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let back = at_the_issuer(&begin(&browser, "/inbox").await).await;
    for headers in [&[("sec-fetch-site", "cross-site")][..], &[]] {
        let without = Browser::new(desk.address());
        let page = without.once(Method::GET, &back, headers, None).await;
        assert_eq!(page.status, 200);
        let [again] = page
            .attributes("meta[http-equiv=refresh]", "content")
            .try_into()
            .unwrap();
        let again = again.strip_prefix("0; url=").unwrap().to_owned();
        if headers.is_empty() {
            // The cookies that there are come along now.
            let page = browser.get(&again).await;
            assert!(page.says("Signed in as token:ana"), "{}", page.html);
            assert!(browser.cookie(COOKIE).is_some());
        } else {
            refused(&without.get(&again).await, STALE);
        }
    }
    desk.running.stop().await;
}

async fn an_issuer_that_says_no_or_nothing_is_told(pair: Pair) {
    let issuer = Issuer::start();
    let pair = at(&issuer, pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    issuer.down(true);
    let [link] = browser
        .get("/inbox")
        .await
        .attributes("main a[href^='/sign-in/issuer']", "href")
        .try_into()
        .unwrap();
    let page = browser.get(&link).await;
    assert_eq!(page.status, 503);
    refused(&page, "does not answer");
    issuer.down(false);

    let begun = test_support::eventually("the issuer is asked again", async || {
        let sent = browser.once(Method::GET, &link, &[], None).await;
        let place = sent.headers.get(LOCATION)?;
        Some(place.to_str().unwrap().to_owned())
    });
    let place = begun.await;
    issuer.signs_in(Err("access_denied"));
    let page = browser.get(&at_the_issuer(&place).await).await;
    assert_eq!(page.status, 403);
    refused(&page, "did not let you in");
    assert!(
        !page.html.contains("no&") && !page.html.contains("<b>no"),
        "{}",
        page.html
    );

    issuer.signs_in(person(json!({}), json!({})));
    let back = at_the_issuer(&begin(&browser, "/inbox").await).await;
    issuer.down(true);
    let page = browser.get(&back).await;
    assert_eq!(page.status, 403, "an answer that is none");
    refused(&page, UNVERIFIED);
    desk.running.stop().await;
}
