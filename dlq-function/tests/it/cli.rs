//! The command line, as an operator types it: the real binary, beside a running service.

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use shared::wire::{CommandStatus, Envelope, Reason};
use test_support::{Pair, eventually};

use crate::dead_letters::{Desk, send_dead_letter, worker};

/// Runs `dlq-function` with the pair's settings.
pub fn dlq(pair: &Pair, arguments: &[&str]) -> Output {
    let program = Path::new(env!("CARGO_BIN_EXE_dlq-function"));
    Command::new(program)
        .args(arguments)
        .env_clear()
        .envs(pair.environment())
        .output()
        .unwrap()
}

pub fn code(output: &Output) -> i32 {
    output.status.code().unwrap()
}

pub fn json(output: &Output) -> Value {
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text)
        .unwrap_or_else(|_| panic!("{text}{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_the_embedded_pair_beside_the_running_service() {
    tell_the_story(Pair::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_rabbitmq_and_postgres() {
    tell_the_story(Pair::servers().await).await;
}

async fn tell_the_story(pair: Pair) {
    let desk = Desk::open(&pair).await;
    assert_eq!(code(&dlq(&pair, &["replay"])), 2, "says which");
    assert_eq!(
        code(&dlq(&pair, &["replay", "--all", "--yes"])),
        3,
        "nothing matched"
    );
    let creates: Vec<_> = (0..4).map(|n| pair.create(&format!("Ana Souza {n}"))).collect();
    for create in &creates[..3] {
        send_dead_letter(&pair, create, Reason::StoreRefused).await;
    }
    send_dead_letter(&pair, &creates[3], Reason::HandlerPanic).await;
    let listed = desk.listed("state=open", 4).await;

    let output = dlq(
        &pair,
        &["list", "--json", "--reason", "store-refused", "--since", "1h"],
    );
    assert_eq!((code(&output), json(&output).as_array().unwrap().len()), (0, 3));
    let table = dlq(&pair, &["list"]);
    let table = String::from_utf8_lossy(&table.stdout).into_owned();
    assert!(
        table.contains("handler-panic") && table.lines().count() == 5,
        "{table}"
    );

    let id = listed[0]["id"].as_str().unwrap();
    let shown = dlq(&pair, &["show", id]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("would apply") && shown.contains("***") && !shown.contains("Souza"),
        "{shown}"
    );
    assert_eq!(
        code(&dlq(&pair, &["show", "01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1"])),
        3
    );
    assert_eq!(code(&dlq(&pair, &["show", "no-id"])), 2);
    assert_eq!(code(&dlq(&pair, &["list", "--reason", "bad-luck"])), 2);

    let plan = json(&dlq(&pair, &["replay", "--all", "--dry-run", "--json"]));
    assert_eq!(
        (plan["matched"].as_u64(), plan["would"]["wouldApply"].as_u64()),
        (Some(4), Some(4)),
        "{plan}"
    );
    assert_eq!(
        desk.listed("state=open", 4).await.len(),
        4,
        "a dry run changes nothing"
    );

    let unasked = dlq(&pair, &["discard", "--reason", "handler-panic"]);
    assert_eq!(code(&unasked), 1, "who cannot be asked has to say --yes");
    assert!(String::from_utf8_lossy(&unasked.stderr).contains("--yes"));
    let discarded = json(&dlq(
        &pair,
        &["discard", "--reason", "handler-panic", "--yes", "--json"],
    ));
    assert_eq!(
        (discarded["matched"].as_u64(), discarded["discarded"].as_u64()),
        (Some(1), Some(1))
    );

    replay_and_look_back(&pair, &creates[..3], id).await;
    desk.running.stop().await;
}

async fn replay_and_look_back(pair: &Pair, creates: &[Envelope], id: &str) {
    let worker = worker(pair).await;
    let output = dlq(pair, &["replay", "--all", "--yes", "--json"]);
    let replayed = json(&output);
    let replay = &replayed["replay"];
    assert_eq!(
        (code(&output), &replay["state"], &replay["counts"]["applied"]),
        (0, &json!("finished"), &json!(3)),
        "{replayed}"
    );
    for create in creates {
        let record = pair.parts.store.command(create.command.id).await.unwrap();
        assert_eq!(record.unwrap().status, CommandStatus::Applied);
    }
    let again = dlq(pair, &["replay", id, "--json"]);
    assert_eq!(code(&again), 4, "closed ones are refused: {}", json(&again));
    let why = json(&again)["refused"][0]["why"].to_string();
    assert!(why.contains("it is discarded"), "{why}");

    let listed = json(&dlq(pair, &["replays", "list", "--json"]));
    assert_eq!(listed[0]["id"], replay["id"]);
    let replay = replay["id"].as_str().unwrap();
    let items = dlq(pair, &["replays", "items", replay, "--json"]);
    let items = String::from_utf8(items.stdout).unwrap();
    let items = items
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let told: Vec<_> = items
        .map(|item| (item["position"].as_u64().unwrap(), item["state"].clone()))
        .collect();
    assert_eq!(told, [1, 2, 3].map(|position| (position, json!("applied"))));
    let table = dlq(pair, &["replays", "items", replay, "--limit", "2"]);
    assert_eq!(String::from_utf8(table.stdout).unwrap().lines().count(), 3);
    assert_eq!(code(&dlq(pair, &["replays", "items", id])), 3, "no replay");
    assert_eq!(code(&dlq(pair, &["replays", "stop", replay])), 4, "it has ended");
    assert_eq!(code(&dlq(pair, &["replays", "show", id])), 3, "no replay");
    let audit = dlq(pair, &["audit", "--json", "--action", "replay-started"]);
    let entry = json(&audit);
    assert_eq!((&entry["replayId"], &entry["count"]), (&json!(replay), &json!(3)));
    assert_eq!(entry["selection"]["state"], "open", "{entry}");
    worker.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_makes_what_a_replay_an_edit_and_a_discard_are_for() {
    let pair = Pair::embedded().await;
    let desk = Desk::open(&pair).await;
    assert_eq!(
        code(&dlq(&pair, &["drill"])),
        1,
        "who cannot be asked has to say --yes"
    );
    let drilled = json(&dlq(&pair, &["drill", "--yes", "--json"]));
    assert_eq!(
        (drilled["sent"].as_u64(), drilled["stored"].as_u64()),
        (Some(5), Some(5)),
        "{drilled}"
    );
    for (reason, count) in [("store-refused", 3), ("unstorable", 1), ("undecodable", 1)] {
        desk.listed(&format!("reason={reason}"), count).await;
    }
    let plan = json(&dlq(
        &pair,
        &["replay", "--all", "--operation", "create", "--dry-run", "--json"],
    ));
    assert_eq!(plan["would"]["wouldApply"].as_u64(), Some(3), "{plan}");
    desk.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_on_the_embedded_pair() {
    run_a_drill(Pair::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_drill_on_rabbitmq_and_postgres() {
    run_a_drill(Pair::servers().await).await;
}

/// What a drill makes, and a worker that runs: commands on both pairs from the first look to the last act.
async fn run_a_drill(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let worker = worker(&pair).await;
    dlq(&pair, &["drill", "--yes"]);

    let groups = json(&dlq(&pair, &["groups", "--json"]));
    assert_eq!(groups.as_array().unwrap().len(), 3, "{groups}");
    let group = groups
        .as_array()
        .unwrap()
        .iter()
        .find(|group| group["reason"] == "store-refused");
    let group = group.unwrap()["group"].as_str().unwrap().to_owned();

    let aside = json(&dlq(&pair, &["archive", "--group", &group, "--yes", "--json"]));
    assert_eq!(aside, json!({ "matched": 3, "archived": 3, "refused": [] }));
    assert_eq!(
        code(&dlq(&pair, &["replay", "--group", &group, "--yes"])),
        3,
        "archived ones are left alone"
    );
    let back = json(&dlq(&pair, &["restore", "--all", "--dry-run", "--json"]));
    assert_eq!((&back["matched"], &back["dryRun"]), (&json!(3), &json!(true)));
    let back = json(&dlq(&pair, &["restore", "--all", "--yes", "--json"]));
    assert_eq!(back["restored"], 3, "{back}");

    correct_the_phone(&pair).await;

    // What is still poison is dead again, and says so by its exit code.
    let poison = dlq(&pair, &["replay", "--reason", "undecodable", "--yes", "--json"]);
    assert_eq!(
        (code(&poison), &json(&poison)["replay"]["counts"]["deadAgain"]),
        (5, &json!(1))
    );
    desk.listed("state=open&reason=undecodable", 1).await;
    let given_up = json(&dlq(
        &pair,
        &["discard", "--reason", "undecodable", "--yes", "--json"],
    ));
    assert_eq!(
        (&given_up["matched"], &given_up["discarded"]),
        (&json!(1), &json!(1))
    );

    // Left to the service.
    let begun = dlq(
        &pair,
        &["replay", "--group", &group, "--yes", "--detach", "--json"],
    );
    assert_eq!(code(&begun), 0);
    let id = json(&begun)["replay"]["id"].as_str().unwrap().to_owned();
    eventually("the service has replayed them", async || {
        let view = json(&dlq(&pair, &["replays", "show", &id, "--json"]));
        (view["counts"]["applied"] == 3 && view["state"] == "finished").then_some(())
    })
    .await;
    worker.stop().await;
    desk.running.stop().await;
}

async fn correct_the_phone(pair: &Pair) {
    let ids = dlq(pair, &["list", "--reason", "unstorable", "--ids"]);
    let id = String::from_utf8_lossy(&ids.stdout).trim().to_owned();
    assert_eq!(code(&dlq(pair, &["edit", &id])), 2, "says what is corrected");
    assert_eq!(
        code(&dlq(pair, &["edit", &id, "--set", "phone=(10) 1"])),
        2,
        "checked at once"
    );
    let plan = json(&dlq(
        pair,
        &[
            "edit",
            &id,
            "--set",
            "phone=(11) 98765-4321",
            "--dry-run",
            "--json",
        ],
    ));
    assert_eq!(
        (&plan["changes"][0]["field"], &plan["replayWould"]),
        (&json!("phone"), &json!("wouldApply")),
        "{plan}"
    );
    assert!(!plan.to_string().contains("98765"), "{plan}");
    let unasked = dlq(pair, &["edit", &id, "--set", "phone=(11) 98765-4321"]);
    assert_eq!(code(&unasked), 1);
    let edited = json(&dlq(
        pair,
        &["edit", &id, "--set", "phone=(11) 98765-4321", "--yes", "--json"],
    ));
    assert_eq!(edited["replaces"], id, "{edited}");
    let again = dlq(pair, &["edit", &id, "--clear", "phone", "--yes"]);
    assert_eq!(code(&again), 4, "what was replaced is not corrected again");

    let revealed = dlq(pair, &["show", &id, "--reveal"]);
    assert_eq!(json(&revealed)["contact"]["name"], "Ensaio Quatro");
    let audit = dlq(pair, &["audit", "--json", "--dead-letter", &id]);
    let lines = String::from_utf8_lossy(&audit.stdout).into_owned();
    let acts: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        (&acts[0]["action"], &acts[1]["action"]),
        (&json!("reveal"), &json!("edit-and-replay")),
        "{lines}"
    );
    assert!(!lines.contains("Ensaio") && !lines.contains("98765"), "{lines}");
}

/// To see it red: let Ctrl-C end the program without stopping the replay.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_interrupt_leaves_a_replay_stopped_to_be_resumed() {
    let pair = Pair::embedded().await;
    let desk = Desk::open(&pair).await;
    dlq(&pair, &["drill", "--yes"]);
    // Nobody applies what is sent, so the replay does not end by itself.
    let child = Command::new(env!("CARGO_BIN_EXE_dlq-function"))
        .args(["replay", "--reason", "store-refused", "--yes"])
        .env_clear()
        .envs(pair.environment())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let running = || json(&dlq(&pair, &["replays", "list", "--json"]));
    let id = eventually("something was sent", async || {
        let replays = running();
        (replays[0]["counts"]["sent"] == 1).then(|| replays[0]["id"].as_str().unwrap().to_owned())
    })
    .await;
    let other = dlq(&pair, &["replay", "--reason", "store-refused", "--yes"]);
    let why = String::from_utf8_lossy(&other.stderr).into_owned();
    assert!(code(&other) == 3 && why.contains("in another replay"), "{why}");
    let interrupted = Command::new("kill")
        .args(["-INT", &child.id().to_string()])
        .status();
    assert!(interrupted.unwrap().success());
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        code(&output) == 1 && text.contains(&format!("replays resume {id}")),
        "{text}"
    );
    assert_eq!(running()[0]["state"], "stopped");

    let worker = worker(&pair).await;
    let resumed = dlq(&pair, &["replays", "resume", &id, "--json"]);
    assert_eq!(
        (code(&resumed), &json(&resumed)["counts"]["applied"]),
        (0, &json!(3))
    );
    worker.stop().await;
    desk.running.stop().await;
}

#[test]
fn completions_need_no_settings() {
    let printed = Command::new(env!("CARGO_BIN_EXE_dlq-function"))
        .args(["completions", "bash"])
        .env_clear()
        .output()
        .unwrap();
    assert_eq!(code(&printed), 0);
    assert!(String::from_utf8_lossy(&printed.stdout).contains("store-refused"));
}
