//! Pages of other origins.

use std::time::Duration;

use reqwest::{Method, RequestBuilder};
use shared::settings::Origins;

use crate::app::{Answer, Pair, TestApp, ana};

const PAGE: &str = "https://app.example";
const STRANGER: &str = "https://evil.example";

async fn start(requests_a_minute: u32) -> TestApp {
    TestApp::start_with(Pair::Embedded, |settings| {
        settings.http.cors_origins = Origins(vec![PAGE.to_owned(), "http://localhost:3000".to_owned()]);
        settings.http.rate_limit = requests_a_minute;
        settings.store.timeout = shared::settings::Span(Duration::from_secs(1));
    })
    .await
}

fn preflight(app: &TestApp, origin: &str, method: &str, fields: &str) -> RequestBuilder {
    app.request(Method::OPTIONS, "/v1/contacts")
        .header("origin", origin)
        .header("access-control-request-method", method)
        .header("access-control-request-headers", fields)
}

/// What a browser needs to let the page read the answer.
#[track_caller]
fn assert_readable(answer: &Answer, origin: &str) {
    assert_eq!(answer.header("access-control-allow-origin"), origin, "{answer:?}");
    let exposed = answer.header("access-control-expose-headers").to_lowercase();
    for name in [
        "location",
        "operation-location",
        "etag",
        "link",
        "retry-after",
        "ratelimit",
        "x-request-id",
    ] {
        assert!(
            exposed.split(", ").any(|exposed| exposed == name),
            "{name}: {exposed}"
        );
    }
    assert!(varies_by(answer, "origin"), "{answer:?}");
    assert_eq!(answer.header("access-control-allow-credentials"), "");
}

fn varies_by(answer: &Answer, field: &str) -> bool {
    assert!(answer.headers.get_all("vary").iter().count() <= 1, "{answer:?}");
    let vary = answer.header("vary").to_lowercase();
    vary.split(',').any(|name| name.trim() == field)
}

#[tokio::test]
async fn without_origins_there_is_no_cors() {
    let app = TestApp::start(Pair::Embedded).await;
    let answers = [
        app.send(app.post(&ana()).header("origin", PAGE)).await,
        app.send(preflight(&app, PAGE, "POST", "content-type")).await,
    ];
    assert_eq!(answers[0].status, 202);
    assert_eq!(answers[1].problem(405), "method-not-allowed");
    for answer in &answers {
        let cors = |name: &str| name.starts_with("access-control-");
        assert!(
            !answer.headers.keys().any(|name| cors(name.as_str())),
            "{answer:?}"
        );
        assert!(!varies_by(answer, "origin"));
    }
    app.stop().await;
}

#[tokio::test]
async fn pages_of_listed_origins_may_ask() {
    let app = start(60_000).await;
    for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"] {
        let fields = "content-type,idempotency-key,if-match,prefer,x-request-id,traceparent,authorization";
        let answer = app.send(preflight(&app, PAGE, method, fields)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert_eq!(answer.header("access-control-allow-origin"), PAGE);
        assert_eq!(answer.header("access-control-max-age"), "7200");
        assert!(answer.header("access-control-allow-methods").contains(method));
        assert!(
            answer
                .header("access-control-allow-headers")
                .contains("idempotency-key")
        );
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert!(varies_by(&answer, "origin"));
        // It passed what every answer passes.
        assert!(answer.header("ratelimit").starts_with("\"default\";"));
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert!(!answer.header("x-request-id").is_empty());
    }
    app.stop().await;
}

#[tokio::test]
async fn what_may_not_be_asked_is_refused_with_a_problem() {
    let app = start(60_000).await;
    for (origin, method, fields) in [
        (STRANGER, "POST", "content-type"),
        ("null", "POST", "content-type"),
        ("https://app.example:8443", "POST", "content-type"),
        (PAGE, "TRACE", "content-type"),
        (PAGE, "POST", "x-evil"),
    ] {
        let answer = app.send(preflight(&app, origin, method, fields)).await;
        assert_eq!(answer.problem(403), "forbidden", "{origin} {method} {fields}");
        assert_eq!(answer.header("access-control-allow-origin"), "");
    }
    // No preflight: OPTIONS is a method that the resource does not have.
    let options = app
        .request(Method::OPTIONS, "/v1/contacts")
        .header("origin", PAGE);
    assert_eq!(app.send(options).await.problem(405), "method-not-allowed");
    app.stop().await;
}

#[tokio::test]
async fn every_answer_can_be_read_by_pages_of_listed_origins_only() {
    let app = start(60_000).await;
    let from = |request: RequestBuilder, origin: &str| app.send(request.header("origin", origin));
    let created = from(app.post(&ana()), PAGE).await;
    assert_eq!(created.status, 202);
    assert_readable(&created, PAGE);
    assert!(varies_by(&created, "prefer"));
    assert_readable(
        &from(app.request(Method::GET, "/v1/contacts"), "http://localhost:3000").await,
        "http://localhost:3000",
    );
    for (request, status) in [
        (app.request(Method::GET, "/nothing"), 404),
        (app.request(Method::TRACE, "/v1/contacts"), 405),
        (app.post(&serde_json::json!({})), 422),
        (app.request(Method::GET, &format!("/{}", "a".repeat(9000))), 414),
    ] {
        let answer = from(request, PAGE).await;
        assert_eq!(answer.status, status);
        answer.problem(status);
        assert_readable(&answer, PAGE);
    }
    let stranger = from(app.post(&ana()), STRANGER).await;
    assert_eq!(stranger.status, 202);
    assert_eq!(stranger.header("access-control-allow-origin"), "");
    assert!(varies_by(&stranger, "origin"));
    app.stop().await;
}

#[tokio::test]
async fn a_refusal_for_the_quota_can_be_read_too() {
    let app = start(1).await;
    let request = || app.request(Method::GET, "/v1/contacts").header("origin", PAGE);
    assert_eq!(app.send(request()).await.status, 200);
    let refused = app.send(request()).await;
    assert_eq!(refused.problem(429), "rate-limited");
    assert_readable(&refused, PAGE);
    app.stop().await;
}
