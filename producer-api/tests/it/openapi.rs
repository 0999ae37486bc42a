//! The description of the API: what is committed, what is served, and whether the service does as it says.

use std::{collections::BTreeMap, path::Path};

use reqwest::Method;
use serde_json::Value;
use shared::http::{contact, openapi::flattened, problem::Code};

use crate::app::{Answer, Pair, TestApp, ana};

on_both_pairs![examples_are_answered_as_described];

fn document() -> Value {
    producer_api::openapi::api().document()
}

/// Method, path and operation.
fn operations(document: &Value) -> Vec<(Method, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.iter().flat_map(|(path, item)| {
        item.as_object().unwrap().iter().map(move |(method, operation)| {
            let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            (method, path.clone(), operation.clone())
        })
    });
    operations.collect()
}

#[test]
fn what_is_committed_is_what_the_code_says() {
    let document = document();
    for (file, expected, command) in [
        ("openapi.json", document.clone(), "cargo run -q -- openapi"),
        (
            "openapi.apim.json",
            flattened(&document),
            "cargo run -q -- openapi --api-management",
        ),
    ] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
        let committed = std::fs::read_to_string(path).unwrap();
        assert!(
            committed == format!("{expected:#}\n"),
            "producer-api/{file} is out of date: {command} > producer-api/{file}"
        );
    }
}

/// What is described is what is read, in a query and in a body alike.
#[test]
fn the_filters_are_those_that_are_known() {
    let mut known = contact::MEMBERS.map(str::to_owned).to_vec();
    known.sort();
    let document = document();
    let parameters = document["paths"]["/v1/contacts"]["get"]["parameters"]
        .as_array()
        .unwrap();
    let mut parameters: Vec<_> = parameters
        .iter()
        .map(|parameter| parameter["name"].as_str().unwrap().to_owned())
        .collect();
    parameters.sort();
    assert_eq!(parameters, known);
    let body = &document["components"]["schemas"]["ContactSearch"]["properties"];
    let members: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members, known);
}

/// Azure API Management takes the id of an operation for its name.
#[test]
fn operations_have_stable_names() {
    const NAMES: [&str; 15] = [
        "change-contact",
        "create-contact",
        "delete-contact",
        "export-contacts",
        "get-command",
        "get-contact",
        "get-health",
        "get-import",
        "import-contacts",
        "list-commands",
        "list-contacts",
        "list-duplicates",
        "list-import-refusals",
        "replace-contact",
        "search-contacts",
    ];
    let document = document();
    let mut names: Vec<_> = operations(&document)
        .into_iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    assert_eq!(names, NAMES);
}

/// A route without a description, or a description without a route, shows in `Allow`.
#[tokio::test]
async fn every_route_is_described() {
    let app = TestApp::start(Pair::Embedded).await;
    let mut described: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (method, path, _) in operations(&document()) {
        described.entry(path).or_default().push(method.to_string());
    }
    for (path, methods) in described {
        let answer = app.send(app.request(Method::TRACE, &path)).await;
        assert_eq!(answer.problem(405), "method-not-allowed", "{path}");
        let mut allowed: Vec<_> = answer.header("allow").split(", ").collect();
        allowed.retain(|method| *method != "HEAD");
        allowed.sort_unstable();
        let mut methods: Vec<_> = methods.iter().map(String::as_str).collect();
        methods.sort_unstable();
        assert_eq!(allowed, methods, "{path}");
    }
    app.stop().await;
}

/// Sends each operation with its examples: body, parameters, and an id that is there.
async fn examples_are_answered_as_described(app: &TestApp) {
    let document = document();
    for (method, path, operation) in operations(&document) {
        let created = app.write(app.post(&ana())).await;
        let (command, contact) = (created.text_of("/id"), created.text_of("/contactId"));
        let id = if path.contains("commands") {
            command
        } else if path.contains("imports") {
            imported(app).await
        } else {
            contact.clone()
        };
        let (mut query, mut headers, mut waits) = (Vec::new(), Vec::new(), false);
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let (name, example) = (parameter["name"].as_str().unwrap(), &parameter["example"]);
            let text = example.as_str().map_or(example.to_string(), str::to_owned);
            match parameter["in"].as_str().unwrap() {
                _ if example.is_null() => {}
                "query" if name == "contactId" => query.push(format!("{name}={contact}")),
                "query" => query.push(format!("{name}={text}")),
                // One key for all would make each but the first another request under a used key.
                "header" if name == "Idempotency-Key" => headers.push((name, format!("{text}-{method}"))),
                "header" => {
                    waits |= name == "Prefer" && method != Method::GET;
                    headers.push((name, text));
                }
                _ => {}
            }
        }
        let path = format!("{}?{}", path.replace("{id}", &id), query.join("&"));
        let mut request = app.request(method.clone(), path.trim_end_matches('?'));
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some((media_type, content)) = operation
            .pointer("/requestBody/content")
            .and_then(Value::as_object)
            .and_then(|content| content.iter().next())
        {
            let example = &content["example"];
            let body = example.as_str().map_or(example.to_string(), str::to_owned);
            request = request.header("content-type", media_type).body(body);
        }
        let answer = if waits {
            tokio::join!(app.send(request), app.apply(1)).0
        } else {
            app.send(request).await
        };
        let what = format!("{method} {path}: {answer:?}");
        assert!(answer.status.is_success(), "{what}");
        if path.trim_end_matches('?').ends_with("/import") {
            app.apply(1).await;
        }
        let described = &operation["responses"][answer.status.as_str()];
        assert!(described.is_object(), "{what}");
        as_described(&document, &answer, described, &what);
    }
}

/// An import of nothing.
async fn imported(app: &TestApp) -> String {
    let import = app.request(Method::POST, "/v1/contacts/import");
    let answer = app
        .send(import.header("content-type", "application/x-ndjson"))
        .await;
    answer.text_of("/id")
}

/// The media type is one of those described; the headers that must be there are.
fn as_described(document: &Value, answer: &Answer, described: &Value, what: &str) {
    let media_type = answer.header("content-type");
    match described["content"].as_object() {
        Some(content) => assert!(content.contains_key(media_type), "{what}"),
        None => assert_eq!((media_type, answer.text.as_str()), ("", ""), "{what}"),
    }
    let headers = described["headers"].as_object().unwrap();
    assert!(headers.contains_key("RateLimit"), "{what}");
    for (name, header) in headers {
        let reference = header["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        let header = reference.map_or(header, |reference| document.pointer(reference).unwrap());
        let must_be = header["required"] == true;
        assert!(!must_be || !answer.header(name).is_empty(), "{name} of {what}");
    }
}

#[tokio::test]
async fn the_document_and_its_page_are_served() {
    let app = TestApp::start(Pair::Embedded).await;
    let served = app.get("/openapi.json").await;
    assert_eq!(served.header("content-type"), "application/json");
    assert_eq!(served.json(), document());

    let page = app.get("/docs").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    for code in Code::ALL {
        let anchor = format!("id=\"{}\"", code.declaration().word);
        assert_eq!(page.text.matches(&anchor).count(), 1, "{anchor}");
    }
    let mut assets = 0;
    for attribute in ["src=\"", "href=\""] {
        for rest in page.text.split(attribute).skip(1) {
            let target = rest.split('"').next().unwrap();
            assert!(target.starts_with(['/', '#']), "{target}");
            if target.starts_with("/docs/") {
                assert_eq!(app.get(target).await.status, 200, "{target}");
                assets += 1;
            }
        }
    }
    assert_eq!(assets, 5);
    assert_eq!(app.get("/docs/index.html").await.problem(404), "not-found");
    app.stop().await;
}
