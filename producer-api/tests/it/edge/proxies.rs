//! Whom forwarded fields are believed from.

use reqwest::RequestBuilder;
use shared::settings::Networks;

use crate::app::{Pair, TestApp, ana};

fn forwarded(request: RequestBuilder) -> RequestBuilder {
    request
        .header("host", "contato.example:8443")
        .header("x-forwarded-host", "api.example")
        .header("x-forwarded-proto", "https")
        .header("forwarded", "host=evil.example;proto=https")
}

#[tokio::test]
async fn where_to_look_follows_the_host_and_no_forwarded_field() {
    let app = TestApp::start_with(Pair::Embedded, |settings| {
        settings.auth.none_beyond_loopback = true;
    })
    .await;
    let answer = app.send(forwarded(app.post(&ana()))).await;
    let location = format!("http://contato.example:8443{}", answer.header("location"));
    assert_eq!(answer.header("operation-location"), location);
    app.stop().await;
}

#[tokio::test]
async fn where_to_look_follows_what_a_believed_proxy_says() {
    let app = TestApp::start_with(Pair::Embedded, |settings| {
        settings.auth.none_beyond_loopback = true;
        settings.http.trusted_proxies = Networks(vec!["127.0.0.0/8".parse().unwrap()]);
    })
    .await;
    let answer = app.send(forwarded(app.post(&ana()))).await;
    let location = format!("https://api.example{}", answer.header("location"));
    assert_eq!(answer.header("operation-location"), location);
    let odd = app
        .post(&ana())
        .header("host", "contato.example")
        .header("x-forwarded-host", "evil.example/\"")
        .header("x-forwarded-proto", "gopher");
    let answer = app.send(odd).await;
    let location = format!("http://contato.example{}", answer.header("location"));
    assert_eq!(answer.header("operation-location"), location);
    app.stop().await;
}

/// To see it red: let `Access::identify` know anybody where nobody has to say who they are.
#[tokio::test]
async fn names_of_others_that_lead_here_get_nothing() {
    let app = TestApp::start(Pair::Embedded).await;
    let answer = app.send(forwarded(app.post(&ana()))).await;
    assert_eq!(answer.problem(403), "forbidden");
    let own = app.post(&ana()).header("host", "localhost:8080");
    assert_eq!(app.send(own).await.status, 202);
    app.stop().await;
}
