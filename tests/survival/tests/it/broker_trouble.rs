//! The broker dies, raises an alarm, has a full queue: no 202 is lost, writes are answered 503 in time, and all sides recover
//! by themselves. A request that is not answered in time is a violation by itself (see `Answer::Hung`).

use std::time::Duration;

use shared::wire::Reason;
use survival::{Answer, Api, Check, Pace, Request, Role, Stack, Writer, contact, publish};
use test_support::{Server, eventually_within};

/// How often the broker dies.
const DEATHS: usize = 3;

/// How long a role may take to notice a change at the broker, reconnecting included.
const NOTICED_WITHIN: Duration = Duration::from_secs(30);

/// More than this many commands are a stream.
const STREAM: usize = 50;

/// Commands that wait when the alarm is raised.
const BACKLOG: usize = 1000;

/// How often a client writes while the alarm lasts.
const WRITES_IN_ALARM: usize = 5;

const MAX_LENGTH: u64 = 50;

/// Waits until so many answers more are like this.
async fn answered(stack: &Stack, what: &str, more: usize, like: impl Fn(&Answer) -> bool) {
    let count = || {
        let exchanges = stack.history.exchanges();
        let answers = exchanges.iter().flat_map(|exchange| &exchange.answers);
        answers.filter(|answer| like(answer)).count()
    };
    let before = count();
    eventually_within(NOTICED_WITHIN, what, async || {
        (count() >= before + more).then_some(())
    })
    .await;
}

fn accepted(answer: &Answer) -> bool {
    matches!(answer, Answer::Accepted(..))
}

fn refused(answer: &Answer) -> bool {
    *answer == Answer::Refused(503)
}

fn summary(stack: &Stack) -> String {
    let exchanges = stack.history.exchanges();
    let refused = exchanges
        .iter()
        .filter(|exchange| exchange.answers.iter().any(refused));
    let unknown = exchanges.iter().filter(|exchange| exchange.unknown());
    format!(
        "{} sent, {} answered 202, {} answered 503, {} left open",
        exchanges.len(),
        stack.history.accepted(),
        refused.count(),
        unknown.count()
    )
}

// Red with the answer given before the command is published (accept.rs): no write was refused while the broker was gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_it_loses_nothing_answered_and_everybody_comes_back() {
    let stack = Stack::own("broker").await;
    let api = stack.start(Role::ProducerApi).await;
    let dlq = stack.start(Role::DlqFunction).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    stack.write_queues_down().await;
    let client = stack.api(api.origin());
    let writer = Writer::start(&client, Pace::default());
    for _ in 0..DEATHS {
        stack.applies_more(STREAM, NOTICED_WITHIN).await;
        stack.servers.kill(Server::RabbitMq).await;
        answered(&stack, "a write is refused", 1, refused).await;
        stack.servers.start(Server::RabbitMq).await;
        answered(&stack, "writes are accepted", STREAM, accepted).await;
    }
    stack.applies_more(STREAM, NOTICED_WITHIN).await;
    writer.stop().await;
    client.repeat_unknown().await;
    Check::default().hold(&stack).await;
    println!("{}", summary(&stack));
    for process in [api, dlq, worker] {
        process.stop().await;
    }
}

// Red with publishes that are sent on a blocked connection and wait ten times as long: requests hung. Red with what was read
// ahead returned at a change of pace (worker.rs), the pace for single messages first (pace.rs), and arrays taken apart at
// their first return (follow_up.rs): the worker stopped.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_alarm_writes_are_refused_in_time_and_what_waits_is_applied() {
    let stack = Stack::own("alarm").await;
    let api = stack.start(Role::ProducerApi).await;
    let dlq = stack.start(Role::DlqFunction).await;
    let client = stack.api(api.origin());
    let fast = Pace {
        per_second: 1000,
        ..Pace::default()
    };
    let writer = Writer::start(&client, fast);
    eventually_within(NOTICED_WITHIN, "there is a backlog", async || {
        (stack.history.accepted() > BACKLOG).then_some(())
    })
    .await;
    writer.stop().await;
    let broker = stack.broker().await;
    // Its dead letter cannot be sent before the alarm ends.
    publish(broker.as_ref(), b"nome=Zuleica".to_vec()).await;
    broker.close().await;
    let worker = stack.start(Role::ConsumerWorker).await;

    alarm(&stack, "absolute", "1").await;
    refused_in_time(&client).await;
    let waiting = stack.history.accepted();
    eventually_within(NOTICED_WITHIN, "what waits is applied and settled", async || {
        let settled = stack
            .queues()
            .await
            .iter()
            .any(|(name, held)| name == "contato" && *held <= 1);
        let rows = stack.rows("SELECT 1 FROM commands").await;
        (settled && rows.len() >= waiting).then_some(())
    })
    .await;
    refused_in_time(&client).await;
    assert_eq!(
        stack.history.accepted(),
        waiting,
        "a write was accepted during the alarm"
    );

    alarm(&stack, "0.9", "").await;
    let writer = Writer::start(
        &client,
        Pace {
            seed: 2,
            ..Pace::default()
        },
    );
    answered(&stack, "writes are accepted", STREAM, accepted).await;
    stack.applies_more(STREAM, NOTICED_WITHIN).await;
    writer.stop().await;
    client.repeat_unknown().await;
    let check = Check {
        dead: vec![(None, Reason::Undecodable)],
    };
    check.hold(&stack).await;
    println!("{}", summary(&stack));
    for process in [api, dlq, worker] {
        process.stop().await;
    }
}

async fn alarm(stack: &Stack, how: &str, value: &str) {
    let arguments = ["set_vm_memory_high_watermark", how, value];
    let given = arguments.iter().filter(|argument| !argument.is_empty());
    stack
        .servers
        .rabbitmqctl(&given.copied().collect::<Vec<_>>())
        .await;
}

/// Writes until so many were refused; none may be accepted after the first refusal.
async fn refused_in_time(client: &Api) {
    eventually_within(NOTICED_WITHIN, "a write is refused", async || {
        let answer = client.send(Request::create(contact(0))).await;
        refused(&answer).then_some(())
    })
    .await;
    for _ in 0..WRITES_IN_ALARM {
        let answer = client.send(Request::create(contact(0))).await;
        assert_eq!(answer, Answer::Refused(503));
    }
}

// Red with a queue that drops its oldest message when it is full (`drop-head`, topology.rs): no write was refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_it_refuses_writes_until_there_is_room() {
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__BROKER__MAX_LENGTH", &MAX_LENGTH.to_string());
    let api = stack.start(Role::ProducerApi).await;
    let dlq = stack.start(Role::DlqFunction).await;
    let client = stack.api(api.origin());
    let writer = Writer::start(&client, Pace::default());
    answered(&stack, "writes are refused", STREAM, refused).await;
    let held = stack.history.accepted() as u64;
    assert!(held >= MAX_LENGTH, "only {held} were accepted");
    let worker = stack.start(Role::ConsumerWorker).await;
    answered(&stack, "writes are accepted", STREAM, accepted).await;
    stack.applies_more(STREAM, NOTICED_WITHIN).await;
    writer.stop().await;
    client.repeat_unknown().await;
    Check::default().hold(&stack).await;
    println!("{}", summary(&stack));
    for process in [api, dlq, worker] {
        process.stop().await;
    }
}
