//! The management listener, and the health routes on the public one.

use std::sync::Arc;

use shared::broker::{Broker, PublishError};
use test_support::Series;

use crate::app::{Contrary, Pair, TestApp, ana};

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
        "messaging_client_operation_duration_seconds_count{error_type=\"\",messaging_destination_name=\"contato\",messaging_operation_name=\"publish\"} 1".to_owned(),
        "messaging_client_sent_messages_total{messaging_destination_name=\"contato\"} 1".to_owned(),
        "contato_broker_connected 1".to_owned(),
        "contato_broker_blocked 0".to_owned(),
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

/// What reaches no handler was refused all the same. To see it red: tell of no problem in `edge::surround`.
#[tokio::test]
async fn writes_that_are_refused_before_their_handler_are_counted() {
    let refused = async |app: &TestApp, operation: &str, reason: &str| {
        let labels = format!("{{operation=\"{operation}\",reason=\"{reason}\"}}");
        app.series(&format!("contato_commands_refused_total{labels}"))
            .await
    };
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.http.rate_limit = 1).await;
    app.send(app.post(&ana())).await;
    assert_eq!(app.send(app.post(&ana())).await.status, 429);
    assert_eq!(app.send(app.delete("x")).await.status, 429);
    assert_eq!(app.get("/v1/contacts").await.status, 429);
    assert_eq!(refused(&app, "create", "rate_limit").await, 1.0);
    assert_eq!(refused(&app, "delete", "rate_limit").await, 1.0);
    app.stop().await;

    let app = TestApp::start(Pair::Embedded).await;
    let elsewhere = app.post(&ana()).header("host", "contacts.example");
    assert_eq!(app.send(elsewhere).await.status, 403);
    assert_eq!(refused(&app, "create", "auth").await, 1.0);
    app.stop().await;
}

/// Whatever clients send and whatever fails, there are at most so many series. To see it red: let `HttpMetrics::observe` count
/// everything under its own labels.
#[tokio::test]
async fn the_number_of_series_is_bounded() {
    const FRESH_MAX: usize = 220;
    const SERIES_MAX: usize = 300;
    let contrary = std::sync::OnceLock::new();
    let around = |broker| {
        let broker = Arc::new(Contrary::around(broker));
        contrary.set(broker.clone()).unwrap();
        broker as Arc<dyn Broker>
    };
    let app = TestApp::start_around(Pair::Embedded, |_| {}, around).await;
    let text = async || {
        let url = format!("{}/metrics", app.management);
        app.client.get(url).send().await.unwrap().text().await.unwrap()
    };
    let fresh = Series::parse(&text().await).count();
    assert!(fresh < FRESH_MAX, "{fresh}");

    let id = app.contact("Ana", "+5511987654321").await;
    let command = app.send(app.post(&ana())).await.text_of("/id");
    let paths = [
        "/v1/contacts".to_owned(),
        format!("/v1/contacts/{id}"),
        "/v1/contacts/x".to_owned(),
        "/v1/contacts/search".to_owned(),
        "/v1/contacts/export".to_owned(),
        "/v1/contacts/duplicates".to_owned(),
        "/v1/contacts/import".to_owned(),
        "/v1/commands".to_owned(),
        "/v1/commands/x".to_owned(),
        format!("/v1/commands/{command}"),
        "/v1/imports/x".to_owned(),
        "/v1/imports/x/refusals".to_owned(),
        "/health".to_owned(),
        "/livez".to_owned(),
        "/docs".to_owned(),
        "/openapi.json".to_owned(),
        "/somewhere/else".to_owned(),
    ];
    let ask_everything = async || {
        for path in &paths {
            for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
                let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
                let asked = || app.request(method.clone(), path);
                app.send(asked()).await;
                let unknown = format!("{path}?nothing=1");
                app.send(app.request(method.clone(), &unknown)).await;
                app.send(asked().json(&ana())).await;
                app.send(
                    asked()
                        .header("content-type", "application/merge-patch+json")
                        .body("{}"),
                )
                .await;
                app.send(asked().header("content-type", "text/plain").body("x"))
                    .await;
                app.send(
                    asked()
                        .header("accept", "image/png")
                        .header("host", "contacts.example"),
                )
                .await;
            }
        }
    };
    ask_everything().await;
    for error in [
        PublishError::Unavailable,
        PublishError::Blocked,
        PublishError::Refused,
        PublishError::Unroutable,
        PublishError::Unconfirmed,
    ] {
        contrary.get().unwrap().says(Some(error));
        app.send(app.post(&ana())).await;
        app.send(app.put(&id, &ana())).await;
        app.send(app.patch(&id, &ana())).await;
        app.send(app.delete(&id)).await;
    }
    // Reads fail, and whatever else needs SQL.
    app.parts.store.clone().close().await;
    ask_everything().await;
    let after = text().await;
    let count = Series::parse(&after).count();
    assert!(count <= SERIES_MAX, "{count} in\n{after}");
    // What objectives are set for is told apart to the end.
    for (method, status, route) in [
        ("GET", "503", "/v1/contacts"),
        ("GET", "503", "/v1/contacts/{id}"),
        ("DELETE", "503", "/v1/contacts/{id}"),
        ("POST", "503", "/v1/contacts"),
        ("GET", "503", "/v1/commands/{id}"),
    ] {
        let labels = format!(
            "{{http_request_method=\"{method}\",http_response_status_code=\"{status}\",http_route=\"{route}\"}}"
        );
        let counted = app
            .series(&format!("http_server_request_duration_seconds_count{labels}"))
            .await;
        assert!(counted >= 1.0, "{labels} in\n{after}");
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
