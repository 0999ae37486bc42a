//! `contato health`: the real binary, asked of real roles and servers, of closed ports, and of what is something else.

use std::{net::TcpListener, process::Command};

use serde_json::Value;
use tempfile::TempDir;
use test_support::{Pair, eventually, management_url};

use super::{
    Contato,
    client::{Printed, run},
};

/// Nothing listens there.
const NOBODY: &str = "http://127.0.0.1:1";

fn health(settings: &[(String, String)], arguments: &[&str]) -> Printed {
    let folder = TempDir::new().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_contato"));
    command
        .arg("health")
        .args(arguments)
        .env_remove("CONTATO_URL")
        .env_remove("CONTATO_BROKER_MANAGEMENT")
        .envs(settings.iter().cloned())
        .current_dir(folder.path());
    let printed = run(&mut command);
    assert_eq!(folder.path().read_dir().unwrap().count(), 0, "it made a file");
    printed
}

/// The settings with a port for each listener.
fn with_ports(settings: Vec<(String, String)>) -> Vec<(String, String)> {
    const LISTENERS: [&str; 5] = [
        "PRODUCER_API__LISTEN",
        "PRODUCER_API__MANAGEMENT",
        "CONSUMER_WORKER__MANAGEMENT",
        "DLQ_FUNCTION__LISTEN",
        "DLQ_FUNCTION__MANAGEMENT",
    ];
    // All at once, so that they differ; free again when they are given out.
    let listeners = LISTENERS.map(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let own = LISTENERS.iter().zip(&listeners).map(|(name, listener)| {
        let address = listener.local_addr().unwrap().to_string();
        (format!("CONTATO__{name}"), address)
    });
    let own: Vec<_> = own.collect();
    let kept = settings
        .into_iter()
        .filter(|(name, _)| own.iter().all(|(own, _)| own != name));
    kept.chain(own.clone()).collect()
}

/// The line of a face.
fn line<'a>(printed: &'a Printed, face: &str) -> &'a str {
    let of_face = |line: &&str| {
        line.get(11..)
            .is_some_and(|rest| rest.split(' ').next() == Some(face))
    };
    let line = printed.out.lines().find(of_face);
    line.unwrap_or_else(|| panic!("no {face}: {}{}", printed.out, printed.err))
}

/// To see it red: send the question to another path, or let it pass when something is down.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_face_is_asked_and_what_is_down_is_told() {
    let pair = Pair::servers().await;
    let settings = with_ports(pair.environment());
    let folder = TempDir::new().unwrap();
    let contato = Contato::start_with(folder.path(), &settings);

    // What they consume with takes a moment to be there.
    let printed = eventually("all are up", async || {
        let printed = health(&settings, &[]);
        (printed.code == Some(0)).then_some(printed)
    })
    .await;
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (Some(0), ""),
        "{}",
        printed.out
    );
    for face in [
        "api",
        "console",
        "producer-api",
        "consumer-worker",
        "dlq-function",
    ] {
        assert!(line(&printed, face).starts_with("up "), "{}", printed.out);
        assert!(line(&printed, face).ends_with(": broker up, store up"));
    }
    assert!(line(&printed, "broker").contains(":***@") && line(&printed, "broker").contains("6 queues"));
    assert!(line(&printed, "sql").contains(": PostgreSQL "), "{}", printed.out);
    for face in ["prometheus", "alertmanager", "grafana"] {
        assert!(line(&printed, face).starts_with("not asked"), "{}", printed.out);
    }
    assert!(
        printed.out.ends_with("All 7 that were asked are up.\n"),
        "{}",
        printed.out
    );

    let alarms = health(&settings, &["--broker-management", &management_url()]);
    assert!(
        line(&alarms, "broker").ends_with("no alarm is raised"),
        "{}",
        alarms.out
    );
    let skipped = health(&settings, &["--skip", "sql", "--skip", "broker"]);
    assert!(
        skipped.out.ends_with("All 5 that were asked are up.\n"),
        "{}",
        skipped.out
    );

    let down = health(
        &settings,
        &[
            "--consumer-worker",
            NOBODY,
            "--prometheus",
            &contato.api,
            "--grafana",
            &contato.api,
        ],
    );
    assert_eq!(down.code, Some(1));
    for (face, expected) in [
        ("consumer-worker", ": nobody answers: "),
        ("prometheus", ": not ready: 404 Not Found"),
        ("grafana", "which is not Grafana's answer: is the address right?"),
    ] {
        assert!(line(&down, face).starts_with("DOWN ") && line(&down, face).contains(expected));
    }
    assert!(line(&down, "api").starts_with("up "));
    assert!(
        down.out.ends_with("Down: 3 of 9 that were asked.\n"),
        "{}",
        down.out
    );

    let json = health(
        &settings,
        &["--json", "--dlq-function", &format!("{}/v1", contato.api)],
    );
    let told: Value = serde_json::from_str(&json.out).unwrap();
    assert_eq!((json.code, &told["up"]), (Some(1), &Value::Bool(false)));
    let face = |name: &str| {
        let faces = told["faces"].as_array().unwrap();
        faces.iter().find(|face| face["face"] == name).unwrap().clone()
    };
    assert_eq!(face("api")["state"], "up");
    assert!(face("api")["milliseconds"].is_u64());
    let wrong = face("dlq-function")["text"].as_str().unwrap().to_owned();
    assert!(
        wrong.contains("is not contato's answer: is the address right?"),
        "{wrong}"
    );
    assert_eq!(face("grafana")["state"], "notAsked");

    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
    let ended = health(&settings, &[]);
    assert!(
        ended.out.ends_with("Down: 5 of 7 that were asked.\n"),
        "{}",
        ended.out
    );
}

/// To see it red: take a role for up that answers 503, or wait for ever.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parts_that_are_down_and_silence_are_told_within_bounds() {
    let set = |name: &str, value: &str| (format!("CONTATO__{name}"), value.to_owned());
    let settings = with_ports(vec![
        set("STORE__URL", "postgres://contato:geheim@127.0.0.1:1/contato"),
        set("BROKER__URL", "embedded:queue.db"),
    ]);
    let folder = TempDir::new().unwrap();
    let contato = Contato::start_with(folder.path(), &settings);
    let printed = health(&settings, &["--skip", "console"]);
    assert_eq!(printed.code, Some(1));
    assert!(
        line(&printed, "api").starts_with("DOWN ")
            && line(&printed, "api").ends_with(": broker up, store down"),
        "{}",
        printed.out
    );
    assert!(line(&printed, "sql").contains("nobody answers for store.url: 127.0.0.1:1: "));
    assert!(
        line(&printed, "broker").starts_with("not asked"),
        "its roles tell: {}",
        printed.out
    );
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));

    // It takes connections and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let place = format!("http://{}", silent.local_addr().unwrap());
    let broker = set("BROKER__URL", "amqp://contato:geheim@127.0.0.1:1/%2f");
    let keys = set("IDS__KEY", "0123456789abcdef0123456789abcdef");
    let printed = health(
        &[settings, vec![broker, keys]].concat(),
        &["--alertmanager", &place, "--within", "300ms"],
    );
    assert!(
        line(&printed, "alertmanager").ends_with(": no answer within 300ms"),
        "{}",
        printed.out
    );
    assert!(
        line(&printed, "broker").contains("nobody answers at 127.0.0.1:1: "),
        "{}",
        printed.out
    );
    assert!(!printed.out.contains("geheim"), "{}", printed.out);

    let compose = health(&[], &["--at", "compose", "--api", NOBODY, "--json"]);
    let told: Value = serde_json::from_str(&compose.out).unwrap();
    let asked = |face: &&Value| face["state"] != "notAsked";
    let asked: Vec<_> = told["faces"].as_array().unwrap().iter().filter(asked).collect();
    let places: Vec<_> = asked.iter().map(|face| face["place"].as_str().unwrap()).collect();
    assert_eq!(
        places,
        [
            NOBODY,
            "http://127.0.0.1:8081",
            "http://127.0.0.1:9090/prometheus",
            "http://127.0.0.1:9093",
            "http://127.0.0.1:3000/grafana",
        ]
    );
}
