//! Keys as whoever runs contato makes them, and what of them is told to whom.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{AUDIENCE, Issuer, SigningKey, unix_now};

use super::{Contato, STDERR_FILE};

fn key(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_contato"))
        .arg("key")
        .args(arguments)
        .current_dir(folder)
        .output()
        .expect("the binary starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn listed(folder: &Path) -> Value {
    let output = key(folder, &["list", "--json", "--file", "keys.json"]);
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn keys_are_made_listed_and_ended_on_the_command_line() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let create = ["create", "--file", "keys.json", "--scope", "contacts.read"];
    let more = [
        "--scope",
        "contacts.write",
        "--name",
        "crm",
        "--expires-in",
        "90days",
    ];
    let made = key(folder, &[&create[..], &more[..]].concat());
    let (printed, told) = (text(&made.stdout), text(&made.stderr));
    assert!(made.status.success(), "{told}");
    let id = printed.split('_').nth(1).unwrap();
    assert!(
        printed.starts_with("contato_") && printed.lines().count() == 1,
        "{printed}"
    );
    assert!(told.contains(id) && !told.contains(printed.trim()), "{told}");
    assert!(key(folder, &create).status.success());

    let keys = listed(folder);
    assert_eq!(keys.as_array().unwrap().len(), 2);
    let (first, second) = (&keys[0], &keys[1]);
    assert_eq!(
        (&first["id"], &first["name"], &first["state"]),
        (&json!(id), &json!("crm"), &json!("active"))
    );
    assert_eq!(first["scopes"], json!(["contacts.read", "contacts.write"]));
    assert!(first["expiresAt"].is_string() && second["expiresAt"].is_null());
    let secret = printed.trim().rsplit_once(&format!("{id}_")).unwrap().1;
    let everything = format!("{keys}{}", fs::read_to_string(folder.join("keys.json")).unwrap());
    assert!(!everything.contains(secret) && !keys.to_string().contains("sha256"));

    assert!(
        key(folder, &["revoke", id, "--file", "keys.json"])
            .status
            .success()
    );
    let revoked = listed(folder)[0]["revokedAt"].clone();
    assert!(revoked.is_string());
    assert!(
        key(folder, &["revoke", id, "--file", "keys.json"])
            .status
            .success()
    );
    assert_eq!(listed(folder)[0]["revokedAt"], revoked);
    let table = text(&key(folder, &["list", "--file", "keys.json"]).stdout);
    assert!(table.contains("revoked") && table.contains("active"), "{table}");

    for (arguments, expected) in [
        (&["create", "--file", "keys.json"][..], "--scope"),
        (
            &["create", "--file", "keys.json", "--scope", "contacts.reed"],
            "must be one of contacts.read,",
        ),
        (&["create", "--scope", "contacts.read"], "auth.apiKeys"),
        (
            &[
                "create",
                "--file",
                "keys.json",
                "--scope",
                "contacts.read",
                "--expires-in",
                "0s",
            ],
            "--expires-in",
        ),
        (&["revoke", "nobody", "--file", "keys.json"], "contato key list"),
        (&["list", "--file", "nowhere.json"], "nowhere.json"),
    ] {
        let refused = key(folder, arguments);
        assert!(
            !refused.status.success() && refused.stdout.is_empty(),
            "{arguments:?}"
        );
        assert!(
            text(&refused.stderr).contains(expected),
            "{}",
            text(&refused.stderr)
        );
    }
    assert_eq!(listed(folder).as_array().unwrap().len(), 2);
}

/// To see it red: log a request's headers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn credentials_and_who_has_them_are_never_in_the_logs() {
    let folder = TempDir::new().unwrap();
    let folder = folder.path();
    let made = key(
        folder,
        &["create", "--file", "keys.json", "--scope", "contacts.write"],
    );
    let good_key = text(&made.stdout).trim().to_owned();
    let issuer = Issuer::start();
    let settings = [
        ("AUTH__MODE", "required"),
        ("AUTH__API_KEYS", "keys.json"),
        ("AUTH__ISSUER", &issuer.url()),
        ("AUTH__AUDIENCE", AUDIENCE),
        ("LOG__FILTER", "debug"),
    ];
    let settings = settings.map(|(name, value)| (format!("CONTATO__{name}"), value.to_owned()));
    let contato = Contato::start_with(folder, &settings);
    let client = reqwest::Client::new();
    let subject = "canary-subject@example.com";
    let good_token = issuer.token(json!({ "sub": subject }));
    let old_token = issuer.token(json!({ "sub": subject, "exp": unix_now() - 600 }));
    let others_token = SigningKey::ec("other").sign(
        &json!({ "alg": "ES256", "kid": "canary-kid" }),
        &issuer.claims(json!({})),
    );
    let bad_key = "contato_00000000_canary-secret".to_owned();
    let create = || {
        let url = format!("{}/v1/contacts", contato.api);
        client
            .post(url)
            .json(&json!({ "name": "Ana Souza", "phone": "(11) 98765-4321" }))
    };
    for (request, status) in [
        (create().bearer_auth(&good_token), 202),
        (create().bearer_auth(&old_token), 401),
        (create().bearer_auth(&others_token), 401),
        (create().header("x-api-key", &good_key), 202),
        (create().header("x-api-key", &bad_key), 401),
        (
            create().header("x-api-key", &bad_key).bearer_auth(&good_token),
            400,
        ),
    ] {
        assert_eq!(request.send().await.unwrap().status(), status);
    }
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
    let log = fs::read_to_string(folder.join(STDERR_FILE)).unwrap();
    assert!(log.contains("answered"), "{log}");
    let payload = |token: &str| token.split('.').nth(1).unwrap().to_owned();
    let payloads = [payload(&good_token), payload(&old_token), payload(&others_token)];
    let secret = |key: &str| key.splitn(3, '_').nth(2).unwrap().to_owned();
    let secrets = [
        secret(&good_key),
        secret(&bad_key),
        subject.to_owned(),
        "canary-kid".to_owned(),
    ];
    for canary in payloads.iter().chain(&secrets) {
        assert!(!log.contains(canary.as_str()), "{canary}");
    }
}
