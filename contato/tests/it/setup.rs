//! `contato setup`: the real binary makes users on a virtual host and a database of the test's own; the three services run with
//! nothing but these; and what no role may do is refused.

mod broker;
mod installation;
mod services;
mod wrong;

use std::fs;

use serde_json::Value;
use shared::{broker::rabbitmq::rights::Account, role::open_store};

use self::installation::{Installation, succeeded};

/// What stands for "something was done", with the spaces before it.
const DONE: [&str; 5] = ["  applied", "  declared", "made", "given", "changed"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dry_run_changes_nothing_and_a_second_run_has_nothing_to_do() {
    let place = Installation::new().await;
    let told = succeeded(place.setup(&["--dry-run"], &[]));
    assert_eq!(told.matches("would be declared").count(), 7, "{told}");
    assert_eq!(
        told.matches("would be made; rights would be given").count(),
        5,
        "{told}"
    );
    assert!(
        told.contains("would be applied") && told.ends_with("nothing was changed\n"),
        "{told}"
    );
    for account in Account::ALL {
        assert_eq!(place.broker_user(account).await, None, "{account:?}");
    }

    let told = succeeded(place.setup(&[], &[]));
    assert_eq!(told.matches("  declared").count(), 7, "{told}");
    assert_eq!(told.matches("  made; rights given").count(), 5, "{told}");
    assert_eq!(told.matches("  made\n").count(), 3, "{told}");
    let users = place.broker_users().await;
    assert!(users.iter().all(Option::is_some), "{users:?}");

    for arguments in [&["--dry-run"][..], &[]] {
        let told = succeeded(place.setup(arguments, &[]));
        let lines = told
            .lines()
            .filter(|line| DONE.iter().any(|done| line.contains(done)));
        assert_eq!(
            lines
                .filter(|line| !line.starts_with("nothing was changed"))
                .collect::<Vec<_>>(),
            [""; 0]
        );
        assert_eq!(place.broker_users().await, users);
    }
    place.remove().await;
}

/// To see it red: leave out `ALTER ROLE … PASSWORD`, or compare no hash.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_changed_by_others_is_put_right() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    let before = place.settings(Account::ConsumerWorker);
    place.change_passwords();
    let user = place.name(Account::ProducerApi);
    let role = place.role(Account::DlqFunction);
    place.give_every_right(Account::ProducerApi).await;
    place.sql(&format!("REVOKE SELECT ON contacts FROM {role}")).await;
    place.sql(&format!("GRANT UPDATE ON audit TO {role}")).await;
    place.sql(&format!("ALTER ROLE {role} RESET ALL")).await;
    place.sql("GRANT SELECT, DELETE ON audit TO PUBLIC").await;
    // What whoever has stolen a password does to keep the service from its tables: nobody else has to let them.
    let worker = place.role(Account::ConsumerWorker);
    place
        .sql(&format!("ALTER ROLE {worker} SET search_path = nowhere"))
        .await;
    let in_database = format!(
        "DO $$ BEGIN EXECUTE format('ALTER ROLE {worker} IN DATABASE %I SET default_transaction_read_only = on', current_database()); END $$"
    );
    place.sql(&in_database).await;

    let told = succeeded(place.setup(&["--dry-run"], &[]));
    assert_eq!(told.matches("would be given this password").count(), 8, "{told}");
    assert!(
        told.contains("rights would be changed") && told.contains("would be given\n"),
        "{told}"
    );
    let told = succeeded(place.setup(&[], &[]));
    assert_eq!(told.matches(" given this password").count(), 8, "{told}");
    assert!(
        told.contains(&format!("{user}  given this password; rights changed")),
        "{told}"
    );
    let rights = Account::ProducerApi.permission("");
    assert_eq!(
        place.permission(Account::ProducerApi).await["configure"],
        rights.configure.as_str()
    );
    for statement in [
        "UPDATE audit SET principal = ''",
        "DELETE FROM audit",
        "CREATE TABLE t ()",
        "CREATE TEMPORARY TABLE t ()",
    ] {
        place.refuses(Account::DlqFunction, statement).await;
    }
    place.refuses(Account::ProducerApi, "SELECT FROM audit").await;
    let limits = place.value(Account::DlqFunction, "SHOW lock_timeout").await;
    assert_eq!(limits, "1min");
    for (setting, expected) in [
        ("search_path", "\"$user\", public"),
        ("default_transaction_read_only", "off"),
    ] {
        let found = place
            .value(Account::ConsumerWorker, &format!("SHOW {setting}"))
            .await;
        assert_eq!(found, expected, "{setting}");
    }
    // The old one is no longer taken.
    let store = open_store(&before).await.unwrap();
    assert_eq!(store.ping().await.unwrap_err().code().as_deref(), Some("28P01"));
    let store = open_store(&place.settings(Account::ConsumerWorker))
        .await
        .unwrap();
    store.ping().await.unwrap();
    place.remove().await;
}

/// To see it red: take a right from the table (rights.rs) or from grants.sql.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_doctor_finds_nothing_wrong_until_a_right_is_taken() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    for account in installation::SERVICES {
        let (fine, told) = place.doctor(account);
        assert!(fine && told.ends_with("Nothing is wrong.\n"), "{told}");
        let reads = account.rights().read.len();
        place.give_rights(account, "^$").await;
        let (fine, told) = place.doctor(account);
        assert!(
            !fine && told.contains("may not publish to the exchange contato"),
            "{told}"
        );
        assert_eq!(
            told.matches("this user may not consume contato").count(),
            reads,
            "{told}"
        );
        let role = place.role(account);
        place.sql(&format!("REVOKE SELECT ON commands FROM {role}")).await;
        let (_, told) = place.doctor(account);
        assert!(
            told.contains("in SQL this user lacks SELECT ON commands"),
            "{told}"
        );
    }
    place.remove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keda_sees_how_long_the_queue_is_and_changes_nothing() {
    let place = Installation::new().await;
    succeeded(place.setup(&[], &[]));
    let keda = fs::read_to_string(place.file(Account::Keda, "host")).unwrap();
    let (api, vhost) = keda.trim().rsplit_once('/').unwrap();
    let client = reqwest::Client::new();
    let queue = client
        .get(format!("{api}/api/queues/{vhost}/contato"))
        .send()
        .await
        .unwrap();
    assert_eq!(queue.status(), 200);
    assert_eq!(queue.json::<Value>().await.unwrap()["name"], "contato");
    for path in [
        format!("queues/{vhost}/contato"),
        format!("users/{}", place.name(Account::Keda)),
        "vhosts/keda".to_owned(),
    ] {
        let delete = client.delete(format!("{api}/api/{path}")).send().await.unwrap();
        assert_eq!(delete.status(), 401, "{path}");
    }
    let publish = client
        .post(format!("{api}/api/exchanges/{vhost}/contato/publish"))
        .json(&serde_json::json!({ "properties": {}, "routing_key": "contato", "payload": "x", "payload_encoding": "string" }))
        .send()
        .await
        .unwrap();
    assert!(!publish.status().is_success(), "{}", publish.status());
    // The others have no tag, so that the API is not for them.
    let url = fs::read_to_string(place.file(Account::ProducerApi, "broker-url")).unwrap();
    let url = url.replace("amqp://", "http://");
    let credentials = url.rsplit_once('@').unwrap().0;
    let api = api.rsplit_once('@').unwrap().1;
    let whoami = client
        .get(format!("{credentials}@{api}/api/whoami"))
        .send()
        .await
        .unwrap();
    assert_eq!(whoami.status(), 401);
    place.remove().await;
}
