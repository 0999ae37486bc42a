//! Signing in with a password, sessions and their end.

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use chrono::{TimeDelta, Utc};
use reqwest::Method;
use serde_json::Value;
use shared::{
    clock::Clock,
    http::access::Scope,
    settings::{AuthMode, Secret},
    store::sessions::SessionBounds,
};
use tempfile::TempDir;
use test_support::{Pair, new_key, on_both_pairs};

use super::{Browser, Page};
use crate::dead_letters::Desk;

pub const COOKIE: &str = "__Host-contato";
pub const PASSWORD: &str = "correct horse battery";

on_both_pairs!(
    an_operator_signs_in_and_out,
    scopes_say_what_an_operator_sees,
    sessions_end_by_themselves,
    what_lets_people_in_lets_no_program_in,
    other_sites_sign_nobody_in_or_out,
    tries_are_limited,
    sql_that_is_down_is_told_and_signs_nobody_out,
    whoever_has_another_line_is_out,
);

/// Runs `dlq-function operator` with what somebody types.
fn operator(arguments: &[&str], typed: &str) -> Output {
    let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_dlq-function")));
    command.arg("operator").args(arguments).env_clear();
    let mut running = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    running.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    running.wait_with_output().unwrap()
}

/// A list of these operators, who all have the same password.
pub fn operators(names_and_scopes: &[&[&str]]) -> Secret {
    let lines = names_and_scopes.iter().map(|arguments| {
        let output = operator(arguments, &format!("{PASSWORD}\n"));
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    });
    Secret::new(lines.collect::<String>())
}

/// The pair, with people who have to sign in.
fn with_operators(mut pair: Pair) -> Pair {
    let reader = ["bia", "--scope", "dead-letters.read"];
    let auditor = ["eva", "--scope", "audit.read"];
    pair.settings.auth.mode = AuthMode::Required;
    pair.settings.dlq_function.console.operators = Some(operators(&[&["ana"], &reader, &auditor]));
    pair
}

/// Signs in by the form that a page leads to.
pub async fn sign_in(browser: &Browser, path: &str, name: &str, password: &str) -> Page {
    let page = browser.get(path).await;
    let form = page.form("/sign-in");
    browser
        .submit(&form.with("name", name).with("password", password))
        .await
}

async fn sessions(pair: &Pair) -> i64 {
    pair.count("FROM console_sessions").await
}

/// To see it red: let `Sessions::open` keep the cookie, or leave `close` out of signing out.
async fn an_operator_signs_in_and_out(pair: Pair) {
    let pair = with_operators(pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let page = browser.get("/inbox?reason=expired").await;
    assert_eq!((page.status, page.text("h1")), (200, "Sign in".to_owned()));
    assert_eq!(page.path, "/sign-in?back=%2Finbox%3Freason%3Dexpired");
    assert!(
        page.attributes("nav a", "href").is_empty(),
        "nothing is shown to nobody"
    );

    let wrong = sign_in(&browser, "/inbox", "ana", "wrong horse battery").await;
    let unknown = sign_in(&browser, "/inbox", "eve", PASSWORD).await;
    for refused in [&wrong, &unknown] {
        assert_eq!(refused.status, 403);
        assert_eq!(
            refused.text("[role=alert]"),
            "That name and that password do not belong together."
        );
    }
    assert_eq!(sessions(&pair).await, 0);

    // A cookie that somebody else has put there is not the session's.
    let planted = "A".repeat(43);
    browser.set_cookie(COOKIE, &planted);
    let page = sign_in(&browser, "/inbox?reason=expired", "ana", PASSWORD).await;
    assert_eq!((page.path.as_str(), page.status), ("/inbox?reason=expired", 200));
    assert!(page.says("Signed in as operator:ana"), "{}", page.html);
    let cookie = browser.cookie(COOKIE).unwrap();
    assert_ne!(cookie, planted);
    let other = Browser::new(desk.address());
    other.set_cookie(COOKIE, &planted);
    assert_eq!(other.get("/inbox").await.text("h1"), "Sign in");
    assert_eq!(
        browser.get("/sign-in?back=/inbox").await.path,
        "/inbox",
        "one is in"
    );
    let scopes = "FROM console_sessions WHERE principal = 'operator:ana' AND scopes LIKE '%audit.read%'";
    assert_eq!(pair.count(scopes).await, 1);

    // Who signs in again has one session, the new one.
    let again = browser.once(Method::GET, "/sign-out", &[], None).await;
    assert_eq!(again.status, 303, "nobody is out by looking");
    let page = browser.get("/inbox").await;
    let page = browser.submit(&page.form("/sign-out")).await;
    assert_eq!((page.path.as_str(), page.status), ("/sign-out", 200));
    assert_eq!(page.text("h1"), "You have signed out");
    assert_eq!(sessions(&pair).await, 0);
    assert_ne!(browser.cookie(COOKIE).unwrap(), cookie);
    browser.set_cookie(COOKIE, &cookie);
    assert_eq!(
        browser.get("/inbox").await.text("h1"),
        "Sign in",
        "the old cookie is over"
    );

    let portuguese = Browser::new(desk.address()).speaking("pt-BR");
    let page = sign_in(
        &portuguese,
        "/sign-in?back=//evil.example",
        "ana",
        "errada errada",
    )
    .await;
    assert!(page.says("Esse nome e essa senha não conferem."), "{}", page.html);
    let form = page.form("/sign-in").with("back", "https://evil.example");
    let form = form.with("name", "ana").with("password", PASSWORD);
    let headers = portuguese
        .once(Method::POST, "/sign-in", &[], Some(form.body()))
        .await
        .headers;
    assert_eq!(headers["location"], "/", "nobody is sent elsewhere");
    desk.running.stop().await;
}

/// To see it red: let `Sessions` give everybody all scopes.
async fn scopes_say_what_an_operator_sees(pair: Pair) {
    let pair = with_operators(pair);
    let desk = Desk::open(&pair).await;
    let reader = Browser::new(desk.address());
    let page = sign_in(&reader, "/inbox", "bia", PASSWORD).await;
    let seen = page.attributes("nav a", "href");
    assert!(seen.contains(&"/inbox".to_owned()), "{seen:?}");
    for hidden in ["/audit", "/contacts", "/commands"] {
        assert!(!seen.contains(&hidden.to_owned()), "{seen:?}");
    }
    let auditor = Browser::new(desk.address());
    let page = sign_in(&auditor, "/inbox", "eva", PASSWORD).await;
    assert_eq!(
        (page.status, page.text("h1")),
        (403, "You may not do this".to_owned())
    );
    assert_eq!(page.texts("main code"), ["dead-letters.read"]);
    assert_eq!(page.attributes("nav a", "href"), ["/audit"]);
    assert!(page.says("operator:eva") && !page.says("operator:bia"));
    desk.running.stop().await;
}

/// A clock that tests move.
fn moved() -> (Arc<AtomicI64>, Clock) {
    let minutes = Arc::new(AtomicI64::new(0));
    let shown = minutes.clone();
    let clock = Clock::from_fn(move || Utc::now() + TimeDelta::minutes(shown.load(Ordering::SeqCst)));
    (minutes, clock)
}

/// To see it red: leave `touch_session` out, or a bound, or note what a page asks for by itself.
async fn sessions_end_by_themselves(pair: Pair) {
    let pair = with_operators(pair);
    let (minutes, clock) = moved();
    let desk = Desk::open_at(&pair, clock.clone()).await;
    let browser = Browser::new(desk.address());
    let go_on = |by: i64| minutes.fetch_add(by, Ordering::SeqCst);
    let is_in = async |browser: &Browser| browser.get("/inbox").await.text("h1") == "Inbox";

    assert_eq!(sign_in(&browser, "/inbox", "ana", PASSWORD).await.status, 200);
    // Whoever does something now and then stays in, for ten hours.
    for _ in 0..20 {
        go_on(29);
        assert!(is_in(&browser).await);
    }
    go_on(21);
    let page = browser.get("/inbox").await;
    assert_eq!(page.path, "/sign-in?back=%2Finbox&ended=yes");
    assert!(page.says("Your session has ended."), "{}", page.html);
    // What was asked for in a form leads back to the page with the form; to none of another site.
    for (before, back) in [
        (browser.origin(), "%2Finbox%3Freason%3Dexpired"),
        ("http://elsewhere.example", "%2F"),
    ] {
        let before = format!("{before}/inbox?reason=expired");
        let sent = [("referer", before.as_str())];
        let answer = browser
            .once(Method::POST, "/dead-letters/acts", &sent, None)
            .await;
        let place = answer.headers["location"].to_str().unwrap();
        assert_eq!(place, format!("/sign-in?back={back}&ended=yes"));
    }
    let ended = browser.cookie(COOKIE).unwrap();
    let page = sign_in(&browser, "/inbox", "ana", PASSWORD).await;
    assert_eq!(page.path, "/inbox");
    assert_ne!(browser.cookie(COOKIE).unwrap(), ended);
    assert_eq!(sessions(&pair).await, 1, "the one that had ended is gone");

    // What a page asks for by itself keeps nobody in.
    let part = [("hx-request", "true")];
    go_on(20);
    let answer = browser.once(Method::GET, "/inbox", &part, None).await;
    assert_eq!(answer.status, 200);
    go_on(11);
    let answer = browser.once(Method::GET, "/inbox", &part, None).await;
    assert_eq!(
        (answer.status, &answer.headers["hx-refresh"]),
        (401, &"true".parse().unwrap())
    );
    assert!(!is_in(&browser).await);

    let store = &pair.parts.store;
    let bounds = SessionBounds {
        idle: TimeDelta::minutes(30),
        longest: TimeDelta::hours(10),
    };
    let at = clock.now();
    let before = at - TimeDelta::minutes(2);
    assert_eq!(store.forget_sessions(&bounds, before, 10).await.unwrap(), 0);
    assert_eq!(store.forget_sessions(&bounds, at, 10).await.unwrap(), 1);
    assert_eq!(sessions(&pair).await, 0);
    desk.running.stop().await;
}

/// To see it red: let `Access::identify` ask for the cookie everywhere, or for keys.
async fn what_lets_people_in_lets_no_program_in(pair: Pair) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.json");
    let key = new_key(&file, &Scope::ALL);
    let mut pair = with_operators(pair);
    pair.settings.auth.api_keys = Some(file);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    assert_eq!(sign_in(&browser, "/inbox", "ana", PASSWORD).await.status, 200);
    for path in [
        "/v1/dead-letters",
        "/v1/nothing",
        "/%761/dead-letters",
        "/v%31/dead-letters",
    ] {
        let status = browser.get(path).await.status;
        assert_eq!(status, 401, "{path} with a cookie");
    }
    let program = Browser::new(desk.address());
    let shown = [("x-api-key", key.as_str())];
    let status = async |path| program.once(Method::GET, path, &shown, None).await.status;
    assert_eq!(status("/v1/dead-letters").await, 200);
    for path in ["/inbox", "/%69nbox"] {
        assert_eq!(status(path).await, 303, "{path} with a key");
    }
    let page = program.once(Method::GET, "/inbox", &[("authorization", "Bearer a.b.c")], None);
    assert_eq!(page.await.status, 303);
    desk.running.stop().await;
}

/// To see it red: leave `Form::read` out of signing in or out, or let `Visit::answer` set the cookie anyway.
async fn other_sites_sign_nobody_in_or_out(pair: Pair) {
    let pair = with_operators(pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    let form = browser.get("/sign-in").await.form("/sign-in");
    let form = form.with("name", "ana").with("password", PASSWORD);
    let cross = [("sec-fetch-site", "cross-site")];
    let post = async |path: &str, headers: &[(&str, &str)], body: String| {
        let page = browser.once(Method::POST, path, headers, Some(body)).await;
        (page.status, page.text("h1"))
    };
    let forged = (403, "The form was not taken".to_owned());
    assert_eq!(post("/sign-in", &cross, form.body()).await, forged);
    assert_eq!(
        post("/sign-in", &[], form.clone().with("csrf", "").body()).await,
        forged
    );
    let others = Browser::new(desk.address())
        .get("/sign-in")
        .await
        .form("/sign-in");
    let others = others.with("name", "ana").with("password", PASSWORD);
    assert_eq!(post("/sign-in", &[], others.body()).await, forged);
    assert_eq!(sessions(&pair).await, 0);

    let page = browser.submit(&form).await;
    // There is no first page in this part of the tests.
    assert_eq!(page.path, "/");
    let form = browser.get("/inbox").await.form("/sign-out");
    assert_eq!(post("/sign-out", &cross, form.body()).await, forged);
    assert_eq!(
        post("/sign-out", &[], form.clone().with("csrf", "").body()).await,
        forged
    );
    assert_eq!(sessions(&pair).await, 1);

    // A link on another site comes without cookies, and must not take the place of those that there are.
    for path in ["/inbox", "/sign-in", "/nothing"] {
        let fresh = Browser::new(desk.address());
        let page = fresh.once(Method::GET, path, &cross, None).await;
        assert!(page.headers.get("set-cookie").is_none(), "{path}");
        if path != "/nothing" {
            let again = page.attributes("meta[http-equiv=refresh]", "content");
            assert_eq!(again, [format!("0; url={path}")]);
        }
    }
    desk.running.stop().await;
}

/// To see it red: leave `too_many` out.
async fn tries_are_limited(pair: Pair) {
    let pair = with_operators(pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    for _ in 0..5 {
        let page = sign_in(&browser, "/inbox", "ana", "wrong horse battery").await;
        assert_eq!(page.status, 403);
    }
    let page = sign_in(&browser, "/inbox", "ana", PASSWORD).await;
    assert_eq!(page.status, 429);
    assert!(page.says("Too many tries."), "{}", page.html);
    let wait: u64 = page.headers["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((1..=12).contains(&wait), "{wait}");
    // The bound of a client is wider: there may be several people behind an address.
    assert_eq!(sign_in(&browser, "/inbox", "bia", PASSWORD).await.status, 200);
    let other = Browser::new(desk.address());
    for n in 0..13 {
        let page = sign_in(&other, "/inbox", &format!("nobody{n}"), PASSWORD).await;
        assert_eq!(page.status, 403);
    }
    assert_eq!(sign_in(&other, "/inbox", "eva", PASSWORD).await.status, 429);
    desk.running.stop().await;
}

/// To see it red: let `Sessions` take an error for nobody.
async fn sql_that_is_down_is_told_and_signs_nobody_out(pair: Pair) {
    let pair = with_operators(pair);
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    assert_eq!(sign_in(&browser, "/inbox", "ana", PASSWORD).await.status, 200);
    let cookie = browser.cookie(COOKIE);
    pair.sql("ALTER TABLE console_sessions RENAME TO hidden").await;
    let page = browser.get("/inbox").await;
    assert_eq!(
        (page.path.as_str(), page.status, page.text("h1")),
        ("/inbox", 503, "The database does not answer".to_owned())
    );
    let other = Browser::new(desk.address());
    assert_eq!(sign_in(&other, "/sign-in", "ana", PASSWORD).await.status, 503);
    // Of who has not signed in SQL is not asked, whatever their cookie.
    for made_up in [None, Some("A".repeat(43)), Some("x".to_owned())] {
        if let Some(made_up) = made_up {
            other.set_cookie(COOKIE, &made_up);
        }
        assert_eq!(other.get("/inbox").await.text("h1"), "Sign in");
    }
    pair.sql("ALTER TABLE hidden RENAME TO console_sessions").await;
    assert_eq!(browser.get("/inbox").await.text("h1"), "Inbox");
    assert_eq!(browser.cookie(COOKIE), cookie);
    desk.running.stop().await;
}

/// To see it red: let `Sessions::stands` be true.
async fn whoever_has_another_line_is_out(pair: Pair) {
    let mut pair = with_operators(pair);
    let desk = Desk::open(&pair).await;
    let names = ["ana", "bia", "eva"];
    let browsers = names.map(|_| Browser::new(desk.address()));
    let mut cookies = Vec::new();
    for (browser, name) in browsers.iter().zip(names) {
        sign_in(browser, "/dead-letters", name, PASSWORD).await;
        cookies.push(browser.cookie(COOKIE).unwrap());
    }
    assert_eq!(sessions(&pair).await, 3);
    desk.running.stop().await;
    // Ana stays, Bia has another password, Eva is gone.
    let list = pair.settings.dlq_function.console.operators.clone().unwrap();
    let of_ana = list.expose().lines().next().unwrap().to_owned();
    let of_bia = operators(&[&["bia", "--scope", "dead-letters.read"]]);
    let list = format!("{of_ana}\n{}", of_bia.expose());
    pair.settings.dlq_function.console.operators = Some(Secret::new(list));
    let desk = Desk::open(&pair).await;
    let mut seen = Vec::new();
    for cookie in &cookies {
        let browser = Browser::new(desk.address());
        browser.set_cookie(COOKIE, cookie);
        seen.push(browser.get("/dead-letters").await.path);
    }
    let out = "/sign-in?back=%2Fdead-letters&ended=yes";
    assert_eq!(seen, ["/dead-letters", out, out]);
    desk.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_has_to_sign_in_nobody_can() {
    let pair = Pair::embedded().await;
    let desk = Desk::open(&pair).await;
    let browser = Browser::new(desk.address());
    for path in ["/sign-in", "/sign-out"] {
        let page = browser.once(Method::GET, path, &[], None).await;
        assert_eq!(
            (page.status, &page.headers["location"]),
            (303, &"/".parse().unwrap())
        );
    }
    assert!(browser.get("/inbox").await.forms("/sign-out").is_empty());
    desk.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_nobody_can_sign_in_yet_the_page_says_what_to_set() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("keys.json");
    new_key(&file, &Scope::ALL);
    let mut pair = Pair::embedded().await;
    pair.settings.auth.mode = AuthMode::Required;
    pair.settings.auth.api_keys = Some(file);
    let desk = Desk::open(&pair).await;
    let page = Browser::new(desk.address()).get("/inbox").await;
    assert_eq!(
        page.texts("main dt"),
        [
            "dlqFunction.console.operators",
            "dlqFunction.console.oidc.clientId"
        ]
    );
    desk.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_that_say_half_of_it_do_not_start() {
    let pair = Pair::embedded().await;
    let good = operators(&[&["ana"]]);
    let mut cases = Vec::new();
    let mut case = |change: &dyn Fn(&mut shared::settings::Settings), expected: &'static str| {
        let mut settings = pair.settings.clone();
        settings.auth.mode = AuthMode::Required;
        change(&mut settings);
        cases.push((settings, expected));
    };
    case(
        &|settings| {
            settings.auth.mode = AuthMode::None;
            settings.dlq_function.console.operators = Some(good.clone());
        },
        "need auth.mode=required",
    );
    case(
        &|settings| {
            settings.auth.mode = AuthMode::None;
            settings.dlq_function.console.oidc.client_id = Some("console".to_owned());
        },
        "need auth.mode=required",
    );
    case(
        &|settings| {
            let list = format!("{}\ngeheim:geheim", good.expose());
            settings.dlq_function.console.operators = Some(Secret::new(list));
        },
        "dlqFunction.console.operators cannot be used: line 3 ",
    );
    case(
        &|settings| {
            settings.dlq_function.console.operators = Some(good.clone());
            settings.dlq_function.console.oidc.client_id = Some("console".to_owned());
        },
        "dlqFunction.console.oidc needs auth.issuer",
    );
    case(
        &|settings| {
            settings.auth.issuer = Some("https://issuer.example".to_owned());
            settings.auth.audience = shared::settings::Audience(vec!["api".to_owned()]);
            settings.dlq_function.console.oidc.client_id = Some("console".to_owned());
        },
        "needs dlqFunction.console.publicUrl",
    );
    case(
        &|settings| {
            settings.dlq_function.console.operators = Some(good.clone());
            settings.dlq_function.console.oidc.client_secret = Some(Secret::new("geheim"));
        },
        "clientSecret needs dlqFunction.console.oidc.clientId",
    );
    for (settings, expected) in cases {
        let refused = dlq_function::build(&settings, pair.parts.clone()).await;
        let error = format!("{:#}", refused.expect_err(expected));
        assert!(error.contains(expected) && !error.contains("geheim"), "{error}");
    }
}

#[test]
fn the_command_takes_no_short_password_and_no_odd_name() {
    let output = operator(
        &["ana", "--scope", "audit.read"],
        "correct horse battery\nignored\n",
    );
    let line = String::from_utf8(output.stdout).unwrap();
    assert!(
        line.starts_with("ana:audit.read:$argon2id$v=19$m=19456,t=2,p=1$"),
        "{line}"
    );
    for (arguments, typed) in [
        (&["ana"][..], "elevenchars\n"),
        (&["ana"], ""),
        (&["an:a"], PASSWORD),
        (&["ana", "--scope", "everything"], PASSWORD),
    ] {
        let output = operator(arguments, typed);
        assert!(
            !output.status.success() && output.stdout.is_empty(),
            "{arguments:?}"
        );
        assert!(!String::from_utf8_lossy(&output.stderr).contains("elevenchars"));
    }
}

/// To see it red: log the form, or the name.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn logs_have_neither_names_nor_passwords_nor_cookies() {
    let pair = with_operators(Pair::embedded().await);
    let list = pair.settings.dlq_function.console.operators.clone().unwrap();
    let mut running = Command::new(Path::new(env!("CARGO_BIN_EXE_dlq-function")))
        .env_clear()
        .envs(pair.environment())
        .env("CONTATO__AUTH__MODE", "required")
        .env("CONTATO__DLQ_FUNCTION__CONSOLE__OPERATORS", list.expose())
        .env("CONTATO__LOG__FORMAT", "json")
        .env("CONTATO__LOG__FILTER", "debug")
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(running.stderr.take().unwrap()).lines();
    let mut logged = String::new();
    let address = loop {
        let line = lines.next().expect("it says where it listens").unwrap();
        logged.push_str(&line);
        if line.contains("dlq-function runs") {
            let line: Value = serde_json::from_str(&line).unwrap();
            let address = line.pointer("/fields/address").or_else(|| line.get("address"));
            break address.unwrap().as_str().unwrap().parse().unwrap();
        }
    };
    let rest = tokio::task::spawn_blocking(move || lines.map_while(Result::ok).collect::<String>());
    let browser = Browser::new(address);
    let secret = "a password that nobody has";
    assert_eq!(sign_in(&browser, "/inbox", secret, PASSWORD).await.status, 403);
    assert_eq!(sign_in(&browser, "/inbox", "ana", secret).await.status, 403);
    assert_eq!(sign_in(&browser, "/inbox", "ana", PASSWORD).await.status, 200);
    let cookie = browser.cookie(COOKIE).unwrap();
    running.kill().unwrap();
    running.wait().unwrap();
    logged.push_str(&rest.await.unwrap());
    assert!(logged.contains("name and password do not fit"), "{logged}");
    for canary in [secret, PASSWORD, &cookie, "operator:ana", "$argon2"] {
        assert!(!logged.contains(canary), "{canary}: {logged}");
    }
}
