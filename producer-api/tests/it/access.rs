//! Who may do what, over HTTP.

use std::path::PathBuf;

use reqwest::{Method, RequestBuilder};
use serde_json::json;
use shared::{
    http::access::{Scope, key_file},
    settings::{Audience, AuthMode, Origins, Secret, SecretUrl, Settings},
};
use tempfile::TempDir;
use test_support::{AUDIENCE, Issuer, KeyRing, RawClient, eventually, every_operation_is_guarded, new_key};

use crate::app::{Pair, TestApp, ana};

const GATEWAY_KEY: &str = "0123456789abcdef0123456789abcdef";

/// A file of keys.
struct KeyFile {
    path: PathBuf,
    _folder: TempDir,
}

impl KeyFile {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        Self {
            path: folder.path().join("keys.json"),
            _folder: folder,
        }
    }

    fn key(&self, scopes: &[Scope]) -> String {
        new_key(&self.path, scopes)
    }

    async fn app(&self, pair: Pair, change: impl FnOnce(&mut Settings)) -> TestApp {
        TestApp::start_with(pair, |settings| {
            settings.auth.mode = AuthMode::Required;
            settings.auth.api_keys = Some(self.path.clone());
            change(settings);
        })
        .await
    }
}

fn with(key: &str, request: RequestBuilder) -> RequestBuilder {
    request.header("x-api-key", key)
}

/// To see it red: take the first line out of a handler, or `scopes` out of its description.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_operation_asks_for_the_scope_that_it_declares() {
    let file = KeyFile::new();
    let keys = KeyRing::make(&file.path);
    let app = file.app(Pair::Embedded, |_| {}).await;
    every_operation_is_guarded(&app.origin, &keys, &["get-health"]).await;
    app.stop().await;
}

#[tokio::test]
async fn without_credentials_there_is_nothing_but_what_is_public() {
    let file = KeyFile::new();
    let key = file.key(&[Scope::ContactsRead]);
    let app = file.app(Pair::Embedded, |_| {}).await;
    for (method, path, status) in [
        (Method::GET, "/", 401),
        (Method::GET, "/nowhere", 401),
        (Method::GET, "/v1//contacts", 401),
        (Method::GET, "/%76%31/contacts", 401),
        (Method::GET, "/docs/../v1/contacts", 401),
        (Method::OPTIONS, "/v1/contacts", 401),
        (Method::TRACE, "/v1/contacts", 401),
        (Method::GET, "/livez", 200),
        (Method::HEAD, "/readyz", 200),
        (Method::GET, "/health", 200),
        (Method::GET, "/docs", 200),
        (Method::GET, "/docs/start.js", 200),
        (Method::GET, "/docs/nothing", 404),
        (Method::POST, "/docs", 405),
    ] {
        let answer = app.send(app.request(method.clone(), path)).await;
        assert_eq!(answer.status, status, "{method} {path}");
        if status == 401 {
            let challenges: Vec<_> = answer.headers.get_all("www-authenticate").iter().collect();
            assert_eq!(
                challenges,
                ["Bearer realm=\"contato\"", "ApiKey realm=\"contato\""]
            );
        }
    }
    for path in ["/docs/%2e%2e/v1/contacts", "/docs/..%2fv1%2fcontacts"] {
        let mut client = RawClient::connect(app.address()).await;
        client
            .send(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"))
            .await;
        assert_eq!(client.answer().await.unwrap().problem(404), "not-found", "{path}");
    }
    let nowhere = app.send(with(&key, app.request(Method::GET, "/nowhere"))).await;
    assert_eq!(nowhere.problem(404), "not-found");
    let wrong = app
        .send(with(&key[..50], app.request(Method::GET, "/v1/contacts")))
        .await;
    assert_eq!(wrong.problem(401), "unauthenticated");
    assert_eq!(
        wrong.header("www-authenticate"),
        "Bearer realm=\"contato\", error=\"invalid_token\""
    );
    let twice = with(&key, with(&key, app.request(Method::GET, "/v1/contacts")));
    assert_eq!(app.send(twice).await.problem(400), "malformed-request");
    app.stop().await;
}

#[tokio::test]
async fn who_may_not_write_is_refused_before_the_body_is_read() {
    let file = KeyFile::new();
    let key = file.key(&[Scope::ContactsRead]);
    let app = file.app(Pair::Embedded, |_| {}).await;
    for (fields, status, code) in [
        (format!("X-Api-Key: {key}\r\n"), 403, "forbidden"),
        (String::new(), 401, "unauthenticated"),
    ] {
        let mut client = RawClient::connect(app.address()).await;
        let head = format!(
            "POST /v1/contacts HTTP/1.1\r\nHost: x\r\n{fields}Content-Type: application/json\r\nContent-Length: 60000\r\n\r\n{{"
        );
        client.send(head).await;
        assert_eq!(client.answer().await.unwrap().problem(status), code);
    }
    app.stop().await;
}

#[tokio::test]
async fn pages_of_other_origins_are_told_why_they_are_refused_and_preflights_are_not() {
    let page = "https://app.example";
    let file = KeyFile::new();
    file.key(&[Scope::ContactsRead]);
    let change = |settings: &mut Settings| settings.http.cors_origins = Origins(vec![page.to_owned()]);
    let app = file.app(Pair::Embedded, change).await;
    let ask = |method| app.request(method, "/v1/contacts").header("origin", page);
    let preflight = ask(Method::OPTIONS)
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "authorization,x-api-key");
    assert_eq!(app.send(preflight).await.status, 200);
    let refused = app.send(ask(Method::GET)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
    assert_eq!(refused.header("access-control-allow-origin"), page);
    assert!(
        refused
            .header("access-control-expose-headers")
            .to_lowercase()
            .contains("www-authenticate")
    );
    app.stop().await;
}

/// To see it red: count by address only.
#[tokio::test]
async fn the_quota_is_of_whoever_calls_and_of_the_address_where_nobody_is_known() {
    let file = KeyFile::new();
    let [one, two] = [0, 1].map(|_| file.key(&[Scope::ContactsRead]));
    let app = file
        .app(Pair::Embedded, |settings| settings.http.rate_limit = 2)
        .await;
    let list = || app.request(Method::GET, "/v1/contacts");
    for _ in 0..2 {
        assert_eq!(app.send(with(&one, list())).await.status, 200);
    }
    assert_eq!(app.send(with(&one, list())).await.problem(429), "rate-limited");
    let other = app.send(with(&two, list())).await;
    assert_eq!(
        (other.status.as_u16(), other.header("ratelimit")),
        (200, "\"default\";r=1;t=30")
    );
    // Guesses use up the address's.
    let guess = |number: u32| with(&format!("contato_0000000{number}_guess"), list());
    assert_eq!(app.send(guess(1)).await.problem(401), "unauthenticated");
    assert_eq!(app.send(list()).await.problem(401), "unauthenticated");
    assert_eq!(app.send(guess(2)).await.problem(429), "rate-limited");
    assert_eq!(app.send(with(&two, list())).await.status, 200);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_embedded_storage_the_principal_counts() {
    the_principal_counts(Pair::Embedded).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_servers_the_principal_counts() {
    the_principal_counts(Pair::Services).await;
}

async fn the_principal_counts(pair: Pair) {
    let file = KeyFile::new();
    let both = [Scope::ContactsWrite, Scope::ContactsRead];
    let (one, two, writer) = (file.key(&both), file.key(&both), file.key(&both[..1]));
    let app = file.app(pair, |_| {}).await;
    keys_of_idempotency_are_the_principals_own(&app, &one, &two).await;
    who_may_only_write_is_told_nothing_of_contacts(&app, &writer).await;
    app.stop().await;
}

/// To see it red: leave the principal out of the key hash.
async fn keys_of_idempotency_are_the_principals_own(app: &TestApp, one: &str, two: &str) {
    let id_of = |key: &str| key.split('_').nth(1).unwrap().to_owned();
    let create = |key: &str| with(key, app.post(&ana()).header("idempotency-key", "order-1"));
    let mut contacts = Vec::new();
    for key in [one, one, two] {
        let answer = app.send(create(key)).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let envelope = app.take().await;
        assert_eq!(envelope.principal, format!("key:{}", id_of(key)));
        assert!(envelope.key_hash.is_some());
        contacts.push((answer.text_of("/contactId"), answer.text_of("/id")));
    }
    assert_eq!(contacts[0], contacts[1]);
    assert_ne!(contacts[0].0, contacts[2].0);
    assert_ne!(contacts[0].1, contacts[2].1);
}

/// To see it red: answer writes without asking for `contacts.read`.
async fn who_may_only_write_is_told_nothing_of_contacts(app: &TestApp, writer: &str) {
    let wait = async |request| app.write_and_wait(with(writer, request)).await;
    let created = wait(app.post(&ana())).await;
    assert_eq!(
        (created.status.as_u16(), created.text.as_str()),
        (201, ""),
        "{created:?}"
    );
    assert_eq!(created.header("preference-applied"), "wait=20");
    let id = created.header("location").rsplit('/').next().unwrap().to_owned();
    let patched = wait(app.patch(&id, &json!({ "name": "Eva" }))).await;
    assert_eq!(
        (patched.status.as_u16(), patched.text.as_str()),
        (204, ""),
        "{patched:?}"
    );
    let wished = app.put(&id, &ana()).header("prefer", "return=representation");
    let replaced = wait(wished).await;
    assert_eq!(
        (replaced.status.as_u16(), replaced.text.as_str()),
        (204, ""),
        "{replaced:?}"
    );
    assert_eq!(replaced.header("preference-applied"), "wait=20");
    let read = app.request(Method::GET, &format!("/v1/contacts/{id}"));
    assert_eq!(app.send(with(writer, read)).await.problem(403), "forbidden");
    let commands = app.request(Method::GET, &format!("/v1/commands?contactId={id}"));
    let commands = app.send(with(writer, commands)).await;
    assert_eq!(commands.status, 200);
    assert!(!commands.text.contains("Ana") && !commands.text.contains("Eva"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_that_are_made_and_revoked_while_it_runs_are_noticed() {
    let file = KeyFile::new();
    file.key(&[Scope::ContactsRead]);
    let app = file.app(Pair::Embedded, |_| {}).await;
    let key = file.key(&[Scope::ContactsRead]);
    let status = async || {
        let answer = app
            .send(with(&key, app.request(Method::GET, "/v1/contacts")))
            .await;
        answer.status.as_u16()
    };
    eventually("the key is known", async || (status().await == 200).then_some(())).await;
    key_file::change(&file.path, |document| {
        document.keys[1].revoked_at = Some(app.parts.clock.now());
        Ok(())
    })
    .unwrap();
    eventually("the key is refused", async || {
        (status().await == 401).then_some(())
    })
    .await;
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_of_an_issuer_and_what_a_gateway_says_are_taken() {
    let issuer = Issuer::start();
    let app = TestApp::start_with(Pair::Embedded, |settings| {
        settings.auth.mode = AuthMode::Required;
        settings.auth.issuer = Some(issuer.url());
        settings.auth.audience = Audience(vec![AUDIENCE.to_owned()]);
        settings.producer_api.gateway_key = Some(Secret::new(GATEWAY_KEY));
    })
    .await;
    let list = || app.request(Method::GET, "/v1/contacts");
    let by_gateway = || list().header("x-contato-gateway-key", GATEWAY_KEY);
    let token = issuer.token(json!({}));
    assert_eq!(app.send(by_gateway().bearer_auth(&token)).await.status, 200);
    let refused = app.send(list().bearer_auth(&token)).await;
    assert_eq!(refused.problem(401), "unauthenticated");
    assert_eq!(
        refused.text_of("/detail"),
        "Requests are taken from the gateway only."
    );
    let named = by_gateway()
        .header("x-contato-principal", "ana")
        .header("x-contato-scopes", "contacts.read");
    assert_eq!(app.send(named).await.status, 200);
    assert_eq!(app.send(by_gateway()).await.problem(401), "unauthenticated");
    let expired = issuer.token(json!({ "exp": 1 }));
    let expired = app.send(by_gateway().bearer_auth(&expired)).await;
    assert_eq!(expired.text_of("/detail"), "The credentials have expired.");
    let other = issuer.token(json!({ "scp": "contacts.write" }));
    let other = app.send(by_gateway().bearer_auth(&other)).await;
    assert_eq!(other.problem(403), "forbidden");
    assert_eq!(
        other.header("www-authenticate"),
        "Bearer realm=\"contato\", error=\"insufficient_scope\", scope=\"contacts.read\""
    );
    let elsewhere = app
        .client
        .get(format!("{}/metrics", app.management))
        .send()
        .await
        .unwrap();
    assert_eq!(elsewhere.status(), 200);
    app.stop().await;
}

#[tokio::test]
async fn a_listener_beyond_this_machine_needs_credentials() {
    let mut settings = Settings::default();
    settings.producer_api.listen = "0.0.0.0:0".parse().unwrap();
    let folder = TempDir::new().unwrap();
    let within =
        |start: &str, name: &str| SecretUrl::new(format!("{start}{}", folder.path().join(name).display()));
    settings.broker.url = within("embedded:", "queue.db");
    settings.store.url = within("sqlite://", "contato.db");
    let parts = shared::role::Parts::connect(&settings, "test").await.unwrap();
    let error = producer_api::build(&settings, parts)
        .await
        .expect_err("it must not start");
    assert!(error.to_string().contains("auth.noneBeyondLoopback"), "{error}");
}
