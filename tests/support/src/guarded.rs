//! Walks the description of an API and holds that each operation asks for the scopes that it declares, and for no others.

use std::{collections::BTreeSet, path::Path};

use reqwest::{Client, Method, Response};
use serde_json::{Value, json};
use shared::http::access::{Scope, key_file};

/// A key for each scope.
pub struct KeyRing(Vec<(Scope, String)>);

impl KeyRing {
    /// Makes the keys, and their file.
    pub fn make(file: &Path) -> Self {
        let keys = Scope::ALL.map(|scope| (scope, new_key(file, &[scope])));
        Self(keys.to_vec())
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
                assert!(send(None).await.status().is_success(), "{name}");
                continue;
            }
            assert!(!declared.is_empty(), "{name} declares no scope and is not public");
            assert_eq!(challenge(send(None).await, 401, name), "Bearer realm=\"contato\"");
            assert!(operation["responses"]["401"].is_object() && operation["responses"]["403"].is_object());
            for (scope, key) in &keys.0 {
                let answer = send(Some(key)).await;
                let status = answer.status().as_u16();
                if declared.contains(scope.as_str()) {
                    assert!(
                        ![401, 403].contains(&status),
                        "{name} refuses {scope:?}: {status}"
                    );
                } else {
                    let challenge = challenge(answer, 403, &format!("{name} with {scope:?}"));
                    assert!(
                        challenge.contains("error=\"insufficient_scope\", scope=\""),
                        "{challenge}"
                    );
                    assert!(
                        declared.iter().all(|word| challenge.contains(word)),
                        "{challenge}"
                    );
                }
            }
            walked += 1;
        }
    }
    assert!(walked > 0);
}

/// The scopes of which one is enough, in whatever way it is shown.
fn declared(operation: &Value) -> BTreeSet<String> {
    let requirements = operation["security"].as_array().cloned().unwrap_or_default();
    let of_ways = requirements
        .iter()
        .flat_map(|way| way.as_object().unwrap().values());
    let scopes = of_ways.flat_map(|scopes| {
        let [scope] = scopes.as_array().unwrap().as_slice() else {
            panic!("one scope at a time: {operation}");
        };
        Some(scope.as_str().unwrap().to_owned())
    });
    scopes.collect()
}

/// The first challenge of an answer with this status.
fn challenge(answer: Response, status: u16, what: &str) -> String {
    assert_eq!(answer.status(), status, "{what}");
    let challenge = answer.headers().get("www-authenticate");
    let challenge = challenge.unwrap_or_else(|| panic!("{what}: no WWW-Authenticate"));
    challenge.to_str().unwrap().to_owned()
}
