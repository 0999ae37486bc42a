//! deploy/postgres/grants.sql: with it alone dlq-function and consumer-worker do all they have to, and can do nothing to the
//! audit but add to it.

use chrono::{TimeDelta, Utc};
use serde_json::json;
use shared::{
    broker::Queue,
    intent::Intent,
    role::Parts,
    settings::{SecretUrl, Settings},
    store::{
        audit::{Act, AuditFilter, Entry},
        imports::{ImportFormat, NewImport, Progress},
        roles::ServiceRole,
        sessions::{Found, SessionBounds},
    },
    wire::{Envelope, Reason},
};
use test_support::{Pair, eventually};
use uuid::Uuid;

use crate::{
    console::Browser,
    dead_letters::{Desk, path, publish, send_dead_letter, worker},
};

const PASSWORD: &str = "for-this-test-only";
const SERVICES: [&str; 3] = ["producer_api", "consumer_worker", "dlq_function"];

/// Roles of one test.
struct Roles(String);

impl Roles {
    async fn make(pair: &Pair) -> Self {
        let roles = Self(Uuid::now_v7().simple().to_string());
        let set_up = async |lets_in| {
            let role = |service| ServiceRole {
                name: roles.name(service),
                password: PASSWORD.into(),
                lets_in,
            };
            let store = &pair.parts.store;
            store
                .set_up_roles(&SERVICES.map(role), Intent::Change)
                .await
                .unwrap()
        };
        let first = set_up(false).await;
        assert!(first.rights_changed && !first.public_connects, "{first:?}");
        // As the file says, running it again changes nothing.
        let second = set_up(true).await;
        assert!(!second.rights_changed, "{second:?}");
        roles
    }

    fn name(&self, service: &str) -> String {
        format!("{service}_{}", self.0)
    }

    /// The same database, as a service.
    fn url(&self, settings: &Settings, service: &str) -> String {
        let url = settings.store.url.expose();
        let (_, place) = url.rsplit_once('@').unwrap();
        format!("postgres://{}:{PASSWORD}@{place}", self.name(service))
    }

    async fn drop(self, pair: &Pair) {
        for service in SERVICES {
            let name = self.name(service);
            let drop = format!("GRANT {name} TO CURRENT_USER; DROP OWNED BY {name}; DROP ROLE {name}");
            pair.sql(&drop).await;
        }
    }
}

/// The console's pages of what other services write.
async fn pages_are_read(desk: &Desk, eva: &Envelope) {
    let browser = Browser::new(desk.address());
    let overview = browser.get("/").await;
    assert!(!overview.says("no answer"), "{}", overview.html);
    assert_eq!(overview.texts("#figures table .tag"), ["up"; 4]);
    let search = browser.get("/contacts").await.form("/contacts");
    let found = browser.submit(&search.with("q", "eva")).await;
    assert_eq!(found.texts("tbody td:first-child"), ["Eva"]);
    let command = eva.command.id.to_string();
    let contact = browser
        .get(&format!("/contacts/{}", eva.command.contact_id))
        .await;
    assert_eq!(
        contact.texts("[aria-labelledby=history] td:first-child"),
        [command.as_str()]
    );
    let followed = browser.get(&format!("/commands/{command}")).await;
    assert_eq!(followed.text("#outcome .tag"), "applied");
    let audit = browser.get("/audit?action=discard").await;
    assert_eq!(audit.texts("td[data-label='Who']").len(), 3);
}

/// To see it red: take any grant out of the file, or give one to change the audit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn services_do_all_they_have_to_and_nothing_to_the_audit() {
    let mut pair = Pair::servers().await;
    let owner = pair.settings.clone();
    let roles = Roles::make(&pair).await;
    let url = |service| roles.url(&owner, service);
    for days in [31, 400] {
        let entry = Entry::new(Act::Reveal, "key:ana", Utc::now() - TimeDelta::days(days));
        pair.parts.store.note(&entry).await.unwrap();
    }
    let old = pair.create("Eva");
    pair.settings.store.url = SecretUrl::new(url("consumer_worker"));
    pair.parts.store = Parts::connect(&pair.settings, "test").await.unwrap().store;
    let worker = worker(&pair).await;
    pair.publish(old.encode()).await;
    pair.ended(old.command.id).await;
    let (store, long_ago) = (&pair.parts.store, Utc::now() - TimeDelta::days(365));
    store.probe(Utc::now()).await.unwrap();
    assert_eq!(store.forget_commands(long_ago, 10).await.unwrap(), 0);
    assert_eq!(store.forget_imports(long_ago, 10).await.unwrap(), 0);

    pair.settings.store.url = SecretUrl::new(url("dlq_function"));
    pair.parts.store = Parts::connect(&pair.settings, "test").await.unwrap().store;
    pair.sql("UPDATE contacts SET words = NULL").await;
    let desk = Desk::open(&pair).await;
    let creates = ["Ana", "Bia", "Ivo", "Lia"].map(|name| pair.create(name));
    for create in &creates {
        send_dead_letter(&pair, create, Reason::StoreRefused).await;
        desk.listed(&format!("commandId={}", create.command.id), 1).await;
    }
    publish(&pair, Queue::DeadLetters, b"no command".to_vec()).await;
    let letters = desk.listed("", 5).await;
    pair.parts.store.probe_dead_letters(Utc::now()).await.unwrap();
    let (status, detail) = desk.get(&path(&letters[4], "")).await;
    assert_eq!(
        (status, detail["replayWould"].as_str()),
        (200, Some("wouldApply")),
        "{detail}"
    );
    assert_eq!(desk.post(&path(&letters[4], "/replay")).await.0, 202);
    assert_eq!(desk.post(&path(&letters[3], "/discard")).await.0, 200);
    for (act, letter) in [
        ("archive", &letters[2]),
        ("restore", &letters[2]),
        ("archive", &letters[1]),
        ("discard", &letters[1]),
    ] {
        let (status, done) = desk
            .post_json(
                &format!("/v1/dead-letters/{act}"),
                &json!({ "ids": [letter["id"]] }),
            )
            .await;
        assert_eq!((status, &done["done"]), (200, &json!(1)), "{act}: {done}");
    }
    desk.listed("state=resolved", 1).await;
    assert_eq!(desk.get("/v1/dead-letter-groups").await.0, 200);
    pages_are_read(&desk, &old).await;
    let (status, audit) = desk.get("/v1/audit?action=discard").await;
    assert_eq!((status, audit["items"].as_array().unwrap().len()), (200, 3));
    eventually(
        "the sweep has removed what is past its retention, and mended words",
        async || {
            let page = pair
                .parts
                .store
                .audit_page(
                    &AuditFilter {
                        act: Some(Act::Reveal),
                        ..AuditFilter::default()
                    },
                    None,
                    10,
                )
                .await;
            let wordless = pair
                .count("FROM contacts WHERE words IS NULL AND life = 'born'")
                .await;
            (page.unwrap().len() == 1 && wordless == 0).then_some(())
        },
    )
    .await;
    let store = &pair.parts.store;
    let later = Utc::now() + TimeDelta::days(365);
    assert_eq!(store.empty_old_dead_letters(later, 10).await.unwrap(), 3);
    assert_eq!(store.forget_dead_letters(later, 10).await.unwrap(), 3);
    assert_eq!(store.forget_replays(later, 10).await.unwrap(), 0);
    store
        .rekey_dead_letters(&pair.payload_keys(), None, 10)
        .await
        .unwrap();
    let bounds = SessionBounds {
        idle: TimeDelta::minutes(30),
        longest: TimeDelta::hours(10),
    };
    store
        .open_session(&[7; 32], "operator:ana", "audit.read", Utc::now())
        .await
        .unwrap();
    store.touch_session(&[7; 32], Utc::now()).await.unwrap();
    let found = store.session(&[7; 32], &bounds, Utc::now()).await.unwrap();
    assert!(matches!(found, Found::Session(_)), "{found:?}");
    assert_eq!(store.forget_sessions(&bounds, later, 10).await.unwrap(), 1);
    store.close_session(&[7; 32]).await.unwrap();
    assert_eq!(desk.post(&path(&letters[2], "/reveal")).await.0, 200);
    let correction = json!({ "name": "Ivo Lima" });
    let (status, corrected) = desk
        .post_json(&path(&letters[2], "/edit-and-replay"), &correction)
        .await;
    assert_eq!(status, 202, "{corrected}");
    let undecodable = json!({ "reason": "undecodable" });
    let (status, replay) = desk.post_json("/v1/replays", &undecodable).await;
    assert_eq!(status, 202, "{replay}");
    let replay = format!("/v1/replays/{}", replay["id"].as_str().unwrap());
    eventually("the replay has ended", async || {
        let (_, replay) = desk.get(&replay).await;
        (replay["state"] == "finished" && replay["counts"]["deadAgain"] == 1).then_some(())
    })
    .await;

    for statement in [
        "UPDATE audit SET principal = 'key:eva'",
        "DELETE FROM audit WHERE at < now() - interval '30 days'",
        "TRUNCATE audit",
        "ALTER TABLE audit DISABLE TRIGGER ALL",
        "DELETE FROM contacts",
        "UPDATE contacts SET name = 'Eva'",
        "DELETE FROM commands",
    ] {
        let refusal = pair.refused(statement).await;
        assert!(
            refusal.contains("permission denied") || refusal.contains("must be owner"),
            "{statement}: {refusal}"
        );
    }
    desk.running.stop().await;
    worker.stop().await;

    pair.settings.store.url = SecretUrl::new(url("producer_api"));
    let parts = Parts::connect(&pair.settings, "test").await.unwrap();
    let contact = parts.store.contact(old.command.contact_id).await.unwrap();
    assert!(contact.is_some() && parts.store.command(old.command.id).await.unwrap().is_some());
    let import = NewImport {
        id: pair.ids.issue_import(1, 1),
        session: Uuid::now_v7(),
        principal: String::new(),
        format: ImportFormat::Csv,
        columns: [].into(),
        ignored_columns: 0,
        start: Progress::start([0; 32]),
    };
    parts.store.open_import(&import, Utc::now()).await.unwrap();
    assert!(parts.store.import(import.id).await.unwrap().is_some());

    for service in ["producer_api", "consumer_worker"] {
        pair.settings.store.url = SecretUrl::new(url(service));
        for statement in [
            "INSERT INTO audit SELECT * FROM audit",
            "SELECT forget_audit(now(), 10)",
            "DELETE FROM dead_letters",
            "SELECT principal FROM console_sessions",
        ] {
            let refusal = pair.refused(statement).await;
            assert!(
                refusal.contains("permission denied"),
                "{service}, {statement}: {refusal}"
            );
        }
    }
    roles.drop(&pair).await;
}
