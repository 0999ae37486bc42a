//! `contato simulate`: the real binary against the real API, and against answers that are made up.

use std::{path::Path, process::Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Pair, eventually};

use super::{
    Contato,
    client::{Printed, answer, answers, client, run},
};

/// Fast, so that a test is short.
const FAST: [&str; 3] = ["simulate", "--rate", "200/s"];

fn simulate(api: &str, folder: &Path, arguments: &[&str]) -> Printed {
    run(client(api, &FAST).args(arguments).current_dir(folder))
}

/// The number in the line of a summary that begins so.
fn counted(printed: &Printed, kind: &str, answered: &str) -> u64 {
    let lines = printed
        .out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    lines
        .filter(|words| words.len() == 3 && words[..2] == [kind, answered])
        .map(|words| words[2].parse::<u64>().unwrap())
        .sum()
}

async fn get(url: &str) -> Value {
    reqwest::get(url).await.unwrap().json().await.unwrap()
}

/// How many dead letters there are once there are so many.
async fn dead_letters(contato: &Contato, expected: u64) {
    let url = format!(
        "http://{}/v1/dead-letters?state=open&limit=100",
        contato.dlq.trim_start_matches("http://")
    );
    eventually("the poison has become dead letters", async || {
        let found = get(&url).await["items"].as_array()?.len() as u64;
        (found == expected).then_some(())
    })
    .await;
}

/// To see it red: give every try of a repeat a new key, or take a pending command for one that has ended.
#[tokio::test(flavor = "multi_thread")]
async fn people_come_and_nothing_of_theirs_is_lost() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let elsewhere = TempDir::new().unwrap();
    let mix = "create=40,update=20,delete=10,read=10,repeat=10,invalid=10";
    let arguments = ["--count", "300", "--seed", "7", "--mix", mix, "--check"];
    let printed = simulate(&contato.api, elsewhere.path(), &arguments);
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (Some(0), ""),
        "{}",
        printed.out
    );
    for kind in ["create", "update", "delete", "repeat"] {
        assert!(counted(&printed, kind, "202") > 0, "{kind}: {}", printed.out);
    }
    for answered in ["400", "404", "422"] {
        assert!(
            counted(&printed, "invalid", answered) > 0,
            "{answered}: {}",
            printed.out
        );
    }
    assert!(counted(&printed, "read", "200") > 0, "{}", printed.out);
    let accepted: u64 = ["create", "update", "delete"]
        .map(|kind| counted(&printed, kind, "202"))
        .iter()
        .sum();
    assert!(
        printed
            .out
            .contains(&format!("checked       {accepted} accepted commands: applied ")),
        "{}",
        printed.out
    );
    assert!(
        printed.out.contains("latency       202 after "),
        "{}",
        printed.out
    );

    let shown = get(&format!("{}/v1/contacts?limit=100", contato.api)).await;
    let shown = shown["items"].as_array().unwrap();
    assert!(!shown.is_empty());
    for contact in shown {
        let (phone, email) = (contact["phone"].as_str(), contact["email"].as_str());
        assert!(
            phone.is_none_or(|phone| phone.starts_with("+55") && &phone[5..7] == "90"),
            "{contact}"
        );
        assert!(
            email.is_none_or(|email| email.ends_with("@example.com")),
            "{contact}"
        );
    }
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0, "it made a file");
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

/// To see it red: publish to another queue, or open one that is not there.
#[tokio::test(flavor = "multi_thread")]
async fn poison_becomes_dead_letters_on_embedded_storage() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let arguments = ["--count", "60", "--poison", "30%"];
    let elsewhere = TempDir::new().unwrap();
    let refused = simulate(&contato.api, elsewhere.path(), &arguments);
    assert_eq!((refused.code, refused.out.as_str()), (Some(2), ""));
    assert!(
        refused
            .err
            .contains("there is no queue data/queue.db; --poison puts messages"),
        "{}",
        refused.err
    );
    assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0, "it made a file");
    let refused = simulate("http://api.example", folder.path(), &arguments);
    assert!(
        refused.code == Some(2) && refused.err.contains("the API is on another machine"),
        "{}",
        refused.err
    );

    let printed = simulate(
        &contato.api,
        folder.path(),
        &[&arguments[..], &["--check"]].concat(),
    );
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (Some(0), ""),
        "{}",
        printed.out
    );
    let poison = counted(&printed, "poison", "queue");
    assert!((1..60).contains(&poison), "{}", printed.out);
    dead_letters(&contato, poison).await;
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn poison_becomes_dead_letters_on_servers() {
    let pair = Pair::servers().await;
    let folder = TempDir::new().unwrap();
    let contato = Contato::start_with(folder.path(), &pair.environment());
    let elsewhere = TempDir::new().unwrap();
    let mut command = client(&contato.api, &FAST);
    command
        .args(["--count", "30", "--poison", "30%"])
        .current_dir(elsewhere.path());
    let printed = run(command.envs(pair.environment()));
    assert_eq!(
        (printed.code, printed.err.as_str()),
        (Some(0), ""),
        "{}",
        printed.out
    );
    dead_letters(&contato, counted(&printed, "poison", "queue")).await;

    let nobody = [("CONTATO__BROKER__URL", "amqp://u:geheim@127.0.0.1:1/%2f")];
    let printed = run(command.envs(nobody));
    assert_eq!(printed.code, Some(1));
    assert!(
        printed.err.contains("does not let us in") && !printed.err.contains("geheim"),
        "{}",
        printed.err
    );
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

/// To see it red: end without a summary, or with a failure.
#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_until_it_is_told_to_end() {
    let folder = TempDir::new().unwrap();
    let contato = Contato::start(folder.path());
    let endless = client(&contato.api, &FAST)
        .args(["--wave", "10s"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    eventually("contacts come", async || {
        let shown = get(&format!("{}/v1/contacts?limit=20", contato.api)).await;
        (shown["items"].as_array()?.len() == 20).then_some(())
    })
    .await;
    let sent = std::process::Command::new("kill")
        .args(["-INT", &endless.id().to_string()])
        .status();
    assert!(sent.unwrap().success());
    let ended = endless.wait_with_output().unwrap();
    let summary = String::from_utf8(ended.stdout).unwrap();
    assert_eq!(ended.status.code(), Some(0));
    assert!(
        summary.starts_with("create        202 ") && summary.contains("a second, for "),
        "{summary}"
    );
    contato.signal("TERM");
    assert_eq!(contato.end().0.code(), Some(0));
}

/// To see it red: send again under another key, at once, or say that all is well.
#[test]
fn it_comes_again_when_it_may_and_tells_what_has_no_outcome() {
    let empty = || answer("200 OK", "", &json!({"items": []}));
    let pending = json!({"id": "c-1", "status": "pending", "contactId": "p-1"});
    let one = [
        "--count",
        "1",
        "--mix",
        "create=1",
        "--check",
        "--check-within",
        "0s",
    ];
    let (api, asked) = answers(vec![
        empty(),
        answer("429 Too Many Requests", "retry-after: 1\r\n", &json!({})),
        answer("503 Service Unavailable", "retry-after: 0\r\n", &json!({})),
        answer("202 Accepted", "", &pending),
        answer("200 OK", "", &pending),
    ]);
    let since = std::time::Instant::now();
    let printed = simulate(&api, Path::new("."), &one);
    assert!(
        since.elapsed().as_millis() >= 1000,
        "it was asked to come after a second"
    );
    assert_eq!(printed.code, Some(1), "{}", printed.out);
    assert!(
        printed
            .err
            .contains("1 commands that were accepted have no outcome within 0ns"),
        "{}",
        printed.err
    );
    assert!(
        printed.out.contains("1 have no outcome yet, such as\n"),
        "{}",
        printed.out
    );
    for answered in ["429", "503", "202"] {
        assert_eq!(counted(&printed, "create", answered), 1, "{}", printed.out);
    }
    let asked = asked.join().unwrap();
    let key = |request: &String| {
        let key = request.lines().find(|line| line.starts_with("idempotency-key: "));
        key.unwrap().to_owned()
    };
    assert!(key(&asked[1]) == key(&asked[2]) && key(&asked[2]) == key(&asked[3]));
    assert!(
        asked[4].starts_with("GET /base/v1/commands/c-1 HTTP/1.1\r\n"),
        "{}",
        asked[4]
    );

    let (api, _asked) = answers(vec![empty(), answer("202 Accepted", "", &json!({}))]);
    let taken = simulate(&api, Path::new("."), &["--count", "1", "--mix", "invalid=1"]);
    assert!(
        taken.code == Some(1) && taken.err.contains("not as the API promises"),
        "{}",
        taken.err
    );

    let (api, _asked) = answers(vec![answer("401 Unauthorized", "", &json!({}))]);
    assert_eq!(simulate(&api, Path::new("."), &one).code, Some(1));
    let nobody = simulate("http://127.0.0.1:1", Path::new("."), &one);
    assert!(
        nobody.code == Some(1) && nobody.err.contains("the API cannot be reached"),
        "{}",
        nobody.err
    );
    for wrong in [["--rate", "fast"], ["--mix", "purge=1"], ["--poison", "1"]] {
        assert_eq!(simulate(&api, Path::new("."), &wrong).code, Some(2), "{wrong:?}");
    }
}
