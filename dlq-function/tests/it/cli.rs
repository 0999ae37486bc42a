//! The command line, as an operator types it: the real binary, beside a running service.

use std::{
    path::Path,
    process::{Command, Output},
};

use serde_json::Value;
use shared::wire::{CommandStatus, Reason};
use test_support::{Pair, eventually};

use crate::dead_letters::{Desk, send_dead_letter};

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

    let replayed = dlq(&pair, &["replay", "--all", "--yes", "--json"]);
    assert_eq!(
        (code(&replayed), json(&replayed)["replayed"].as_u64()),
        (0, Some(3))
    );
    let service = consumer_worker::build(&pair.settings, pair.parts.clone())
        .await
        .unwrap();
    let worker = pair.run(|stop| service.run(stop));
    for create in &creates[..3] {
        eventually("it is applied", async || {
            let record = pair
                .parts
                .store
                .command(create.command.id)
                .await
                .unwrap()
                .unwrap();
            (record.status == CommandStatus::Applied).then_some(())
        })
        .await;
    }
    let again = dlq(&pair, &["replay", id, "--json"]);
    assert_eq!(code(&again), 4, "closed ones are refused: {}", json(&again));
    worker.stop().await;
    desk.running.stop().await;
}
