//! The bounds of requests: how many, how large, how slow.

use reqwest::Method;
use shared::{
    http::listener::{MAX_HEADER_BYTES, MAX_URI_BYTES},
    settings::Networks,
};
use test_support::{RawClient, eventually};

use crate::app::{Answer, Pair, TestApp, ana};

fn fields(answer: &Answer) -> [&str; 3] {
    ["ratelimit-policy", "ratelimit", "retry-after"].map(|name| answer.header(name))
}

#[tokio::test]
async fn every_answer_tells_the_quota() {
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.http.rate_limit = 10).await;
    let mut used = 0;
    for (method, path) in [
        (Method::GET, "/v1/contacts"),
        (Method::GET, "/nothing"),
        (Method::DELETE, "/v1/contacts"),
        (Method::GET, "/v1/contacts?limit=0"),
        (Method::GET, "/health"),
    ] {
        used += 1;
        let answer = app.send(app.request(method, path)).await;
        let state = format!("\"default\";r={};t={}", 10 - used, used * 6);
        assert_eq!(fields(&answer), ["\"default\";q=10;w=60", &state, ""], "{path}");
    }
    // Probes are not counted.
    assert_eq!(fields(&app.get("/livez").await), ["", "", ""]);
    let answer = app.get("/v1/contacts").await;
    assert_eq!(answer.header("ratelimit"), "\"default\";r=4;t=36");
    app.stop().await;
}

#[tokio::test]
async fn beyond_the_quota_requests_are_refused_and_probes_are_not() {
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.http.rate_limit = 2).await;
    for _ in 0..2 {
        assert_eq!(app.get("/v1/contacts").await.status, 200);
    }
    let refused = app.send(app.post(&ana())).await;
    assert_eq!(refused.problem(429), "rate-limited");
    let wait = refused.header("retry-after");
    assert!((1..=30).contains(&wait.parse::<u64>().unwrap()), "{refused:?}");
    let state = format!("\"default\";r=0;t={wait}");
    assert_eq!(refused.header("ratelimit"), state);
    assert_eq!(refused.header("cache-control"), "no-store");
    for probe in ["/livez", "/readyz"] {
        assert_eq!(app.get(probe).await.status, 200);
    }
    let series = "http_server_request_duration_seconds_count{http_request_method=\"POST\",http_response_status_code=\"429\",http_route=\"/v1/contacts\"}";
    assert_eq!(app.series(series).await, 1.0);
    app.stop().await;
}

#[tokio::test]
async fn a_refused_body_is_not_read() {
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.http.rate_limit = 1).await;
    assert_eq!(app.get("/v1/contacts").await.status, 200);
    let mut client = RawClient::connect(app.address()).await;
    client
        .send("POST /v1/contacts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
        .await;
    let answer = client.answer().await.expect("an answer");
    assert_eq!(answer.problem(429), "rate-limited");
    assert_eq!(answer.header("connection"), "close");
    assert!(client.answer().await.is_none());
    app.stop().await;
}

#[tokio::test]
async fn clients_behind_a_believed_proxy_have_quotas_of_their_own() {
    let app = TestApp::start_with(Pair::Embedded, |settings| {
        settings.http.rate_limit = 1;
        settings.http.trusted_proxies = Networks(vec!["127.0.0.0/8".parse().unwrap()]);
    })
    .await;
    let from = async |forwarded: &str| {
        let request = app.request(Method::GET, "/v1/contacts");
        let answer = app.send(request.header("x-forwarded-for", forwarded)).await;
        answer.status.as_u16()
    };
    assert_eq!(from("203.0.113.7").await, 200);
    assert_eq!(from("203.0.113.7").await, 429);
    // What the client itself has written in front changes nothing.
    assert_eq!(from("198.51.100.9, 203.0.113.7").await, 429);
    assert_eq!(from("203.0.113.8").await, 200);
    // One customer's network.
    assert_eq!(from("2001:db8::1").await, 200);
    assert_eq!(from("2001:db8::2").await, 429);
    app.stop().await;
}

#[tokio::test]
async fn nobody_else_chooses_whose_quota_is_used() {
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.http.rate_limit = 1).await;
    let from = |address: &str| {
        let request = app.request(Method::GET, "/v1/contacts");
        app.send(request.header("x-forwarded-for", address))
    };
    assert_eq!(from("203.0.113.7").await.status, 200);
    assert_eq!(from("203.0.113.8").await.problem(429), "rate-limited");
    app.stop().await;
}

#[tokio::test]
async fn targets_and_header_sections_have_a_largest_size() {
    let app = TestApp::start(Pair::Embedded).await;
    let path = |bytes: usize| {
        let start = "/v1/nothing/";
        format!("{start}{}", "a".repeat(bytes - start.len()))
    };
    assert_eq!(app.get(&path(MAX_URI_BYTES)).await.problem(404), "not-found");
    assert_eq!(
        app.get(&path(MAX_URI_BYTES + 1)).await.problem(414),
        "uri-too-long"
    );

    let mut client = RawClient::connect(app.address()).await;
    let request = |bytes: usize| {
        let (host, field) = ("host: localhost\r\n", "x: ");
        let value = "v".repeat(bytes - host.len() - field.len() - 2);
        format!("GET /v1/nothing HTTP/1.1\r\n{host}{field}{value}\r\n\r\n")
    };
    client.send(request(MAX_HEADER_BYTES)).await;
    assert_eq!(client.answer().await.unwrap().problem(404), "not-found");
    client.send(request(MAX_HEADER_BYTES + 1)).await;
    assert_eq!(client.answer().await.unwrap().problem(431), "header-too-large");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_requests_in_hand_than_the_bound_are_refused_and_probes_are_not() {
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.http.max_requests = 1).await;
    let accepted = app.send(app.post(&ana())).await;
    let command = accepted.header("location").to_owned();
    let waiting = app.send(app.request(Method::GET, &command).header("prefer", "wait=20"));
    let others = async {
        let refused = eventually("a request is refused", async || {
            let answer = app.get("/v1/nothing").await;
            (answer.status == 503).then_some(answer)
        })
        .await;
        assert_eq!(refused.problem(503), "overloaded");
        assert_eq!(refused.header("retry-after"), "1");
        assert!(refused.header("ratelimit").starts_with("\"default\";"));
        assert_eq!(app.get("/readyz").await.status, 200);
        app.apply(1).await;
    };
    let (waited, ()) = tokio::join!(waiting, others);
    assert_eq!(waited.text_of("/status"), "applied");
    assert_eq!(app.get("/v1/nothing").await.problem(404), "not-found");
    app.stop().await;
}

#[tokio::test]
async fn json_has_a_greatest_depth() {
    let app = TestApp::start(Pair::Embedded).await;
    let body = format!("{{\"name\":{}{}}}", "[".repeat(32), "]".repeat(32));
    let request = app.request(Method::POST, "/v1/contacts").body(body);
    let answer = app.send(request.header("content-type", "application/json")).await;
    assert_eq!(answer.problem(400), "malformed-request");
    assert!(
        answer.text_of("/detail").contains("deeper than 32 levels"),
        "{answer:?}"
    );
    app.stop().await;
}
