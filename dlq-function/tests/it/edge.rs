//! What surrounds every request; producer-api's tests of it are more, the code is the same.

use reqwest::Method;
use shared::settings::Origins;
use test_support::{Pair, RawClient};

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
