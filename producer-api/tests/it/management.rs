//! The management listener, and the health routes on the public one.

use crate::app::{Pair, TestApp, ana};

on_both_pairs![health_is_told_on_both_listeners];

async fn health_is_told_on_both_listeners(app: &TestApp) {
    for origin in [&app.origin, &app.management] {
        for path in ["/livez", "/readyz", "/health"] {
            let get = || app.client.get(format!("{origin}{path}")).send();
            let answer = test_support::eventually("ready", || async {
                get().await.ok().filter(|answer| answer.status() == 200)
            });
            answer.await;
        }
    }
    let health = app.get("/health").await.json();
    assert_eq!(health["status"], "up");
    assert_eq!(health["parts"][0]["name"], "broker");
    assert_eq!(health["parts"][1]["name"], "store");
}

#[tokio::test]
async fn series_exist_from_the_start_and_have_patterns_for_labels() {
    let app = TestApp::start(Pair::Embedded).await;
    let text = async || {
        let url = format!("{}/metrics", app.management);
        app.client.get(url).send().await.unwrap().text().await.unwrap()
    };
    let before = text().await;
    for series in [
        "contato_commands_accepted_total{operation=\"delete\"} 0",
        "contato_publish_total{outcome=\"timeout\"} 0",
        "contato_commands_refused_total{operation=\"update\",reason=\"not_found\"} 0",
        "http_server_request_duration_seconds_count{http_request_method=\"PUT\",http_response_status_code=\"202\",http_route=\"/v1/contacts/{id}\"} 0",
        "contato_wait_queries_total{outcome=\"failed\"} 0",
        "process_cpu_seconds_total",
    ] {
        assert!(before.contains(series), "{series} is not in\n{before}");
    }
    let series = before.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series <= 300, "{series}");

    app.send(app.post(&ana())).await;
    app.get("/v1/contacts/x").await;
    app.get("/somewhere/else").await;
    let odd = reqwest::Method::from_bytes(b"BREW").unwrap();
    app.send(app.request(odd, "/v1/contacts")).await;
    let after = text().await;
    let count = |method: &str, status: &str, route: &str| {
        format!(
            "http_server_request_duration_seconds_count{{http_request_method=\"{method}\",http_response_status_code=\"{status}\",http_route=\"{route}\"}} 1"
        )
    };
    for series in [
        "contato_commands_accepted_total{operation=\"create\"} 1".to_owned(),
        "contato_publish_total{outcome=\"confirmed\"} 1".to_owned(),
        "contato_publish_duration_seconds_count 1".to_owned(),
        "contato_broker_connected 1".to_owned(),
        "http_server_active_requests 0".to_owned(),
        count("POST", "202", "/v1/contacts"),
        count("GET", "404", "/v1/contacts/{id}"),
        count("GET", "404", "unmatched"),
        count("_OTHER", "405", "/v1/contacts"),
    ] {
        assert!(after.contains(&series), "{series} is not in\n{after}");
    }
    app.stop().await;
}

#[tokio::test]
async fn while_it_drains_it_is_not_ready() {
    let app = TestApp::start(Pair::Embedded).await;
    let ready = || async {
        let url = format!("{}/readyz", app.management);
        app.client
            .get(url)
            .send()
            .await
            .map_or(0, |answer| answer.status().as_u16())
    };
    test_support::eventually("ready", || async { (ready().await == 200).then_some(()) }).await;
    // A request in hand keeps the service draining: its body has not ended.
    app.stopping();
    test_support::eventually("not ready", || async { (ready().await != 200).then_some(()) }).await;
    app.stop().await;
}
