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
    let app = TestApp::start(Pair::Embedded).await;
    let answer = app.send(forwarded(app.post(&ana()))).await;
    let location = format!("http://contato.example:8443{}", answer.header("location"));
    assert_eq!(answer.header("operation-location"), location);
    app.stop().await;
}

#[tokio::test]
async fn where_to_look_follows_what_a_believed_proxy_says() {
    let app = TestApp::start_with(Pair::Embedded, |settings| {
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
