//! What surrounds every page: languages and themes, its policy, and what other sites may not do.

use reqwest::Method;
use test_support::{Pair, on_both_pairs};

use super::{Browser, Form};
use crate::dead_letters::Desk;

on_both_pairs!(
    a_reader_chooses_language_and_theme,
    pages_load_nothing_from_elsewhere_and_are_not_kept,
    other_sites_get_nothing_done,
    names_of_others_that_lead_here_get_nothing,
    what_is_not_there_is_told_to_people_and_to_programs,
);

async fn a_reader_chooses_language_and_theme(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address()).speaking("pt-BR");
    let page = browser.get("/inbox").await;
    assert_eq!(
        (page.status, page.text("h1")),
        (200, "Caixa de entrada".to_owned())
    );
    assert_eq!(page.attributes("html", "lang"), ["pt-BR"]);
    assert_eq!(page.attributes("html", "data-theme"), ["system"]);

    let chosen = page
        .form("/preferences")
        .with("language", "en")
        .with("theme", "dark");
    let page = browser.submit(&chosen).await;
    assert_eq!(
        (page.path.as_str(), page.text("h1")),
        ("/inbox", "Inbox".to_owned())
    );
    assert_eq!(page.attributes("html", "data-theme"), ["dark"]);
    assert_eq!(
        page.form("/preferences").value("theme"),
        Some("dark"),
        "it stays chosen"
    );

    let away = page.form("/preferences").with("back", "//evil.example/");
    let headers = browser
        .once(Method::POST, "/preferences", &[], Some(away.body()))
        .await
        .headers;
    assert_eq!(headers["location"], "/");
    desk.running.stop().await;
}

async fn pages_load_nothing_from_elsewhere_and_are_not_kept(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get("/inbox").await;
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'self';"),
        "{policy}"
    );
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(page.headers["cache-control"], "no-store");
    assert!(page.attributes("[style], [onclick]", "style").is_empty());
    let loaded = [page.attributes("script", "src"), page.attributes("link", "href")].concat();
    assert_eq!(loaded.len(), 4, "{loaded:?}");
    for path in loaded {
        let asset = browser.get(&path).await;
        assert_eq!(asset.status, 200, "{path}");
        assert_eq!(
            asset.headers["cache-control"],
            "public, max-age=31536000, immutable"
        );
        let stale = path.replace("/assets/", "/assets/0");
        assert_eq!(browser.get(&stale).await.status, 404);
    }
    desk.running.stop().await;
}

/// The form that asks for the dark theme, as this reader has it.
async fn dark(browser: &Browser) -> Form {
    let page = browser.get("/inbox").await;
    page.form("/preferences").with("theme", "dark")
}

async fn other_sites_get_nothing_done(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let form = dark(&browser).await;
    for (headers, form) in [
        (&[("sec-fetch-site", "cross-site")][..], form.clone()),
        (&[("sec-fetch-site", "same-site")], form.clone()),
        (&[], form.clone().with("csrf", "")),
        (&[], form.clone().with("csrf", &"A".repeat(43))),
        (&[], dark(&Browser::new(desk.address())).await),
    ] {
        let page = browser
            .once(Method::POST, "/preferences", headers, Some(form.body()))
            .await;
        assert_eq!(
            (page.status, page.text("h1")),
            (403, "The form was not taken".to_owned())
        );
    }
    assert_eq!(
        browser.get("/inbox").await.attributes("html", "data-theme"),
        ["system"]
    );
    let same = [("sec-fetch-site", "same-origin")];
    assert_eq!(
        browser
            .once(Method::POST, "/preferences", &same, Some(form.body()))
            .await
            .status,
        303
    );

    desk.running.stop().await;
}

/// To see it red: look at what proxies say, or leave the API out.
async fn names_of_others_that_lead_here_get_nothing(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let form = dark(&browser).await;
    let evil = [("host", "console.evil.example")];
    // What a page of theirs may write besides.
    let forwarded = [evil[0], ("x-forwarded-host", "localhost")];
    let in_one = [evil[0], ("forwarded", "host=localhost")];
    for headers in [&evil[..], &forwarded, &in_one] {
        let page = browser.once(Method::GET, "/inbox", headers, None).await;
        assert_eq!((page.status, page.text("h1")), (421, "Another name".to_owned()));
        let page = browser
            .once(Method::POST, "/preferences", headers, Some(form.body()))
            .await;
        assert_eq!(page.status, 421);
        for path in [
            "/v1/dead-letters",
            "/v1/nothing",
            "/%761/dead-letters",
            "/%69nbox",
        ] {
            let answer = browser.once(Method::GET, path, headers, None).await;
            assert_eq!(answer.status, 403, "{path}: {}", answer.html);
        }
    }
    for host in ["localhost:8081", "LOCALHOST", "[::1]:8081", "127.0.0.1"] {
        for path in ["/inbox", "/v1/dead-letters"] {
            let page = browser.once(Method::GET, path, &[("host", host)], None).await;
            assert_eq!(page.status, 200, "{host} {path}");
        }
    }
    desk.running.stop().await;
}

async fn what_is_not_there_is_told_to_people_and_to_programs(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get("/nothing").await;
    assert_eq!(
        (page.status, page.text("h1")),
        (404, "Nothing is here".to_owned())
    );
    // Read anew, what a form had led to is told to people as well.
    let page = browser.get("/dead-letters/confirm").await;
    assert_eq!(
        (page.status, page.text("h1")),
        (405, "The request breaks a rule".to_owned())
    );
    assert_eq!(page.headers["allow"], "POST");
    let (status, problem) = desk.get("/v1/nothing").await;
    assert_eq!((status, problem["type"].as_str()), (404, Some("/docs#not-found")));
    desk.running.stop().await;
}
