//! Walks the description of an API and holds that each operation asks for the scopes that it declares, and for no others.

use std::{collections::BTreeSet, path::Path};

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use shared::http::access::{Scope, key_file};

use crate::eventually;

/// A key for each scope, and one for each pair of them.
pub struct KeyRing(Vec<(Vec<Scope>, String)>);

impl KeyRing {
    /// Makes the keys, and their file.
    pub fn make(file: &Path) -> Self {
        let singles = Scope::ALL.map(|scope| vec![scope]);
        let pairs = Scope::ALL.iter().enumerate().flat_map(|(place, one)| {
            let others = Scope::ALL[place + 1..].iter();
            others.map(|other| vec![*one, *other])
        });
        let keys = singles.into_iter().chain(pairs).map(|scopes| {
            let key = new_key(file, &scopes);
            (scopes, key)
        });
        Self(keys.collect())
    }
}

/// Makes a key in a file.
pub fn new_key(file: &Path, scopes: &[Scope]) -> String {
    let now = shared::clock::Clock::system().now();
    let (_, key) =
        key_file::change(file, |document| Ok(document.add(None, scopes, now, None))).expect("a key");
    key
}

/// Holds every operation of the document that is served at an origin against its scopes; those that are named here are public.
///
/// # Panics
/// For an operation that is not guarded as it says, or that says nothing.
pub async fn every_operation_is_guarded(origin: &str, keys: &KeyRing, public: &[&str]) {
    let client = Client::new();
    let document = client.get(format!("{origin}/openapi.json")).send().await.unwrap();
    let document: Value = document.json().await.unwrap();
    let mut walked = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            let path = path.replace("{id}", "00d10104-8755-828e-b9e5-681a15e9c6e0");
            assert!(
                !path.contains('{'),
                "{path} has parameters that nothing is put in for"
            );
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let send = async |key: Option<&str>| {
                let request = client.request(method.clone(), format!("{origin}{path}"));
                let request = match key {
                    Some(key) => request.header("x-api-key", key),
                    None => request,
                };
                request.send().await.unwrap()
            };
            let declared = declared(operation);
            if public.contains(&name) {
                assert_eq!(operation["security"], json!([]), "{name}");
                // Health is told once there is some.
                eventually(name, async || {
                    send(None).await.status().is_success().then_some(())
                })
                .await;
                continue;
            }
            assert!(!declared.is_empty(), "{name} declares no scope and is not public");
            assert_eq!(challenge(send(None).await, 401, name), "Bearer realm=\"contato\"");
            assert!(operation["responses"]["401"].is_object() && operation["responses"]["403"].is_object());
            // A pair says nothing more of an operation that needs one scope only, and takes as long.
            let telling = keys
                .0
                .iter()
                .filter(|(scopes, _)| scopes.len() <= needed(&declared));
            for (scopes, key) in telling {
                let answer = send(Some(key)).await;
                let status = answer.status().as_u16();
                let has = |word: &String| scopes.iter().any(|scope| scope.as_str() == word);
                if declared.iter().any(|all| all.iter().all(has)) {
                    assert!(
                        ![401, 403].contains(&status),
                        "{name} refuses {scopes:?}: {status}"
                    );
                } else {
                    let challenge = challenge(answer, 403, &format!("{name} with {scopes:?}"));
                    assert!(
                        challenge.contains("error=\"insufficient_scope\", scope=\""),
                        "{challenge}"
                    );
                    assert!(
                        declared.iter().flatten().all(|word| challenge.contains(word)),
                        "{challenge}"
                    );
                }
            }
            walked += 1;
        }
    }
    assert!(walked > 0);
}

/// The sets of scopes of which one is enough, in whatever way it is shown.
fn declared(operation: &Value) -> BTreeSet<BTreeSet<String>> {
    let requirements = operation["security"].as_array().cloned().unwrap_or_default();
    let of_ways = requirements
        .iter()
        .flat_map(|way| way.as_object().unwrap().values());
    let word = |scope: &Value| scope.as_str().unwrap().to_owned();
    of_ways
        .map(|scopes| scopes.as_array().unwrap().iter().map(word).collect())
        .collect()
}

/// How many scopes a caller needs at once.
fn needed(declared: &BTreeSet<BTreeSet<String>>) -> usize {
    let most = declared.iter().map(BTreeSet::len).max().unwrap_or_default();
    assert!((1..=2).contains(&most), "{declared:?}: no key has so many");
    most
}

/// The first challenge of an answer with this status.
fn challenge(answer: Response, status: u16, what: &str) -> String {
    assert_eq!(answer.status(), status, "{what}");
    let challenge = answer.headers().get("www-authenticate");
    let challenge = challenge.unwrap_or_else(|| panic!("{what}: no WWW-Authenticate"));
    challenge.to_str().unwrap().to_owned()
}
