//! A collector that is not there, or does not answer, and none at all.

use std::net::TcpListener;

use serde_json::Value;
use tempfile::TempDir;
use test_support::eventually;

use super::{SPAN, TRACE, create, log, of_caller};
use crate::{Contato, status_of};

/// Enough for several exports.
const REQUESTS: usize = 200;

async fn harms_nothing(endpoint: String) -> Vec<String> {
    let folder = TempDir::new().unwrap();
    let settings = [
        ("CONTATO__TRACES__ENDPOINT".to_owned(), endpoint),
        ("CONTATO__LOG__FORMAT".to_owned(), "json".to_owned()),
    ];
    let contato = Contato::start_with(folder.path(), &settings);
    let client = reqwest::Client::new();
    let mut last = String::new();
    for _ in 0..REQUESTS {
        (last, _) = create(&client, &contato.api, None).await;
    }
    eventually("the last command is applied", async || {
        status_of(&contato.api, &last).await
    })
    .await;
    contato.signal("TERM");
    let (status, _) = contato.end();
    assert!(status.success(), "{status}");
    log(folder.path())
}

fn warnings(log: &[String]) -> Vec<&String> {
    log.iter().filter(|line| line.contains("\"WARN\"")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_is_not_there_harms_nothing() {
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let log = harms_nothing(format!("http://{gone}")).await;
    let said = log.iter().filter(|line| line.contains("takes no spans")).count();
    assert_eq!(said, 1, "{log:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_collector_that_does_not_answer_harms_nothing() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let log = harms_nothing(format!("http://{}", silent.local_addr().unwrap())).await;
    let warnings = warnings(&log);
    assert!((1..=2).contains(&warnings.len()), "{warnings:#?}");
    assert!(
        warnings.iter().all(|line| line.contains("spans")),
        "{warnings:#?}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_collector_lines_of_the_log_have_the_callers_trace() {
    for format in ["json", "text"] {
        let folder = TempDir::new().unwrap();
        let settings = [
            ("CONTATO__LOG__FORMAT".to_owned(), format.to_owned()),
            (
                "CONTATO__LOG__FILTER".to_owned(),
                "info,shared::http::edge=debug".to_owned(),
            ),
        ];
        let contato = Contato::start_with(folder.path(), &settings);
        let client = reqwest::Client::new();
        create(&client, &contato.api, None).await;
        create(&client, &contato.api, Some(&of_caller(TRACE, "00"))).await;
        let log = log(folder.path());
        let answered: Vec<_> = log.iter().filter(|line| line.contains("answered")).collect();
        let [without, with] = answered[..] else {
            panic!("{log:#?}");
        };
        assert!(!without.contains("trace.id"), "{without}");
        if format == "json" {
            let line: Value = serde_json::from_str(with).unwrap();
            assert_eq!(line["trace.id"], TRACE);
        } else {
            assert!(with.ends_with(&format!(" trace.id={TRACE}")), "{with}");
        }
        assert!(!with.contains("span.id") && !with.contains(SPAN), "{with}");
    }
}
