//! `/v1/contacts/import` and `/v1/imports`.

mod files;
mod refusals;
mod resume;

use std::collections::BTreeSet;

use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use crate::app::{Answer, TestApp};

const CSV: &str = "text/csv";
const NDJSON: &str = "application/x-ndjson";
const VCARD: &str = "text/vcard";

/// The request that imports a file.
fn import(app: &TestApp, media: &str, file: impl Into<reqwest::Body>) -> RequestBuilder {
    let request = app.request(Method::POST, "/v1/contacts/import");
    request.header("content-type", media).body(file)
}

/// Imports a file, and applies what came of it.
async fn imported(app: &TestApp, media: &str, file: impl Into<reqwest::Body>) -> Value {
    let answer = app.send(import(app, media, file)).await;
    assert_eq!(answer.status, 202, "{answer:?}");
    app.apply_all().await;
    let path = answer.header("location").to_owned();
    assert_eq!(
        answer.header("operation-location"),
        format!("{}{path}", app.origin)
    );
    resource(app, &path).await
}

async fn resource(app: &TestApp, path: &str) -> Value {
    let answer = app.get(path).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

/// The faults of an import as `line pointer code`.
fn faults(import: &Value) -> Vec<String> {
    let text = |fault: &Value, member: &str| fault[member].as_str().unwrap().to_owned();
    let faults = import["refusals"].as_array().unwrap().iter();
    faults
        .map(|fault| {
            format!(
                "{} {} {}",
                fault["line"],
                text(fault, "pointer"),
                text(fault, "code")
            )
        })
        .collect()
}

/// Name, phone and e-mail address of all contacts, by name.
async fn contacts(app: &TestApp) -> Vec<Value> {
    let answer: Answer = app.get("/v1/contacts?limit=100&sort=name").await;
    let items = answer.json()["items"].as_array().unwrap().clone();
    items
        .into_iter()
        .map(|contact| json!([contact["name"], contact["phone"], contact["email"]]))
        .collect()
}

/// A file of so many rows.
fn rows(numbers: std::ops::Range<u32>) -> String {
    numbers
        .map(|number| format!("Pessoa {number};p{number}@example.com\r\n"))
        .collect()
}

const HEADER: &str = "nome;e-mail\r\n";

fn distinct(envelopes: &[shared::wire::Envelope]) -> BTreeSet<String> {
    let ids = envelopes.iter().map(|envelope| envelope.command.id.to_string());
    ids.collect()
}
