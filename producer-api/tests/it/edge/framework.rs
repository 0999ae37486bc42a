//! What is no request: answered by the framework itself, with a problem all the same.

use test_support::RawClient;

use crate::app::{Pair, TestApp};

const GOOD: &str = "GET /v1/nothing HTTP/1.1\r\nHost: localhost\r\n\r\n";

async fn answers(app: &TestApp, bytes: impl AsRef<[u8]>) -> Vec<(u16, String)> {
    let mut client = RawClient::connect(app.address()).await;
    client.send(bytes).await;
    let answers = client.answers().await;
    let problem = |answer: &test_support::RawAnswer| (answer.status, answer.problem(answer.status));
    answers.iter().map(problem).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_request_is_answered_with_a_problem_and_the_next_client_is_served() {
    let app = TestApp::start(Pair::Embedded).await;
    let long_method = format!("{} / HTTP/1.1\r\nHost: localhost\r\n\r\n", "A".repeat(10_000));
    let huge = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\nx: {}",
        "v".repeat(200 * 1024)
    );
    let many = format!(
        "GET / HTTP/1.1\r\nHost: localhost\r\n{}\r\n",
        "a: b\r\n".repeat(100)
    );
    let malformed = (400, "malformed-request");
    let too_large = (431, "header-too-large");
    let post = "POST /v1/contacts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n";
    for (what, bytes, expected) in [
        ("garbage", "\x01\x02\x03 what?\r\n\r\n".to_owned(), malformed),
        ("TLS", "\x16\x03\x01\x02\0\x01\0\r\n".to_owned(), malformed),
        ("no Host", "GET / HTTP/1.1\r\n\r\n".to_owned(), malformed),
        (
            "two Hosts",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned(),
            malformed,
        ),
        ("HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), malformed),
        ("HTTP/0.9", "GET /\r\n\r\n".to_owned(), malformed),
        (
            "NUL",
            "GET /\0 HTTP/1.1\r\nHost: localhost\r\n\r\n".to_owned(),
            malformed,
        ),
        (
            "bad length",
            format!("{post}Content-Length: 1x\r\n\r\n{{}}"),
            malformed,
        ),
        (
            "negative length",
            format!("{post}Content-Length: -1\r\n\r\n{{}}"),
            malformed,
        ),
        (
            "two lengths",
            format!("{post}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{{}}"),
            malformed,
        ),
        (
            "length and encoding",
            format!("{post}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"),
            malformed,
        ),
        (
            "unknown encoding",
            format!("{post}Transfer-Encoding: gzip\r\n\r\n"),
            malformed,
        ),
        ("huge header", huge, too_large),
        ("many fields", many, too_large),
    ] {
        let found = answers(&app, bytes).await;
        assert_eq!(found, [(expected.0, expected.1.to_owned())], "{what}");
        assert_eq!(app.get("/v1/nothing").await.problem(404), "not-found", "{what}");
    }
    // A method may be anything.
    let mut client = RawClient::connect(app.address()).await;
    client.send(long_method).await;
    assert_eq!(client.answer().await.unwrap().problem(404), "not-found");
    let unread = "http_server_request_duration_seconds_count{http_request_method=\"_OTHER\",http_response_status_code=\"431\",http_route=\"unmatched\"}";
    assert_eq!(app.series(unread).await, 2.0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_breaks_off_is_a_problem_or_the_end() {
    let app = TestApp::start(Pair::Embedded).await;
    let chunked = "POST /v1/contacts HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
    for chunk in [
        "zz\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}xx0\r\n\r\n",
        "ffffffffffffffffff\r\n",
    ] {
        let found = answers(&app, format!("{chunked}{chunk}")).await;
        assert!(
            found
                .iter()
                .all(|answer| *answer == (400, "malformed-request".to_owned())),
            "{chunk}: {found:?}"
        );
        assert_eq!(app.get("/v1/nothing").await.problem(404), "not-found");
    }
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_follows_a_good_request_does_not_reach_its_answer() {
    let app = TestApp::start(Pair::Embedded).await;
    let (good, bad) = (
        (404, "not-found".to_owned()),
        (400, "malformed-request".to_owned()),
    );
    let found = answers(&app, format!("{GOOD}{GOOD}\0\r\n\r\n")).await;
    assert_eq!(found, [good.clone(), good.clone(), bad.clone()]);
    let mut client = RawClient::connect(app.address()).await;
    client.send(GOOD).await;
    assert_eq!(client.answer().await.unwrap().problem(404), "not-found");
    client.send("\0\r\n\r\n").await;
    let last = client.answers().await;
    assert_eq!(last.len(), 1);
    assert_eq!(last[0].problem(400), "malformed-request");
    assert_eq!(last[0].header("connection"), "close");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_that_does_not_come_is_not_waited_for_for_ever() {
    let app = TestApp::start(Pair::Embedded).await;
    let late = async |before: &str, bytes: &str| {
        let mut client = RawClient::connect(app.address()).await;
        if !before.is_empty() {
            client.send(before).await;
            assert_eq!(client.answer().await.unwrap().problem(404), "not-found");
        }
        client.send(bytes).await;
        let answers = client.answers().await;
        assert_eq!(answers.len(), 1, "{answers:?}");
        assert_eq!(answers[0].problem(408), "request-timeout");
        assert_eq!(answers[0].header("connection"), "close");
    };
    let half = "GET / HTTP/1.1\r\nHost: localhost\r\n";
    // Also of the second request, and of one of which nothing comes.
    tokio::join!(late("", half), late(GOOD, half), late("", ""));
    app.stop().await;
}
