//! What is left on the disk of embedded storage once a contact was deleted.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::eventually;

use super::{Contato, status_of};

/// Parts of what is written, that occur nowhere else.
const CANARIES: [&[u8]; 3] = [b"zyxwana", b"qwertelina", b"91234987"];

/// The files in a folder, and in those inside, that have one of the canaries in any spelling.
fn files_with_canaries(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files_with_canaries(&path));
            continue;
        }
        let bytes = fs::read(&path).unwrap().to_ascii_lowercase();
        let has = |canary: &&[u8]| bytes.windows(canary.len()).any(|part| part == *canary);
        if CANARIES.iter().any(has) {
            found.push(path.display().to_string());
        }
    }
    found
}

async fn applied(api: &str, accepted: reqwest::Response) {
    assert_eq!(accepted.status(), 202);
    let accepted: Value = accepted.json().await.unwrap();
    let command = accepted["id"].as_str().unwrap();
    eventually("the command is applied", async || status_of(api, command).await).await;
}

// Red without `secure_delete` on the connections of the store or of the queue, or without that of the index of words.
#[tokio::test(flavor = "multi_thread")]
async fn no_file_has_anything_of_a_contact_that_was_deleted() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let client = reqwest::Client::new();
    let contacts = format!("{}/v1/contacts", contato.api);
    // Others beside them, so that pages stay in use.
    for n in 0..50 {
        let other = json!({ "name": format!("Pessoa {n}"), "email": format!("p{n}@example.com") });
        client.post(&contacts).json(&other).send().await.unwrap();
    }
    let mut ids = Vec::new();
    for n in 0..20 {
        let contact = json!({
            "name": format!("Zyxwana Qwertelina {n}"),
            "phone": "(11) 91234-9876",
            "email": format!("zyxwana.{n}@example.com"),
        });
        let accepted = client.post(&contacts).json(&contact).send().await.unwrap();
        let accepted: Value = accepted.json().await.unwrap();
        ids.push(accepted["contactId"].as_str().unwrap().to_owned());
    }
    for id in &ids {
        let change = json!({ "name": "Qwertelina Zyxwana" }).to_string();
        let patch = client.patch(format!("{contacts}/{id}"));
        let patch = patch
            .header("content-type", "application/merge-patch+json")
            .body(change);
        applied(&contato.api, patch.send().await.unwrap()).await;
    }
    assert!(
        !files_with_canaries(folder.path()).is_empty(),
        "they are kept until then"
    );
    for id in &ids {
        let delete = client.delete(format!("{contacts}/{id}"));
        applied(&contato.api, delete.send().await.unwrap()).await;
    }
    // The end of the last connection empties the write-ahead log.
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
    assert_eq!(files_with_canaries(folder.path()), [""; 0]);
}
