//! What the canary says when a part of the way is gone, and that it runs on.

use std::{fs, time::Duration};

use serde_json::Value;
use survival::{Process, Role, Stack};
use test_support::{Server, eventually_within};

/// The shortest interval that the settings take.
const EVERY: &str = "10s";
/// An interval, its jitter, and a run that waits in vain; and what an outage takes to be noticed.
const SOON: Duration = Duration::from_secs(45);

/// Each failure that was logged, as `step: reason`.
fn failures(stack: &Stack) -> Vec<String> {
    let logs = fs::read_dir(stack.logs()).unwrap().map(|log| log.unwrap().path());
    let text: String = logs.map(|log| fs::read_to_string(log).unwrap()).collect();
    let lines = text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let failure = |line: Value| {
        let fields = line.get("fields").unwrap_or(&line);
        let step = fields.get("canary.step")?.as_str()?.to_owned();
        Some(format!("{step}: {}", fields.get("canary.reason")?.as_str()?))
    };
    lines.filter_map(failure).collect()
}

async fn fails_with(stack: &Stack, expected: &str) {
    eventually_within(SOON, expected, async || {
        failures(stack)
            .iter()
            .any(|failure| failure.starts_with(expected))
            .then_some(())
    })
    .await;
}

async fn succeeds_again(api: &Process) {
    let runs = async || {
        let metrics = api.metrics().await?;
        Some(metrics.sum("contato_canary_runs_total", &["outcome=\"succeeded\""]))
    };
    let before = eventually_within(SOON, "metrics", runs).await;
    eventually_within(SOON, "a run succeeds", async || {
        runs().await.filter(|now| *now > before)
    })
    .await;
}

/// To see it red: take a command that has no record for one that SQL cannot tell of, or end the canary with its first failure.
#[tokio::test(flavor = "multi_thread")]
async fn it_says_which_step_failed_and_why_and_recovers() {
    let mut stack = Stack::own("canary").await;
    stack.set("CONTATO__CANARY__EVERY", EVERY);
    let api = stack.start(Role::ProducerApi).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    succeeds_again(&api).await;
    assert_eq!(failures(&stack), [""; 0]);

    worker.stop().await;
    fails_with(&stack, "apply-create: no worker has applied it in time").await;
    let worker = stack.start(Role::ConsumerWorker).await;
    succeeds_again(&api).await;

    stack.servers.stop(Server::Postgres).await;
    fails_with(&stack, "apply-create: SQL does not answer: ").await;
    stack.servers.start(Server::Postgres).await;
    succeeds_again(&api).await;

    // Nothing that a list would show is left, and no failure was told twice.
    let failed = api.metrics().await.unwrap();
    let failed = failed.sum("contato_canary_runs_total", &["outcome=\"failed\""]);
    assert_eq!(failures(&stack).len() as f64, failed);
    api.stop().await;
    eventually_within(SOON, "all are deleted", async || {
        let shown = stack.rows("SELECT 1 FROM contacts WHERE life <> 'deleted'").await;
        shown.is_empty().then_some(())
    })
    .await;
    worker.stop().await;
}
