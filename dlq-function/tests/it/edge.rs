//! What surrounds every request; producer-api's tests of it are more, the code is the same.

use reqwest::Method;
use shared::settings::Origins;
use test_support::{Pair, RawClient, Series};

const PAGE: &str = "https://console.example";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dlq_function_has_what_surrounds_every_request() {
    let mut pair = Pair::embedded().await;
    pair.settings.http.rate_limit = 2;
    pair.settings.http.cors_origins = Origins(vec![PAGE.to_owned()]);
    let service = dlq_function::build(&pair.settings, pair.parts.clone())
        .await
        .unwrap();
    let address = service.address().to_string();
    let running = pair.run(|stop| service.run(stop));
    let client = reqwest::Client::new();
    let send = async |method: Method| {
        let request = client.request(method, format!("http://{address}/v1/dead-letters"));
        let request = request
            .header("origin", PAGE)
            .header("access-control-request-method", "POST");
        request.send().await.unwrap()
    };
    let expected = [
        (Method::OPTIONS, 200, "\"default\";r=1;t=30"),
        (Method::GET, 200, "\"default\";r=0;t=60"),
        (Method::GET, 429, "\"default\";r=0;t=30"),
    ];
    for (method, status, quota) in expected {
        let answer = send(method).await;
        assert_eq!(answer.status(), status);
        assert_eq!(answer.headers()["ratelimit"], quota);
        assert_eq!(answer.headers()["access-control-allow-origin"], PAGE);
        assert!(answer.headers().contains_key("x-request-id"));
    }
    let mut raw = RawClient::connect(&address).await;
    raw.send("what?\r\n\r\n").await;
    assert_eq!(raw.answer().await.unwrap().problem(400), "malformed-request");
    running.stop().await;
}

/// To see it red: let `HttpMetrics::observe` count everything under its own labels.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_number_of_series_is_bounded_whatever_is_asked_for() {
    const FRESH_MAX: usize = 220;
    const SERIES_MAX: usize = 300;
    let pair = Pair::embedded().await;
    let service = dlq_function::build(&pair.settings, pair.parts.clone())
        .await
        .unwrap();
    let origin = format!("http://{}", service.address());
    let metrics = format!("http://{}/metrics", service.management_address());
    let parts = pair.parts.clone();
    let running = pair.run(|stop| service.run(stop));
    let client = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let scrape = async || client.get(&metrics).send().await.unwrap().text().await.unwrap();
    let fresh = Series::parse(&scrape().await).count();
    assert!(fresh < FRESH_MAX, "{fresh}");

    let id = uuid::Uuid::nil();
    let paths = [
        "/v1/dead-letters".to_owned(),
        "/v1/dead-letter-groups".to_owned(),
        "/v1/dead-letters/archive".to_owned(),
        "/v1/dead-letters/restore".to_owned(),
        "/v1/dead-letters/discard".to_owned(),
        format!("/v1/dead-letters/{id}"),
        format!("/v1/dead-letters/{id}/replay"),
        format!("/v1/dead-letters/{id}/discard"),
        format!("/v1/dead-letters/{id}/edit-and-replay"),
        format!("/v1/dead-letters/{id}/reveal"),
        "/v1/audit".to_owned(),
        "/v1/replays".to_owned(),
        format!("/v1/replays/{id}"),
        format!("/v1/replays/{id}/items"),
        format!("/v1/replays/{id}/stop"),
        format!("/v1/replays/{id}/resume"),
        "/".to_owned(),
        "/inbox".to_owned(),
        "/dead-letters".to_owned(),
        format!("/dead-letters/{id}"),
        "/replays".to_owned(),
        "/contacts".to_owned(),
        "/commands".to_owned(),
        "/audit".to_owned(),
        "/health".to_owned(),
        "/somewhere/else".to_owned(),
    ];
    let ask_everything = async || {
        for path in &paths {
            for method in ["GET", "POST", "PUT", "DELETE", "BREW"] {
                let method = Method::from_bytes(method.as_bytes()).unwrap();
                let asked = || client.request(method.clone(), format!("{origin}{path}"));
                asked().send().await.unwrap();
                asked()
                    .header("content-type", "application/json")
                    .body("{}")
                    .send()
                    .await
                    .unwrap();
                asked().header("host", "contacts.example").send().await.unwrap();
            }
        }
    };
    ask_everything().await;
    // Without SQL and without the broker.
    parts.broker.close().await;
    parts.store.clone().close().await;
    ask_everything().await;
    let after = scrape().await;
    let count = Series::parse(&after).count();
    assert!(count <= SERIES_MAX, "{count} in\n{after}");
    let failed = "http_server_request_duration_seconds_count{http_request_method=\"GET\",http_response_status_code=\"503\",http_route=\"/v1/dead-letters\"}";
    assert!(after.contains(failed), "{after}");
    running.stop().await;
}
