//! Two workers, everything twice, in reverse: the same contacts as once and in order.

use shared::wire::encode_batch;
use survival::{Check, Pace, Role, Stack, Writer, capture, publish};
use test_support::eventually;

/// How many commands a history has.
const COMMANDS: usize = 600;

/// So many commands make an array.
const TOGETHER: usize = 3;

/// All that the rows of contacts say, but for the times of the commits.
const CONTACTS: &str = "
SELECT concat_ws('|', id, life, created_by, name, name_key, name_stamp, name_command, phone, phone_stamp, phone_command,
  area_code, state, email, email_stamp, email_command, (deleted_at IS NULL)::text) AS line
FROM contacts ORDER BY id";

const FORGET: &str = "TRUNCATE contacts, commands, dead_letters, ledger_fields, ledger_outcomes";

// Red with fields that are set whatever has set them before (`Slot::set`, contact.rs): stamps went back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_workers_end_with_the_same_rows_from_everything_twice_in_reverse() {
    let mut stack = Stack::shared().await;
    // Small ones, so that both workers have some under way.
    stack.set("CONTATO__BATCH__MAX", "8");
    let api = stack.start(Role::ProducerApi).await;
    let broker = stack.broker().await;
    let writer = Writer::start(&stack.api(api.origin()), Pace::default());
    eventually("a history", async || {
        (stack.history.accepted() >= COMMANDS).then_some(())
    })
    .await;
    writer.stop().await;
    api.stop().await;
    let history = capture(broker.as_ref(), stack.history.accepted()).await;

    let _dlq = stack.start(Role::DlqFunction).await;
    let one = stack.start(Role::ConsumerWorker).await;
    for command in &history {
        publish(broker.as_ref(), command.clone()).await;
    }
    Check::default().hold(&stack).await;
    let in_order = contacts(&stack).await;
    assert!(!in_order.is_empty());

    stack.sql(FORGET).await;
    let other = stack.start(Role::ConsumerWorker).await;
    let mut reversed = history.clone();
    reversed.reverse();
    for together in reversed.chunks(TOGETHER) {
        for command in together {
            publish(broker.as_ref(), command.clone()).await;
        }
        publish(broker.as_ref(), encode_batch(together)).await;
    }
    Check::default().hold(&stack).await;
    assert_eq!(contacts(&stack).await, in_order);
    for worker in [one, other] {
        let metrics = worker.metrics().await.expect("it lives");
        let work = metrics.sum("contato_commands_completed_total", &[]);
        assert!(work > 0.0, "a worker had nothing to do");
        worker.stop().await;
    }
    broker.close().await;
}

async fn contacts(stack: &Stack) -> Vec<String> {
    let rows = stack.rows(CONTACTS).await;
    rows.iter().map(|row| row.try_get("", "line").unwrap()).collect()
}
