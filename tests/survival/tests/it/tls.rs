//! The whole chain over TLS, with the certificates of broker and SQL checked; and what is logged when they are not good.

use std::fs;

use reqwest::Client;
use serde_json::Value;
use survival::{Request, Role, Stack, contact};
use test_support::eventually;

/// An authority that no server's certificate is from.
const ANOTHER_CA: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../shared/tests/it/another-ca.pem"
);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_contact_goes_to_sql_and_back_over_tls() {
    let mut stack = Stack::shared().await;
    let ca_file = stack.servers.ca_file.clone();
    stack.over_tls(&ca_file);
    let api = stack.start(Role::ProducerApi).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    let dlq = stack.start(Role::DlqFunction).await;

    let (_, id) = stack
        .api(api.origin())
        .accepted(Request::create(contact(1)))
        .await;
    let url = format!("{}/v1/contacts/{}", api.origin(), id.as_uuid());
    let client = Client::new();
    let read: Value = eventually("the contact can be read", async || {
        let answer = client.get(&url).send().await.ok()?;
        answer.error_for_status().ok()?.json().await.ok()
    })
    .await;
    assert_eq!(read["name"], contact(1).name.as_str(), "{read}");

    let connections = stack
        .servers
        .rabbitmqctl(&["-q", "list_connections", "ssl", "client_properties"])
        .await;
    for role in Role::ALL {
        let own: Vec<_> = connections
            .lines()
            .filter_map(|line| line.split_once('\t'))
            .filter(|(_, properties)| properties.contains(role.name()))
            .collect();
        assert!(
            !own.is_empty() && own.iter().all(|(ssl, _)| *ssl == "true"),
            "{role:?}: {connections}"
        );
    }
    let plain = stack
        .rows(
            "SELECT 1 FROM pg_stat_activity JOIN pg_stat_ssl USING (pid) \
             WHERE datname = current_database() AND NOT ssl",
        )
        .await;
    assert!(plain.is_empty());
    for process in [api, worker, dlq] {
        process.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_that_is_not_good_is_named_in_the_log_and_no_password_is() {
    let mut stack = Stack::shared().await;
    stack.over_tls(ANOTHER_CA);
    for role in Role::ALL {
        let log = {
            let _role = stack.supervise(role, |_| None);
            eventually("both certificates are named", async || {
                let log = newest_log(&stack, role);
                let named = ["nor one in broker.caFile", "nor one in store.caFile"];
                named.iter().all(|words| log.contains(words)).then_some(log)
            })
            .await
        };
        for url in [&stack.servers.amqps_url, &stack.servers.postgres_url] {
            let password = url.split([':', '@']).nth(2).expect("a password");
            assert!(!log.contains(password), "{role:?}: {log}");
        }
    }
}

/// What a role has logged.
fn newest_log(stack: &Stack, role: Role) -> String {
    let entries = fs::read_dir(stack.logs()).expect("the folder of the logs");
    let own = entries.map(|entry| entry.expect("a file").path()).filter(|path| {
        path.file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with(role.name()))
    });
    own.map(|path| fs::read_to_string(path).expect("a log")).collect()
}
