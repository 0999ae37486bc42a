//! The program as the host starts it, and the files of the function app.

use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use dlq_function::azure;
use serde_json::{Value, json};
use shared::{broker::Queue, settings::Settings};
use test_support::eventually;

use crate::cli::code;

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_dlq-function"));
    command.env_clear().stdin(Stdio::null());
    command
}

/// The host gives a handler 60 s to answer, whatever else is down.
#[tokio::test]
async fn the_program_answers_at_once_also_while_broker_and_sql_are_down() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let mut process = program()
        .args(arguments())
        .env(azure::PORT_VARIABLE, free.port().to_string())
        .env("CONTATO__IDS__KEY", "0123456789abcdef0123456789abcdef")
        .env("CONTATO__DEAD_LETTERS__KEYS", format!("1:{}", "0".repeat(64)))
        .env("CONTATO__BROKER__URL", "amqp://127.0.0.1:1")
        .env("CONTATO__STORE__URL", "postgres://nobody@127.0.0.1:1/nothing")
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let client = reqwest::Client::new();
    eventually("it is ready", async || {
        let ready = client.get(format!("http://{free}/")).send().await.ok()?;
        (ready.status() == 200).then_some(())
    })
    .await;
    process.kill().unwrap();
    process.wait().unwrap();
}

#[test]
fn without_the_hosts_port_the_program_says_so() {
    let folder = tempfile::TempDir::new().unwrap();
    for port in [None, Some("none")] {
        let mut command = program();
        command.args(arguments()).current_dir(folder.path());
        command.envs(port.map(|port| (azure::PORT_VARIABLE, port)));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code(&output), 1, "{said}");
        assert!(
            said.contains("FUNCTIONS_CUSTOMHANDLER_PORT names no port"),
            "{said}"
        );
    }
}

/// To see it red: start on the defaults, which are files that go with the instance.
#[test]
fn storage_that_goes_with_the_instance_is_refused() {
    let folder = tempfile::TempDir::new().unwrap();
    for (broker, missing) in [
        (None, "CONTATO__BROKER__URL"),
        (Some("amqp://127.0.0.1:1"), "CONTATO__STORE__URL"),
    ] {
        let mut command = program();
        command.args(arguments()).current_dir(folder.path());
        command.env(azure::PORT_VARIABLE, "0");
        command.env("CONTATO__IDS__KEY", "0123456789abcdef0123456789abcdef");
        command.envs(broker.map(|url| ("CONTATO__BROKER__URL", url)));
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(code(&output), 1, "{said}");
        assert!(said.contains(missing), "{said}");
    }
}

fn app() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("azure")
}

fn file(path: &str) -> Value {
    serde_json::from_slice(&fs::read(app().join(path)).unwrap()).unwrap()
}

/// The arguments that the host starts the program with.
fn arguments() -> Vec<String> {
    let arguments = file("host.json")["customHandler"]["description"]["arguments"].clone();
    serde_json::from_value(arguments).unwrap()
}

/// To see it red: rename a binding or a folder.
#[test]
fn the_function_app_is_what_the_handler_expects() {
    let host = file("host.json");
    let handler = &host["customHandler"];
    let program = Path::new(env!("CARGO_BIN_EXE_dlq-function")).file_name().unwrap();
    assert_eq!(
        handler["description"]["defaultExecutablePath"],
        program.to_str().unwrap()
    );
    assert_eq!(handler["enableForwardingHttpRequest"], false);
    let prefetched = host["extensions"]["rabbitMQ"]["prefetchCount"].as_u64().unwrap();
    assert!(prefetched <= azure::DEAD_LETTERS_AT_ONCE.get() as u64);

    let folders = fs::read_dir(app()).unwrap().map(Result::unwrap);
    let folders = folders.filter(|entry| entry.file_type().unwrap().is_dir());
    let mut paths: Vec<_> = folders
        .map(|folder| format!("/{}", folder.file_name().display()))
        .collect();
    paths.sort();
    assert_eq!(paths, [azure::CONTACTS_PATH, azure::DEAD_LETTERS_PATH]);

    let dead_letters = file(&format!("{}/function.json", &azure::DEAD_LETTERS_PATH[1..]));
    let connection = "RabbitMQConnection";
    let trigger = json!({
        "name": azure::DEAD_LETTER_BINDING, "type": "rabbitMQTrigger", "direction": "in", "dataType": "binary",
        "queueName": Queue::DeadLetters.name(), "connectionStringSetting": connection,
    });
    assert_eq!(dead_letters, json!({ "bindings": [trigger] }));
    let contacts = file(&format!("{}/function.json", &azure::CONTACTS_PATH[1..]));
    let request = json!({
        "name": azure::REQUEST_BINDING, "type": "httpTrigger", "direction": "in", "authLevel": "function",
        "methods": ["get"], "route": "contacts/{id?}",
    });
    let response = json!({ "name": azure::RESPONSE_BINDING, "type": "http", "direction": "out" });
    assert_eq!(contacts, json!({ "bindings": [request, response] }));
}

/// The settings in the example are known by the name that they have there, and no secret is among them.
#[test]
fn the_example_has_the_settings_that_are_needed_and_no_secrets() {
    let example = file("local.settings.json.example");
    let values = example["Values"].as_object().unwrap();
    assert_eq!(values["FUNCTIONS_WORKER_RUNTIME"], "Custom");
    assert!(values.contains_key("RabbitMQConnection"));
    let good = |name: &str| match name {
        "CONTATO__BROKER__URL" => "amqp://127.0.0.1:5672".to_owned(),
        "CONTATO__STORE__URL" => "postgres://127.0.0.1:5432/contato".to_owned(),
        "CONTATO__IDS__KEY" => "0123456789abcdef0123456789abcdef".to_owned(),
        "CONTATO__DEAD_LETTERS__KEYS" => format!("1:{}", "0".repeat(64)),
        other => panic!("{other} is new here"),
    };
    let ours = values.iter().filter(|(name, _)| name.starts_with("CONTATO__"));
    let mut settings = Vec::new();
    for (name, value) in ours {
        let value = value.as_str().unwrap();
        assert!(
            value.starts_with('<') && value.ends_with('>'),
            "{name} has a value"
        );
        settings.push((name.clone(), good(name)));
    }
    assert_eq!(settings.len(), 4);
    Settings::load(None, settings).unwrap();
}
