//! docs/backup.md: what a restored backup has, what it has not, and what brings the rest back.

use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Pair, TestDatabase, eventually};
use uuid::Uuid;

use super::{Contato, status_of};

/// A program that must end well: PostgreSQL's own tools, as the page says, and contato's commands.
fn tool(name: &str, arguments: &[&str], settings: &[(String, String)]) {
    let output = Command::new(name)
        .args(arguments)
        .envs(settings.iter().cloned())
        .output()
        .unwrap_or_else(|error| {
            panic!("{name} ({error}): install PostgreSQL's client programs (postgresql-client)")
        });
    assert!(
        output.status.success(),
        "{name}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn sql(database: &str, statement: &str) {
    tool("psql", &["--quiet", "--command", statement, database], &[]);
}

/// Sends a contact under a key, and waits until it is applied.
async fn created(api: &str, key: &str, name: &str) -> String {
    let sent = reqwest::Client::new()
        .post(format!("{api}/v1/contacts"))
        .header("Idempotency-Key", key)
        .json(&json!({ "name": name, "email": "ana@example.com" }));
    let answer = sent.send().await.unwrap();
    assert_eq!(answer.status(), 202);
    let accepted: Value = answer.json().await.unwrap();
    let command = accepted["id"].as_str().unwrap();
    eventually("it is applied", async || status_of(api, command).await).await;
    accepted["contactId"].as_str().unwrap().to_owned()
}

async fn renamed(api: &str, contact: &str, name: &str) {
    let sent = reqwest::Client::new()
        .patch(format!("{api}/v1/contacts/{contact}"))
        .header("Content-Type", "application/merge-patch+json")
        .header("Prefer", "wait=20")
        .json(&json!({ "name": name }));
    assert_eq!(sent.send().await.unwrap().status(), 200);
}

/// The contact's name, where there is one.
async fn name_of(api: &str, contact: &str) -> Option<String> {
    let answer = reqwest::get(format!("{api}/v1/contacts/{contact}"))
        .await
        .unwrap();
    if answer.status() == 404 {
        return None;
    }
    let contact: Value = answer.json().await.unwrap();
    Some(contact["name"].as_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_goes_on_and_what_is_sent_again_under_its_key_comes_back() {
    let pair = Pair::servers().await;
    let folder = TempDir::new().unwrap();
    let first = Contato::start_with(folder.path(), &pair.environment());
    let kept = created(&first.api, "kept", "Ana Antes").await;

    // What a dump has of rights is for roles that another server does not know.
    let live = pair.settings.store.url.expose();
    let role = format!("gone_{}", Uuid::now_v7().simple());
    sql(live, &format!("CREATE ROLE {role}"));
    sql(live, &format!("GRANT SELECT ON contacts TO {role}"));
    let file = folder.path().join("contato.dump").display().to_string();
    tool("pg_dump", &["--format=custom", "--file", &file, live], &[]);
    sql(live, &format!("REVOKE SELECT ON contacts FROM {role}"));
    sql(live, &format!("DROP ROLE {role}"));
    renamed(&first.api, &kept, "Ana Depois").await;
    let late = created(&first.api, "late", "Bia").await;
    first.signal("TERM");
    first.end();

    // Accepted, and not applied when the disaster comes: these wait in the queue.
    let waiting = pair.create("Caio");
    let waiting_id = waiting.command.contact_id.to_string();
    pair.publish(waiting.encode()).await;

    let restored = TestDatabase::postgres().await;
    tool(
        "pg_restore",
        &[
            "--no-owner",
            "--no-privileges",
            "--exit-on-error",
            "--dbname",
            restored.url(),
            &file,
        ],
        &[],
    );
    let mut settings = pair.environment();
    settings.retain(|(name, _)| name != "CONTATO__STORE__URL");
    settings.push(("CONTATO__STORE__URL".to_owned(), restored.url().to_owned()));
    for command in ["setup", "doctor"] {
        tool(env!("CARGO_BIN_EXE_contato"), &[command], &settings);
    }
    let second = Contato::start_with(folder.path(), &settings);
    let api = &second.api;

    // What was applied after the backup is not there; what waited is.
    assert_eq!(name_of(api, &kept).await.as_deref(), Some("Ana Antes"));
    assert_eq!(name_of(api, &late).await, None);
    eventually("what waited is applied", async || name_of(api, &waiting_id).await).await;

    // Sent again under the same key it is the same contact; what is there is not made twice.
    assert_eq!(created(api, "late", "Bia").await, late);
    assert_eq!(name_of(api, &late).await.as_deref(), Some("Bia"));
    assert_eq!(created(api, "kept", "Ana Antes").await, kept);
    let page: Value = reqwest::get(format!("{api}/v1/contacts"))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(page["items"].as_array().unwrap().len(), 3);
    second.signal("TERM");
    second.end();
}
