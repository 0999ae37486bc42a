//! contato as a newcomer meets it: the real binary in an empty folder, nothing installed.

mod access;
mod backup;
mod canary;
mod client;
mod client_import;
mod docs;
mod doctor;
mod erasure;
mod health;
mod import;
mod metrics;
mod setup;
mod simulate;
mod smoke;
#[cfg(feature = "otlp")]
mod traces;

use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::TcpListener,
    path::Path,
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Instant,
};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{PATIENCE, eventually};

/// Where the binary's standard error is, in its folder.
const STDERR_FILE: &str = "stderr.log";

/// The binary, running in a folder.
struct Contato {
    child: Child,
    api: String,
    /// Where dead letters are, by `host:port`.
    dlq: String,
    /// The lines to paste.
    curls: Vec<String>,
    lines: std::io::Lines<BufReader<ChildStdout>>,
}

impl Contato {
    fn start(folder: &Path) -> Self {
        Self::start_with(folder, &[])
    }

    /// With settings, as environment variables.
    fn start_with(folder: &Path, settings: &[(String, String)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_contato"));
        for listener in [
            "PRODUCER_API__LISTEN",
            "PRODUCER_API__MANAGEMENT",
            "CONSUMER_WORKER__MANAGEMENT",
            "DLQ_FUNCTION__LISTEN",
            "DLQ_FUNCTION__MANAGEMENT",
        ] {
            command.env(format!("CONTATO__{listener}"), "127.0.0.1:0");
        }
        command.envs(settings.iter().cloned());
        let log = File::create(folder.join(STDERR_FILE)).unwrap();
        let mut child = command
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .expect("the binary starts");
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut curls = Vec::new();
        let (mut api, mut dlq) = (String::new(), String::new());
        // Where credentials are required there is one line to paste only.
        let required = ("CONTATO__AUTH__MODE".to_owned(), "required".to_owned());
        let expected = if settings.contains(&required) { 1 } else { 3 };
        while curls.len() < expected {
            let line = lines.next().expect("it runs on until it is stopped").unwrap();
            let line = line.trim();
            if let Some(url) = line.strip_prefix("contacts") {
                api = url.trim().trim_end_matches("/v1/contacts").to_owned();
            }
            if let Some((_, url)) = line.split_once("dead letters  http://") {
                dlq = url.trim_end_matches("/v1/dead-letters").to_owned();
            }
            if line.starts_with("curl ") {
                curls.push(line.to_owned());
            }
        }
        Self {
            child,
            api,
            dlq,
            curls,
            lines,
        }
    }

    /// Ctrl-C, or SIGTERM.
    fn signal(&self, name: &str) {
        let sent = Command::new("kill")
            .args([&format!("-{name}"), &self.child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
    }

    /// Waits for the end; also the last line that was printed.
    fn end(mut self) -> (ExitStatus, String) {
        let since = Instant::now();
        let last = self
            .lines
            .by_ref()
            .map_while(Result::ok)
            .last()
            .unwrap_or_default();
        let status = self.child.wait().unwrap();
        assert!(since.elapsed() < PATIENCE);
        (status, last)
    }
}

/// A test that fails leaves no process behind.
impl Drop for Contato {
    fn drop(&mut self) {
        // An error says that it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Pastes a line into a shell; the status and the body of the answer.
fn paste(line: &str) -> (u16, Value) {
    let output = Command::new("sh")
        .args(["-c", line])
        .output()
        .expect("sh and curl are there");
    let text = String::from_utf8(output.stdout).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{text}"));
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, serde_json::from_str(body).unwrap())
}

async fn status_of(api: &str, command: &str) -> Option<Value> {
    let response = reqwest::get(format!("{api}/v1/commands/{command}"))
        .await
        .unwrap();
    let resource: Value = response.json().await.unwrap();
    (resource["status"] == "applied").then_some(resource)
}

#[test]
fn the_health_command_asks_all_three_roles() {
    let folder = TempDir::new().unwrap();
    // All at once, so that they differ; free again when they are given out.
    let listeners = [(); 3].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = listeners.map(|listener| listener.local_addr().unwrap().port());
    let settings: Vec<_> = ["PRODUCER_API", "CONSUMER_WORKER", "DLQ_FUNCTION"]
        .into_iter()
        .zip(ports)
        .map(|(role, port)| {
            (
                format!("CONTATO__{role}__MANAGEMENT"),
                format!("127.0.0.1:{port}"),
            )
        })
        .collect();
    let check = |settings: &[(String, String)]| {
        let output = Command::new(env!("CARGO_BIN_EXE_contato"))
            .arg("--check-health")
            .current_dir(folder.path())
            .envs(settings.iter().cloned())
            .env("RUST_BACKTRACE", "1")
            .output()
            .unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let contato = Contato::start_with(folder.path(), &settings);
    assert_eq!(check(&settings), (Some(0), String::new()));
    // One of the three is elsewhere.
    for silent in 0..settings.len() {
        let mut settings = settings.clone();
        settings[silent].1 = "127.0.0.1:1".to_owned();
        let (code, said) = check(&settings);
        assert!(
            code == Some(1) && said.contains("http://127.0.0.1:1/readyz does not answer"),
            "{said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    contato.signal("TERM");
    contato.end();
    assert_eq!(check(&settings).0, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_three_lines_work_when_pasted_and_a_second_run_finds_everything_again() {
    let folder = TempDir::new().unwrap();
    let first = Contato::start(folder.path());
    let (status, accepted) = paste(&first.curls[0]);
    assert_eq!(
        (status, accepted["status"].as_str()),
        (202, Some("pending")),
        "{accepted}"
    );
    let command = accepted["id"].as_str().unwrap().to_owned();
    assert!(first.curls[1].ends_with(&command), "{}", first.curls[1]);
    eventually("the command is applied", async || {
        status_of(&first.api, &command).await
    })
    .await;
    assert_eq!(paste(&first.curls[1]).1["status"], "applied");
    let (status, contact) = paste(&first.curls[2]);
    assert_eq!((status, contact["phone"].as_str()), (200, Some("+5511987654321")));

    first.signal("INT");
    let (status, last) = first.end();
    assert_eq!(status.code(), Some(0));
    assert!(last.contains("nothing that was answered 202 is lost"), "{last}");

    let second = Contato::start(folder.path());
    let id = contact["id"].as_str().unwrap();
    let found: Value = reqwest::get(format!("{}/v1/contacts/{id}", second.api))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(found, contact);
    second.signal("TERM");
    assert_eq!(second.end().0.code(), Some(0));
}

/// To see it red: answer 202 before the publish, or give the embedded queue `synchronous=OFF` and no commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_kill_at_any_moment_loses_nothing_that_was_answered_202() {
    let folder = TempDir::new().unwrap();
    let client = reqwest::Client::new();
    let mut accepted: Vec<String> = Vec::new();
    for round in 0..5 {
        let contato = Contato::start(folder.path());
        let url = format!("{}/v1/contacts", contato.api);
        let (sender, mut answers) = tokio::sync::mpsc::unbounded_channel();
        let writers: Vec<_> = (0..8)
            .map(|writer| {
                let (client, url, sender) = (client.clone(), url.clone(), sender.clone());
                tokio::spawn(async move {
                    for n in 0.. {
                        let body = json!({ "name": format!("Ana {round} {writer} {n}"), "email": "ana@example.com" });
                        // An error is the kill: nothing was promised.
                        let Ok(answer) = client.post(&url).json(&body).send().await else { return };
                        assert_eq!(answer.status(), 202);
                        let Ok(command) = answer.json::<Value>().await else { return };
                        sender.send(command["id"].as_str().unwrap().to_owned()).unwrap();
                    }
                })
            })
            .collect();
        drop(sender);
        // Each round is killed at another point of the stream.
        for _ in 0..20 + 37 * round {
            accepted.push(answers.recv().await.expect("writes are answered"));
        }
        contato.signal("KILL");
        assert_eq!(contato.end().0.code(), None, "killed");
        while let Some(command) = answers.recv().await {
            accepted.push(command);
        }
        for writer in writers {
            writer.await.unwrap();
        }
    }
    let contato = Contato::start(folder.path());
    for command in &accepted {
        eventually("what was answered 202 is applied", async || {
            status_of(&contato.api, command).await
        })
        .await;
    }
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

#[test]
fn settings_are_shown_checked_and_explained() {
    let run = |arguments: &[&str], variable: (&str, &str)| {
        let folder = TempDir::new().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_contato"));
        let output = command
            .args(arguments)
            .env(variable.0, variable.1)
            .current_dir(folder.path())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, shown, _) = run(
        &["--print-config"],
        ("CONTATO__IDS__KEY", "0123456789abcdef0123456789abcdef"),
    );
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!((code, &shown["ids"]["key"]), (Some(0), &json!("***")));
    let (code, _, error) = run(&[], ("CONTATO__BATCH__MAX", "9000"));
    assert!(
        code == Some(1) && error.contains("batch.max must be from 1 to 500"),
        "{error}"
    );
    let (code, _, error) = run(&[], ("CONTATO__BROKER__URL", "amqp://u:p@127.0.0.1:1/%2f"));
    assert!(code == Some(1) && error.contains("ids.key is not set"), "{error}");
    let (code, versions, _) = run(
        &["migrate", "up"],
        ("CONTATO__STORE__URL", "sqlite://here/contato.db"),
    );
    assert_eq!(
        (code, versions.matches("applied").count()),
        (Some(0), 9),
        "{versions}"
    );
}
