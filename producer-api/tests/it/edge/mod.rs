//! What surrounds every request: problems for everything, names of requests, headers.

mod cors;
mod framework;
mod limits;
mod proxies;

use reqwest::Method;

use crate::app::{Pair, TestApp};

#[tokio::test]
async fn paths_and_methods_that_are_not_there_are_problems() {
    let app = TestApp::start(Pair::Embedded).await;
    for path in [
        "/",
        "/v1",
        "/v1/contacts/",
        "/v1/contact",
        "/v1/contacts/a/b",
        "/metrics",
        "/v2/contacts",
        "/%zz",
    ] {
        assert_eq!(app.get(path).await.problem(404), "not-found", "{path}");
    }
    for (method, path, allowed) in [
        ("DELETE", "/v1/contacts", "GET, HEAD, POST"),
        ("GET", "/v1/contacts/search", "POST"),
        ("POST", "/v1/contacts/x", "GET, HEAD, PUT, PATCH, DELETE"),
        ("POST", "/v1/commands", "GET, HEAD"),
        ("DELETE", "/v1/commands/x", "GET, HEAD"),
        ("POST", "/livez", "GET, HEAD"),
        ("BREW", "/v1/contacts", "GET, HEAD, POST"),
        ("OPTIONS", "/v1/contacts", "GET, HEAD, POST"),
    ] {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let answer = app.send(app.request(method, path)).await;
        assert_eq!(answer.problem(405), "method-not-allowed", "{path}");
        assert_eq!(answer.header("allow"), allowed, "{path}");
    }
    let head = app.send(app.request(Method::HEAD, "/v1/nothing")).await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (404, ""));
    app.stop().await;
}

#[tokio::test]
async fn requests_have_names() {
    let app = TestApp::start(Pair::Embedded).await;
    let named = |id: &str| app.request(Method::GET, "/v1/nothing").header("x-request-id", id);
    let answer = app.send(named("Order_7.a-b")).await;
    assert_eq!(answer.header("x-request-id"), "Order_7.a-b");
    assert_eq!(answer.text_of("/instance"), "urn:contato:request:Order_7.a-b");
    assert!(answer.json().get("traceId").is_none());
    for unusable in ["a b", "a/b", &"a".repeat(65)] {
        let answer = app.send(named(unusable)).await;
        let made = answer.header("x-request-id");
        assert!(uuid::Uuid::parse_str(made).is_ok(), "{made}");
    }
    let traced = named("x").header(
        "traceparent",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    );
    assert_eq!(
        app.send(traced).await.text_of("/traceId"),
        "4bf92f3577b34da6a3ce929d0e0e4736"
    );
    app.stop().await;
}

#[tokio::test]
async fn every_answer_has_the_headers_that_protect() {
    let app = TestApp::start(Pair::Embedded).await;
    let id = app.contact("Ana", "(11) 98765-4321").await;
    for path in [
        format!("/v1/contacts/{id}"),
        "/v1/contacts".to_owned(),
        "/nothing".to_owned(),
        "/livez".to_owned(),
    ] {
        let answer = app.get(&path).await;
        assert_eq!(answer.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(answer.header("cache-control"), "no-store", "{path}");
        assert_eq!(answer.header("server"), "", "{path}");
    }
    app.stop().await;
}
