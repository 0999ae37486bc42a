//! SIGTERM under load: each role ends with exit code 0 in time, loses nothing that was answered, and causes no error answer.

use std::time::Duration;

use shared::wire::Reason;
use survival::{Answer, Check, Pace, Process, Role, Stack, Writer, publish};
use test_support::eventually_within;

/// How often each role is told to end.
const ROUNDS: u64 = 5;

/// The default of `shutdown.deadline`.
const DEADLINE: Duration = Duration::from_secs(20);

const APPLIES_WITHIN: Duration = Duration::from_secs(20);

/// Many at once, so that some are under way whenever the signal comes.
const BUSY: Pace = Pace {
    per_second: 400,
    at_once: 32,
    contacts: 40,
    seed: 0,
};

/// Waits until so many commands more have ended.
async fn ends_more(stack: &Stack, more: usize) {
    let count = async || stack.rows("SELECT 1 FROM commands").await.len();
    let before = count().await;
    eventually_within(APPLIES_WITHIN, "commands end", async || {
        (count().await > before + more).then_some(())
    })
    .await;
}

async fn ends_well(mut process: Process) {
    process.terminate();
    let status = process.exit(DEADLINE).await;
    assert_eq!(status.code(), Some(0), "{status}");
}

/// Every answer was a 202.
fn no_errors(stack: &Stack) {
    let exchanges = stack.history.exchanges();
    let answers = exchanges.iter().flat_map(|exchange| &exchange.answers);
    let errors: Vec<_> = answers
        .filter(|answer| !matches!(answer, Answer::Accepted(..)))
        .collect();
    assert!(
        errors.is_empty(),
        "{} of {}: {errors:?}",
        errors.len(),
        exchanges.len()
    );
}

// Red with a drain of 0 (drain.rs): requests that were sent on connections just being closed were left without an answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_answers_whoever_leaves_when_it_says_that_it_is_not_ready() {
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__SHUTDOWN__DRAIN", "3s");
    let dlq = stack.start(Role::DlqFunction).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    for round in 0..ROUNDS {
        let mut api = stack.start(Role::ProducerApi).await;
        let pace = Pace {
            seed: 1000 * round,
            ..BUSY
        };
        let writer = Writer::start(&stack.api(api.origin()), pace);
        ends_more(&stack, 100).await;
        api.terminate();
        // As a load balancer does.
        api.not_ready().await;
        writer.stop().await;
        let status = api.exit(DEADLINE).await;
        assert_eq!(status.code(), Some(0), "{status}");
    }
    no_errors(&stack);
    Check::default().hold(&stack).await;
    println!("{} sent", stack.history.exchanges().len());
    worker.stop().await;
    dlq.stop().await;
}

// Red with automatic acknowledgement (rabbitmq/consumer.rs): commands in hand were gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_worker_and_dlq_function_finish_or_give_back_what_they_have_in_hand() {
    let stack = Stack::shared().await;
    let api = stack.start(Role::ProducerApi).await;
    let broker = stack.broker().await;
    let writer = Writer::start(&stack.api(api.origin()), BUSY);
    let mut dead = Vec::new();
    for _ in 0..ROUNDS {
        let dlq = stack.start(Role::DlqFunction).await;
        let worker = stack.start(Role::ConsumerWorker).await;
        for _ in 0..20 {
            let body = format!("nome=Zuleica&linha={}", dead.len());
            publish(broker.as_ref(), body.into_bytes()).await;
            dead.push((None, Reason::Undecodable));
        }
        ends_more(&stack, 100).await;
        ends_well(worker).await;
        ends_well(dlq).await;
    }
    let dlq = stack.start(Role::DlqFunction).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    writer.stop().await;
    no_errors(&stack);
    Check { dead }.hold(&stack).await;
    println!("{} sent", stack.history.exchanges().len());
    for process in [api, worker, dlq] {
        process.stop().await;
    }
    broker.close().await;
}
