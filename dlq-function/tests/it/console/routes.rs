//! Every route of the console, and who gets in: nobody who has not signed in, and nobody who lacks a scope.

use reqwest::Method;
use shared::{http::access::Scope, settings::AuthMode, wire::Reason};
use tempfile::TempDir;
use test_support::{Pair, eventually, new_key, on_both_pairs};

use super::{
    Browser, Page,
    sign_in::{PASSWORD, operators, sign_in},
};
use crate::dead_letters::{Desk, send_dead_letter};

on_both_pairs!(
    every_route_asks_for_its_scopes,
    a_correction_reveals_nothing_without_the_scope,
);

/// What somebody needs.
#[derive(Clone, Copy, Debug)]
pub enum Needs {
    /// Nothing, not even to have signed in.
    Nothing,
    All(&'static [Scope]),
    OneOf(&'static [Scope]),
}

/// A route: `{letter}` and so on stand for something that is there.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub verb: Verb,
    pub path: &'static str,
    pub needs: Needs,
    /// What may stand in the query, or the fields of the form, and what would do.
    pub fields: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
}

const fn get(path: &'static str, needs: Needs, fields: &'static [(&'static str, &'static str)]) -> Route {
    Route {
        verb: Verb::Get,
        path,
        needs,
        fields,
    }
}

const fn post(path: &'static str, needs: Needs, fields: &'static [(&'static str, &'static str)]) -> Route {
    Route {
        verb: Verb::Post,
        path,
        needs,
        fields,
    }
}

const READ: Needs = Needs::All(&[Scope::DeadLettersRead]);
const REPLAY: Needs = Needs::All(&[Scope::DeadLettersReplay]);
const REVEAL: Needs = Needs::All(&[Scope::DeadLettersRead, Scope::DeadLettersReveal]);
const EDIT: Needs = Needs::All(&[
    Scope::DeadLettersRead,
    Scope::DeadLettersEdit,
    Scope::DeadLettersReplay,
]);
const DISCARD: Needs = Needs::All(&[Scope::DeadLettersRead, Scope::DeadLettersReplay]);
const CONTACTS: Needs = Needs::All(&[Scope::ContactsRead]);
const FOLLOW: Needs = Needs::OneOf(&[Scope::ContactsRead, Scope::ContactsWrite]);
const AUDIT: Needs = Needs::All(&[Scope::AuditRead]);

const FILTERS: &[(&str, &str)] = &[
    ("reason", "expired"),
    ("operation", "create"),
    ("group", "0123456789abcdef0123456789abcdef"),
    ("contactId", "{contact}"),
    ("commandId", "{command}"),
    ("since", "2026-11-25T20:43"),
    ("until", "2026-11-25T20:43:07Z"),
    ("state", "open"),
    ("cursor", "abc"),
    ("done", "archived"),
];
const ACT_ON_ALL: &[(&str, &str)] = &[
    ("act", "restore"),
    ("all", "yes"),
    ("expect", "0"),
    ("typed", "0"),
    ("reason", "expired"),
    ("group", "0123456789abcdef0123456789abcdef"),
    ("since", "2026-11-25T20:43:07Z"),
    ("until", "2026-11-25T20:43:07Z"),
    ("contactId", "{contact}"),
];
const ACT_ON_SOME: &[(&str, &str)] = &[
    ("act", "restore"),
    ("id", "{letter}"),
    ("expect", "0"),
    ("typed", "0"),
];
const CORRECTION: &[(&str, &str)] = &[
    ("step", "check"),
    ("name", "Ana"),
    ("phone", "(11) 98765-4321"),
    ("email", "ana@example.com"),
    ("clear", "nothing"),
];
const MESSAGE: &[(&str, &str)] = &[("step", "check"), ("message", "{}")];
const START: &[(&str, &str)] = &[
    ("id", "{letter}"),
    ("expect", "999"),
    ("count", "999"),
    ("rate", "10"),
    ("brake", "50"),
    ("state", "open"),
    ("until", "2026-11-25T20:43:07Z"),
];
const SEARCH: &[(&str, &str)] = &[
    ("q", "Ana"),
    ("areaCode", "11"),
    ("state", "SP"),
    ("phone", "+5511987654321"),
    ("email", "ana@example.com"),
    ("sort", "name"),
    ("cursor", "abc"),
];
const CURSOR: &[(&str, &str)] = &[("cursor", "abc")];
const BACK: &[(&str, &str)] = &[("back", "/inbox"), ("ended", "yes")];

/// All of them, those that change something last.
pub const ROUTES: &[Route] = &[
    get("/", READ, &[("x", "y")]),
    get("/overview/figures", READ, &[("x", "y")]),
    get("/inbox", READ, FILTERS),
    get("/dead-letters", READ, FILTERS),
    get("/dead-letters/{letter}", READ, &[("done", "archived")]),
    get("/dead-letters/{letter}/fate", READ, &[]),
    get("/dead-letters/{letter}/edit", EDIT, &[]),
    get("/dead-letters/{letter}/discard", DISCARD, &[]),
    get("/replays", READ, CURSOR),
    get("/replays/new", REPLAY, FILTERS),
    get("/replays/{replay}", READ, CURSOR),
    get("/replays/{replay}/progress", READ, CURSOR),
    get("/replays/{replay}/items", READ, CURSOR),
    get("/replays/{replay}/items.csv", READ, CURSOR),
    get("/contacts", CONTACTS, &[("q", "Ana")]),
    get("/contacts/{contact}", CONTACTS, CURSOR),
    get("/commands", FOLLOW, &[("id", "{command}")]),
    get("/commands/{command}", FOLLOW, &[]),
    get("/commands/{command}/outcome", FOLLOW, &[]),
    get(
        "/audit",
        AUDIT,
        &[
            ("action", "replay"),
            ("principal", "operator:ana"),
            ("deadLetterId", "{letter}"),
            ("replayId", "{replay}"),
            ("since", "2026-11-25T20:43"),
            ("until", "2026-11-25T20:43:07Z"),
            ("cursor", "abc"),
        ],
    ),
    get(
        "/audit/export",
        AUDIT,
        &[
            ("action", "replay"),
            ("principal", "operator:ana"),
            ("since", "2026-11-25T20:43"),
        ],
    ),
    get("/sign-in", Needs::Nothing, BACK),
    get("/sign-in/issuer", Needs::Nothing, BACK),
    get(
        "/sign-in/callback",
        Needs::Nothing,
        &[
            ("code", "a"),
            ("state", "b"),
            ("iss", "c"),
            ("error", "d"),
            ("again", "e"),
        ],
    ),
    get("/sign-out", Needs::Nothing, &[("x", "y")]),
    get("/assets/{letter}/console.css", Needs::Nothing, &[]),
    post(
        "/preferences",
        Needs::Nothing,
        &[("back", "/inbox"), ("language", "en"), ("theme", "dark")],
    ),
    post("/contacts", CONTACTS, SEARCH),
    post("/dead-letters/confirm", REPLAY, ACT_ON_ALL),
    post("/dead-letters/confirm", REPLAY, ACT_ON_SOME),
    post("/dead-letters/acts", REPLAY, ACT_ON_ALL),
    post("/dead-letters/acts", REPLAY, ACT_ON_SOME),
    post("/replays/new", REPLAY, &[("id", "{letter}")]),
    post("/replays", REPLAY, START),
    post("/replays/{replay}/stop", REPLAY, &[]),
    post("/replays/{replay}/resume", REPLAY, &[]),
    post("/dead-letters/{letter}/edit", EDIT, CORRECTION),
    post("/dead-letters/{letter}/edit", EDIT, MESSAGE),
    post("/dead-letters/{letter}/reveal", REVEAL, &[]),
    post("/dead-letters/{letter}/archive", REPLAY, &[]),
    post("/dead-letters/{letter}/restore", REPLAY, &[]),
    post("/dead-letters/{letter}/discard", DISCARD, &[("sure", "yes")]),
    post("/dead-letters/{letter}/replay", REPLAY, &[]),
];

/// What the words in braces stand for.
pub struct There {
    pub letter: String,
    pub command: String,
    pub contact: String,
    pub replay: String,
}

impl There {
    /// A dead letter, what it is of, and a replay that has ended.
    pub async fn of(pair: &Pair, browser: &Browser) -> Self {
        let create = pair.create("Ana Souza");
        send_dead_letter(pair, &create, Reason::StoreRefused).await;
        send_dead_letter(pair, &pair.create("Bia"), Reason::Expired).await;
        let found = async |query: &str| {
            let page = browser.get(&format!("/dead-letters?{query}")).await;
            page.attributes("tbody input", "value").pop()
        };
        let collected = |query| eventually("it is collected", async move || found(query).await);
        let letter = collected("reason=store-refused").await;
        collected("reason=expired").await;
        let plan = browser.get("/replays/new?reason=expired").await;
        let replay = browser.submit(&plan.form("/replays").with("count", "1")).await;
        let replay = replay
            .path
            .strip_prefix("/replays/")
            .unwrap_or_else(|| panic!("{}", replay.html));
        eventually("the replay has sent it", async || {
            let sent = pair.count("FROM dead_letters WHERE state = 'replayed'").await;
            (sent == 1).then_some(())
        })
        .await;
        Self {
            letter,
            command: create.command.id.to_string(),
            contact: create.command.contact_id.to_string(),
            replay: replay.to_owned(),
        }
    }

    pub fn filled(&self, text: &str) -> String {
        text.replace("{letter}", &self.letter)
            .replace("{command}", &self.command)
            .replace("{contact}", &self.contact)
            .replace("{replay}", &self.replay)
    }
}

/// The pair, with somebody who may do everything and a key that may, too.
pub fn guarded(mut pair: Pair, folder: &TempDir) -> (Pair, String) {
    let file = folder.path().join("keys.json");
    let key = new_key(&file, &Scope::ALL);
    pair.settings.auth.mode = AuthMode::Required;
    pair.settings.auth.api_keys = Some(file);
    pair.settings.dlq_function.console.operators = Some(operators(&[&["ana"]]));
    (pair, key)
}

/// The token of the forms of a browser.
pub async fn token(browser: &Browser) -> String {
    let page = browser.get("/nothing").await;
    page.form("/preferences").value("csrf").unwrap().to_owned()
}

impl Route {
    /// Sends it as a browser would, with what would do.
    pub async fn send(
        &self,
        browser: &Browser,
        there: &There,
        token: &str,
        headers: &[(&str, &str)],
    ) -> Page {
        let path = there.filled(self.path);
        match self.verb {
            Verb::Get => browser.once(Method::GET, &path, headers, None).await,
            Verb::Post => {
                let fields = self
                    .fields
                    .iter()
                    .map(|(name, value)| (*name, there.filled(value)));
                let body = form_urlencoded::Serializer::new(String::new())
                    .append_pair("csrf", token)
                    .extend_pairs(fields)
                    .finish();
                browser.once(Method::POST, &path, headers, Some(body)).await
            }
        }
    }

    /// The scopes with which somebody lacks something, each of them all but what is missing.
    fn lacking(&self) -> Vec<Vec<Scope>> {
        let without = |missing: &[Scope]| {
            Scope::ALL
                .into_iter()
                .filter(|scope| !missing.contains(scope))
                .collect()
        };
        match self.needs {
            Needs::Nothing => Vec::new(),
            Needs::All(scopes) => scopes.iter().map(|scope| without(&[*scope])).collect(),
            Needs::OneOf(scopes) => vec![without(scopes)],
        }
    }
}

/// Gives whoever has signed in these scopes alone. An issuer names them: scopes of operators stand in their list.
async fn given(pair: &Pair, scopes: &[Scope]) {
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    pair.sql(&format!(
        "UPDATE console_sessions SET principal = 'token:ana', scopes = '{}'",
        words.join(" ")
    ))
    .await;
}

/// What would be another if something had been done.
async fn done(pair: &Pair) -> [i64; 3] {
    [
        pair.count("FROM audit").await,
        pair.count("FROM replays").await,
        pair.count("FROM dead_letters WHERE state <> 'open'").await,
    ]
}

/// To see it red: leave `with` out of a handler, or ask for another scope.
async fn every_route_asks_for_its_scopes(pair: Pair) {
    let folder = TempDir::new().unwrap();
    let (pair, key) = guarded(pair, &folder);
    let desk = Desk::open(&pair).await;
    let ana = Browser::new(desk.address());
    sign_in(&ana, "/inbox", "ana", PASSWORD).await;
    let there = There::of(&pair, &ana).await;
    let before = done(&pair).await;
    let nobody = Browser::new(desk.address());
    let (of_nobody, of_ana) = (token(&nobody).await, token(&ana).await);
    let with_key = [("x-api-key", key.as_str())];
    let part = [("hx-request", "true")];
    for route in ROUTES {
        let name = format!("{:?} {}", route.verb, route.path);
        if matches!(route.needs, Needs::Nothing) {
            continue;
        }
        for headers in [&[][..], &with_key] {
            let page = route.send(&nobody, &there, &of_nobody, headers).await;
            let place = page.headers["location"].to_str().unwrap();
            assert_eq!(page.status, 303, "{name}: nobody has signed in");
            assert!(place.starts_with("/sign-in?back="), "{name}: {place}");
            assert_eq!(page.headers["cache-control"], "no-store", "{name}");
        }
        let page = route.send(&nobody, &there, &of_nobody, &part).await;
        assert_eq!((page.status, page.html.as_str()), (401, ""), "{name}: a part");
        for scopes in route.lacking() {
            given(&pair, &scopes).await;
            let page = route.send(&ana, &there, &of_ana, &[]).await;
            // The first page leads whoever may not see it to one that they may.
            if route.path == "/" {
                assert_eq!(page.status, 303, "{name}");
                continue;
            }
            assert_eq!(
                (page.status, page.text("h1")),
                (403, "You may not do this".to_owned()),
                "{name} {scopes:?}"
            );
            assert_eq!(page.headers["cache-control"], "no-store", "{name}");
            assert!(!page.html.contains("Souza"), "{name}: {}", page.html);
        }
    }
    assert_eq!(done(&pair).await, before, "nothing was done");
    // With no more than what it asks for each is answered.
    for route in ROUTES {
        let name = format!("{:?} {}", route.verb, route.path);
        let sets: Vec<Vec<Scope>> = match route.needs {
            Needs::Nothing => continue,
            Needs::All(scopes) => vec![scopes.to_vec()],
            Needs::OneOf(scopes) => scopes.iter().map(|scope| vec![*scope]).collect(),
        };
        for scopes in sets {
            given(&pair, &scopes).await;
            let page = route.send(&ana, &there, &of_ana, &[]).await;
            assert!(
                page.status < 500 && ![401, 403].contains(&page.status),
                "{name} {scopes:?}: {} {}",
                page.status,
                page.html
            );
            let place = page.headers.get("location").map(|place| place.to_str().unwrap());
            assert!(
                !place.is_some_and(|place| place.starts_with("/sign-in")),
                "{name}: {place:?}"
            );
        }
    }
    let acts = pair.count("FROM audit").await - before[0];
    let hers = pair.count("FROM audit WHERE principal = 'token:ana'").await;
    assert!(acts > 0 && acts == hers, "the audit says who");
    desk.running.stop().await;
}

/// To see it red: let the step of the form ask for the scopes of a correction alone.
async fn a_correction_reveals_nothing_without_the_scope(pair: Pair) {
    let folder = TempDir::new().unwrap();
    let (pair, _) = guarded(pair, &folder);
    let desk = Desk::open(&pair).await;
    let ana = Browser::new(desk.address());
    sign_in(&ana, "/inbox", "ana", PASSWORD).await;
    let there = There::of(&pair, &ana).await;
    let before = done(&pair).await;
    let token = token(&ana).await;
    let reveal = Route {
        fields: &[("step", "reveal")],
        ..post("/dead-letters/{letter}/edit", EDIT, &[])
    };
    given(
        &pair,
        &[
            Scope::DeadLettersEdit,
            Scope::DeadLettersReplay,
            Scope::DeadLettersRead,
        ],
    )
    .await;
    let page = reveal.send(&ana, &there, &token, &[]).await;
    assert_eq!(page.status, 403);
    assert!(!page.html.contains("Souza"));
    assert_eq!(done(&pair).await, before);
    desk.running.stop().await;
}
