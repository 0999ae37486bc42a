//! producer-api dies between the broker's confirm and the answer: the client cannot know, and sends again.

use std::time::Duration;

use survival::{Answer, Check, Pace, Request, Role, Stack, Writer, contact};

/// How often the API dies under load.
const DEATHS: usize = 10;

const DIE_WITHIN: Duration = Duration::from_secs(180);

// Red with the key ignored (accept.rs): the retry had other ids.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_retry_with_its_key_gets_the_same_ids_and_has_one_effect() {
    let stack = Stack::shared().await;
    let _worker = stack.start(Role::ConsumerWorker).await;
    let _dlq = stack.start(Role::DlqFunction).await;
    let known = stack.start(Role::ProducerApi).await;
    let (_, existing) = stack
        .api(known.origin())
        .accepted(Request::create(contact(0)))
        .await;
    known.stop().await;

    let requests = [
        Request::create(contact(1)),
        Request::replace(existing, contact(2)),
        Request::delete(existing),
    ];
    applied(&stack, 1).await;
    for (before, request) in (1..).zip(requests) {
        let operation = request.action.operation();
        let request = request.keyed(operation.as_str());
        let mut dies = stack
            .start_to_fail(Role::ProducerApi, "published-not-answered:kill:1")
            .await;
        let answer = stack.api(dies.origin()).send(request.clone()).await;
        assert_eq!(answer, Answer::Unknown, "{operation}: it should have died");
        assert!(!dies.exit(DIE_WITHIN).await.success());
        applied(&stack, before + 1).await;

        let lives = stack.start(Role::ProducerApi).await;
        // The history refuses other ids than those that follow from the key.
        assert_eq!(stack.api(lives.origin()).repeat_unknown().await, 1);
        lives.stop().await;
    }
    // With the queues empty: no retry was another command.
    Check::default().hold(&stack).await;
    assert_eq!(stack.applied().await, stack.history.accepted());
}

/// Waits until so many commands are applied.
async fn applied(stack: &Stack, commands: usize) {
    test_support::eventually("the commands are applied", async || {
        (stack.applied().await == commands).then_some(())
    })
    .await;
}

// Red with the answer given before the command is published (accept.rs): commands answered 202 were never stored.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dying_under_load_it_loses_nothing_answered_and_does_nothing_twice() {
    let stack = Stack::shared().await;
    let _worker = stack.start(Role::ConsumerWorker).await;
    let _dlq = stack.start(Role::DlqFunction).await;
    let api = stack.supervise(Role::ProducerApi, |life| {
        (life < DEATHS).then(|| format!("published-not-answered:kill:{}", 20 + 7 * (life % 3)))
    });
    let client = stack.api(api.origin());
    let writer = Writer::start(&client, Pace::default());
    api.died(DEATHS, DIE_WITHIN).await;
    writer.stop().await;
    api.works().await;
    let unknown = stack
        .history
        .exchanges()
        .iter()
        .filter(|exchange| exchange.unknown())
        .count();
    assert!(
        unknown >= DEATHS,
        "only {unknown} requests were left without an answer"
    );
    let repeated = client.repeat_unknown().await;
    assert!(repeated > 0);
    Check::default().hold(&stack).await;
    println!(
        "{} sent, {unknown} left without an answer, {repeated} of them repeated",
        stack.history.exchanges().len()
    );
    api.stop().await;
}
