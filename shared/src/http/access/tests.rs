//! Credentials against everything that they may be held against.

use std::path::PathBuf;

use actix_web::http::header::HeaderValue;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{AUDIENCE, Issuer, SigningKey, unix_now, unsigned};

use super::*;
use crate::{
    http::problem::{Code, Problem},
    settings::{Algorithms, Audience, JwksPlace},
};

const HERE: &str = "127.0.0.1:0";
const GATEWAY_KEY: &str = "0123456789abcdef0123456789abcdef";
const OTHER_GATEWAY_KEY: &str = "fedcba9876543210fedcba9876543210";

fn required() -> Auth {
    Auth {
        mode: AuthMode::Required,
        ..Auth::default()
    }
}

fn of_issuer(issuer: &Issuer) -> Auth {
    Auth {
        issuer: Some(issuer.url()),
        audience: Audience(vec!["another".to_owned(), AUDIENCE.to_owned()]),
        ..required()
    }
}

fn access(auth: &Auth, gateway: Option<&str>) -> Access {
    let gateway = gateway.map(Secret::new);
    Access::at_start(auth, gateway.as_ref(), HERE.parse().unwrap()).unwrap()
}

/// A file of keys, and two keys in it: of a reader, and of one that was revoked.
struct KeyFile {
    path: PathBuf,
    reader: String,
    revoked: String,
    _folder: TempDir,
}

fn key_file() -> KeyFile {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("keys.json");
    let (reader, revoked) = key_file::change(&path, |document| {
        let now = chrono::Utc::now();
        let (_, reader) = document.add(None, &[Scope::ContactsRead], now, None);
        let (_, revoked) = document.add(None, &Scope::ALL, now, None);
        document.keys[1].revoked_at = Some(now);
        Ok((reader, revoked))
    })
    .unwrap();
    KeyFile {
        path,
        reader,
        revoked,
        _folder: folder,
    }
}

async fn caller(access: &Access, fields: &[(&'static str, &str)]) -> Result<Caller, Problem> {
    let mut headers = HeaderMap::new();
    for (name, value) in fields {
        headers.append(
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    let identity = access.identify("/v1/contacts", &headers).await.unwrap();
    match identity.refused() {
        Some(problem) => Err(problem),
        None => Ok(identity.caller().unwrap().clone()),
    }
}

async fn of_token(access: &Access, token: &str) -> Result<Caller, Problem> {
    caller(access, &[("authorization", &format!("Bearer {token}"))]).await
}

#[track_caller]
fn refused(outcome: Result<Caller, Problem>, code: Code, what: &str) -> String {
    let problem = outcome.map(|_| panic!("{what} was let in")).unwrap_err();
    assert_eq!(problem.code(), code, "{what}");
    let document = json!(problem.document("urn:x".to_owned(), None));
    document["detail"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_good_token_says_who_calls_and_what_they_may() {
    let issuer = Issuer::start();
    let access = access(&of_issuer(&issuer), None);
    for (changes, principal) in [
        (json!({}), "token:ana"),
        (json!({ "aud": ["x", AUDIENCE] }), "token:ana"),
        (json!({ "exp": unix_now() - 20 }), "token:ana"),
        (json!({ "nbf": unix_now() + 20 }), "token:ana"),
        (
            json!({ "scp": null, "scope": "openid contacts.read contacts.write" }),
            "token:ana",
        ),
        (json!({ "scp": ["contacts.read", "contacts.write"] }), "token:ana"),
        (
            json!({ "scp": "contacts.read", "roles": ["contacts.write", "Later"] }),
            "token:ana",
        ),
        (json!({ "sub": "a".repeat(250) }), ""),
    ] {
        let ana = of_token(&access, &issuer.token(changes.clone())).await.unwrap();
        let expected = [Scope::ContactsRead, Scope::ContactsWrite];
        for scope in Scope::ALL {
            assert_eq!(ana.may(scope), expected.contains(&scope), "{changes}");
        }
        match principal {
            "" => assert!(ana.principal().starts_with("token:sha256:") && ana.principal().len() == 77),
            _ => assert_eq!(ana.principal(), principal),
        }
    }
    let lower = format!("bearer {}", issuer.token(json!({})));
    assert!(caller(&access, &[("authorization", &lower)]).await.is_ok());
    issuer.rotate(SigningKey::rsa("rsa"));
    assert!(of_token(&access, &issuer.token(json!({}))).await.is_ok());
}

/// To see one red: leave out the check that its name tells.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tokens_that_do_not_hold_are_refused_and_only_expiry_is_told() {
    let issuer = Issuer::start();
    let rsa = SigningKey::rsa("rsa");
    let public = rsa.public();
    let jwk = rsa.jwk();
    issuer.rotate(rsa);
    let mut auth = of_issuer(&issuer);
    auth.algorithms = Algorithms(vec![Algorithm::RS256, Algorithm::ES256]);
    let access = access(&auth, None);
    assert!(of_token(&access, &issuer.token(json!({}))).await.is_ok());

    let key = issuer.key();
    let with_header = |changes: Value| {
        let mut header = key.header();
        for (name, value) in changes.as_object().unwrap() {
            header[name] = value.clone();
        }
        key.sign(&header, &issuer.claims(json!({})))
    };
    let claims = issuer.claims(json!({}));
    let mut hs256 = Header::new(Algorithm::HS256);
    hs256.kid = Some("rsa".to_owned());
    let with_public_key = encode(&hs256, &claims, &EncodingKey::from_secret(&public)).unwrap();
    let others = SigningKey::rsa("rsa");
    let good = issuer.token(json!({}));
    let (message, signature) = good.rsplit_once('.').unwrap();
    let swapped = issuer.claims(json!({ "sub": "eva" }));
    let other_claims = unsigned(&key.header(), &swapped);
    let cases = [
        ("no token", String::new()),
        ("no parts", "abc".to_owned()),
        ("no signature", format!("{message}.")),
        ("other claims", format!("{other_claims}.{signature}")),
        (
            "alg none",
            format!("{}.", unsigned(&json!({ "alg": "none", "kid": "rsa" }), &claims)),
        ),
        ("alg None with a signature", with_header(json!({ "alg": "None" }))),
        ("HS256 with the public key as its secret", with_public_key),
        (
            "an algorithm that is not pinned",
            with_header(json!({ "alg": "RS384" })),
        ),
        (
            "an algorithm that the key is not for",
            with_header(json!({ "alg": "ES256" })),
        ),
        (
            "another's key under the same name",
            others.sign(&others.header(), &claims),
        ),
        ("an unknown key", with_header(json!({ "kid": "unknown" }))),
        ("its own key along", {
            let header = json!({ "alg": "RS256", "jwk": others.jwk(), "kid": "its-own" });
            others.sign(&header, &claims)
        }),
        ("where its key is", {
            let header = json!({ "alg": "RS256", "jku": "https://evil.example/keys", "kid": "its-own" });
            others.sign(&header, &claims)
        }),
        ("something to understand", with_header(json!({ "crit": ["exp"] }))),
        ("another audience", issuer.token(json!({ "aud": "another-api" }))),
        ("no audience", issuer.token(json!({ "aud": null }))),
        (
            "another issuer",
            issuer.token(json!({ "iss": format!("{}/", issuer.url()) })),
        ),
        ("no issuer", issuer.token(json!({ "iss": null }))),
        ("two issuers", issuer.token(json!({ "iss": [issuer.url(), "x"] }))),
        ("no end", issuer.token(json!({ "exp": null }))),
        ("an end in words", issuer.token(json!({ "exp": "tomorrow" }))),
        (
            "a beginning to come",
            issuer.token(json!({ "nbf": unix_now() + 120 })),
        ),
        ("no subject", issuer.token(json!({ "sub": null }))),
        ("an empty subject", issuer.token(json!({ "sub": "" }))),
        ("an ID token", issuer.token(json!({ "scp": null, "nonce": "n" }))),
        ("scopes that are no words", issuer.token(json!({ "scp": 7 }))),
        (
            "longer than a header section",
            issuer.token(json!({ "x": "x".repeat(16 * 1024) })),
        ),
    ];
    for (what, token) in &cases {
        let detail = refused(of_token(&access, token).await, Code::Unauthenticated, what);
        assert_eq!(detail, "The credentials are not valid here.", "{what}");
    }
    let expired = issuer.token(json!({ "exp": unix_now() - 120 }));
    let detail = refused(
        of_token(&access, &expired).await,
        Code::Unauthenticated,
        "expired",
    );
    assert_eq!(detail, "The credentials have expired.");
    // An unknown key makes the keys be fetched once, whatever else comes.
    assert!(issuer.fetches() <= 2, "{}", issuer.fetches());

    // The same keys out of a file.
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("jwks.json");
    std::fs::write(&path, json!({ "keys": [jwk] }).to_string()).unwrap();
    auth.jwks = Some(JwksPlace::File(path));
    let access = self::access(&auth, None);
    assert!(of_token(&access, &good).await.is_ok());
    for (what, token) in &cases {
        refused(of_token(&access, token).await, Code::Unauthenticated, what);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_keys_of_the_issuer_nobody_is_blamed() {
    let issuer = Issuer::start();
    issuer.down(true);
    let access = access(&of_issuer(&issuer), None);
    let outcome = of_token(&access, &issuer.token(json!({}))).await;
    refused(outcome, Code::KeysUnavailable, "a token");
    let outcome = of_token(&access, "abc").await;
    refused(outcome, Code::Unauthenticated, "what is no token");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_are_sent_once() {
    let issuer = Issuer::start();
    let file = key_file();
    let mut auth = of_issuer(&issuer);
    auth.api_keys = Some(file.path.clone());
    let access = access(&auth, None);
    let token = format!("Bearer {}", issuer.token(json!({})));
    let (token, key) = (
        ("authorization", token.as_str()),
        ("x-api-key", file.reader.as_str()),
    );
    assert!(caller(&access, &[token]).await.is_ok());
    let reader = caller(&access, &[key]).await.unwrap();
    assert!(reader.principal().starts_with("key:") && reader.may(Scope::ContactsRead));
    for both in [[token, key], [token, token], [key, key]] {
        refused(caller(&access, &both).await, Code::MalformedRequest, "twice");
    }
    for (name, value) in [
        ("x-api-key", file.revoked.as_str()),
        ("x-api-key", ""),
        ("x-api-key", "contato_00000000_x"),
        ("authorization", "Basic YTpi"),
        ("authorization", "Bearer"),
        ("authorization", file.reader.as_str()),
    ] {
        let outcome = caller(&access, &[(name, value)]).await;
        refused(outcome, Code::Unauthenticated, value);
    }
    let detail = refused(caller(&access, &[]).await, Code::Unauthenticated, "nothing");
    assert!(detail.contains("X-Api-Key"), "{detail}");
    // What only a gateway may say is not read.
    let gateway = [
        ("x-contato-principal", "ana"),
        ("x-contato-scopes", "contacts.read"),
    ];
    refused(
        caller(&access, &gateway).await,
        Code::Unauthenticated,
        "no gateway",
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_gateway_says_is_believed_if_it_shows_its_key() {
    let file = key_file();
    let auth = Auth {
        api_keys: Some(file.path.clone()),
        ..required()
    };
    let access = access(&auth, Some(&format!("{GATEWAY_KEY}, {OTHER_GATEWAY_KEY}")));
    let shown = ("x-contato-gateway-key", GATEWAY_KEY);
    let ana = ("x-contato-principal", "ana@example.com");
    let scopes = ("x-contato-scopes", "contacts.read other");
    let key = ("x-api-key", file.reader.as_str());
    for shown in [shown, ("x-contato-gateway-key", OTHER_GATEWAY_KEY)] {
        let named = caller(&access, &[shown, ana, scopes]).await.unwrap();
        assert_eq!(named.principal(), "gateway:ana@example.com");
        assert!(named.may(Scope::ContactsRead) && !named.may(Scope::ContactsWrite));
    }
    // Credentials go before what the gateway says.
    let reader = caller(&access, &[shown, key, ana]).await.unwrap();
    assert!(reader.principal().starts_with("key:"));
    let bad = caller(&access, &[shown, ("x-api-key", "x"), ana, scopes]).await;
    refused(bad, Code::Unauthenticated, "a bad key");
    let granted_nothing = caller(&access, &[shown, ana]).await.unwrap();
    assert!(Scope::ALL.iter().all(|scope| !granted_nothing.may(*scope)));

    let refusal = "Requests are taken from the gateway only.";
    for past in [
        &[key][..],
        &[ana, scopes],
        &[("x-contato-gateway-key", "wrong"), key],
        &[("x-contato-gateway-key", &GATEWAY_KEY[1..]), key],
        &[shown, shown, key],
    ] {
        let detail = refused(
            caller(&access, past).await,
            Code::Unauthenticated,
            "past the gateway",
        );
        assert_eq!(detail, refusal);
    }
    refused(caller(&access, &[shown]).await, Code::Unauthenticated, "nobody");
    let long = "a".repeat(gateway::MAX_PRINCIPAL_CHARS + 1);
    for odd in [
        &[shown, ana, ana][..],
        &[shown, ("x-contato-principal", "a b")],
        &[shown, ("x-contato-principal", &long)],
    ] {
        refused(
            caller(&access, odd).await,
            Code::MalformedRequest,
            "an odd principal",
        );
    }
}

#[tokio::test]
async fn only_public_paths_are_answered_without_credentials() {
    let file = key_file();
    let auth = Auth {
        api_keys: Some(file.path.clone()),
        ..required()
    };
    let access = access(&auth, None);
    for (path, public) in [
        ("/livez", true),
        ("/readyz", true),
        ("/health", true),
        ("/openapi.json", true),
        ("/docs", true),
        ("/docs/start.js", true),
        ("/", false),
        ("/docsx", false),
        ("/livez/", false),
        ("//livez", false),
        ("/metrics", false),
        ("/v1/contacts", false),
        ("/%64ocs", false),
    ] {
        let identity = access.identify(path, &HeaderMap::new()).await;
        assert_eq!(identity.is_none(), public, "{path}");
    }
}

#[tokio::test]
async fn settings_that_are_not_safe_do_not_start() {
    let issuer = Some("https://issuer.example".to_owned());
    let audience = Audience(vec!["api".to_owned()]);
    let secret = Secret::new(GATEWAY_KEY);
    let nowhere = Some(PathBuf::from("/nowhere/keys.json"));
    let none = Auth::default();
    let beyond = Auth {
        none_beyond_loopback: true,
        ..Auth::default()
    };
    let cases: [(Auth, Option<&Secret>, &str, &str); 10] = [
        (none.clone(), None, "0.0.0.0:1", "auth.noneBeyondLoopback=true"),
        (none.clone(), None, "[2001:db8::1]:1", "auth.mode=required"),
        (
            none.clone(),
            Some(&secret),
            HERE,
            "producerApi.gatewayKey needs auth.mode=required",
        ),
        (
            required(),
            None,
            HERE,
            "auth.apiKeys for keys (contato key create)",
        ),
        (
            Auth {
                issuer: issuer.clone(),
                ..required()
            },
            None,
            HERE,
            "auth.issuer needs auth.audience",
        ),
        (
            Auth {
                jwks: Some(JwksPlace::Url("https://issuer.example/keys".to_owned())),
                audience: audience.clone(),
                ..required()
            },
            None,
            HERE,
            "auth.jwks needs auth.issuer",
        ),
        (
            Auth {
                issuer: issuer.clone(),
                jwks: Some(JwksPlace::File("/nowhere/jwks.json".into())),
                audience: audience.clone(),
                ..required()
            },
            None,
            HERE,
            "auth.jwks cannot be used",
        ),
        (
            Auth {
                api_keys: nowhere,
                ..required()
            },
            None,
            HERE,
            "auth.apiKeys cannot be used",
        ),
        // These start.
        (none, None, "[::1]:1", ""),
        (beyond, None, "0.0.0.0:1", ""),
    ];
    for (auth, gateway, listen, expected) in cases {
        let started = Access::at_start(&auth, gateway, listen.parse().unwrap());
        match started {
            Ok(_) => assert_eq!(expected, "", "{auth:?}"),
            Err(error) => {
                let error = format!("{error:#}");
                assert!(!expected.is_empty() && error.contains(expected), "{error}");
            }
        }
    }
    let gateway_alone = Access::at_start(&required(), Some(&secret), HERE.parse().unwrap());
    assert!(gateway_alone.is_ok());
}

#[tokio::test]
async fn nothing_is_asked_where_nobody_has_to_say_who_they_are() {
    let access = access(&Auth::default(), None);
    for fields in [&[][..], &[("authorization", "Bearer x"), ("x-api-key", "x")]] {
        let anybody = caller(&access, fields).await.unwrap();
        assert_eq!(anybody.principal(), "");
        assert!(Scope::ALL.iter().all(|scope| anybody.may(*scope)));
    }
}
