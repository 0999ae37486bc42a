//! consumer-worker dies where it hurts most: between two steps, again and again, or of one message every time.

use std::time::Duration;

use shared::{
    domain::CommandId,
    wire::{Reason, encode_batch},
};
use survival::{Check, Pace, Request, Role, Stack, Supervised, Writer, capture, contact, publish};
use test_support::eventually_within;

/// How often the worker dies in one test.
const DEATHS: usize = 10;

/// Small batches, so that much is in hand in many of them.
const BATCH: usize = 8;

/// What is in hand when the worker dies comes again one by one: after so many transactions it takes batches again, whatever
/// happened.
const CAREFUL_MAX: usize = 2 * BATCH + 2;

/// So that there are batches.
const MUCH_AT_ONCE: Pace = Pace {
    per_second: 400,
    at_once: 24,
    contacts: 40,
    seed: 1,
};

const DIE_WITHIN: Duration = Duration::from_secs(180);

/// How many commands wait before and behind the one that kills.
const NEIGHBOURS: u64 = 30;

/// Every fourth contact: SQL refuses the first two attempts of its commands. The nil id is that of the worker's probe.
const REFUSE_TWICE: &str = "
CREATE FUNCTION refuse_twice() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.attempts <= 2 AND NEW.id <> '00000000-0000-0000-0000-000000000000'
     AND get_byte(uuid_send(NEW.contact_id), 15) % 4 = 0 THEN
    RAISE EXCEPTION 'not yet' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse_twice BEFORE INSERT ON commands FOR EACH ROW EXECUTE FUNCTION refuse_twice();
";

/// The worker dies again and again at a place under load, each time a little later in full pace, and what it had in hand
/// comes again; then one lives on.
async fn dies_at(stack: &mut Stack, place: &'static str, pace: Pace) -> Supervised {
    stack.set("CONTATO__BATCH__MAX", &BATCH.to_string());
    let api = stack.start(Role::ProducerApi).await;
    let _dlq = stack.start(Role::DlqFunction).await;
    let worker = stack.supervise(Role::ConsumerWorker, move |life| {
        (life < DEATHS).then(|| format!("{place}:kill:{}", CAREFUL_MAX + 2 + life % 4))
    });
    let writer = Writer::start(&stack.api(api.origin()), pace);
    worker.died(DEATHS, DIE_WITHIN).await;
    writer.stop().await;
    Check::default().hold(stack).await;

    let redelivered = worker.sum("contato_redelivered_total", &[]);
    assert!(redelivered >= DEATHS as f64, "only {redelivered} redeliveries");
    let transactions = worker.sum("contato_batch_size_count", &[]);
    let commands = worker.sum("contato_batch_size_sum", &[]);
    assert!(commands > transactions, "there were no batches");
    println!(
        "{place}: {} sent, {commands} in {transactions} transactions, {redelivered} redelivered, {} repeats, {} retries",
        stack.history.exchanges().len(),
        repeats(&worker),
        worker.sum("contato_retries_total", &[]),
    );
    worker
}

/// Commands that came again after they had ended.
fn repeats(worker: &Supervised) -> f64 {
    worker.sum("contato_commands_completed_total", &["result=\"duplicate\""])
}

// Red with automatic acknowledgement (rabbitmq/consumer.rs): accepted commands never ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_writing_and_committing_it_loses_nothing() {
    let mut stack = Stack::shared().await;
    let worker = dies_at(&mut stack, "written-not-committed", MUCH_AT_ONCE).await;
    worker.stop().await;
}

// Red with no outcomes given to the inbox in apply.rs: nothing that came again was known as a repeat.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_committing_and_settling_it_does_nothing_twice() {
    let mut stack = Stack::shared().await;
    let worker = dies_at(&mut stack, "committed-not-settled", MUCH_AT_ONCE).await;
    let repeats = repeats(&worker);
    assert!(
        repeats > DEATHS as f64,
        "only {repeats} repeats: no batch was hit"
    );
    worker.stop().await;
}

// Red with the delivery settled before its retry is published in outbox.rs: accepted commands never ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_sending_on_and_settling_it_loses_nothing_and_does_nothing_twice() {
    let mut stack = Stack::shared().await;
    stack.sql(REFUSE_TWICE).await;
    let worker = dies_at(&mut stack, "sent-on-not-settled", Pace::default()).await;
    let retries = worker.sum("contato_retries_total", &[]);
    assert!(retries > DEATHS as f64, "only {retries} retries");
    let repeats = repeats(&worker);
    assert!(repeats > 0.0, "no command was there in two copies");
    worker.stop().await;
}

// This one and the next: red with the worker always in full pace and redelivered messages in batches (worker.rs, intake.rs):
// neighbours were brought over the delivery limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_kills_every_time_ends_alone_as_a_dead_letter() {
    kills_every_time(20, 1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_kills_two_workers_every_time_ends_alone_as_a_dead_letter() {
    kills_every_time(5, 2).await;
}

async fn kills_every_time(delivery_limit: usize, workers: usize) {
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__BROKER__DELIVERY_LIMIT", &delivery_limit.to_string());
    let api = stack.start(Role::ProducerApi).await;
    let _dlq = stack.start(Role::DlqFunction).await;
    let killer = queue_between_neighbours(&stack, api.origin()).await;
    let workers: Vec<_> = (0..workers)
        .map(|_| {
            stack.supervise(Role::ConsumerWorker, move |_| {
                Some(format!("handling:kill:{}", killer.as_uuid()))
            })
        })
        .collect();
    let check = Check {
        dead: vec![(Some(killer), Reason::DeliveryLimit)],
    };
    eventually_within(DIE_WITHIN, "there is a dead letter", async || {
        let dead = stack.rows("SELECT 1 FROM dead_letters").await;
        (!dead.is_empty()).then_some(())
    })
    .await;
    check.hold(&stack).await;
    all_neighbours_applied(&stack).await;
    let deaths: usize = workers.iter().map(Supervised::deaths).sum();
    // Once more than the broker delivers it again.
    assert_eq!(deaths, delivery_limit + 1);
    for worker in workers {
        worker.stop().await;
    }
}

// Red with arrays never taken apart (follow_up.rs): the whole array was brought over the delivery limit.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_command_that_kills_every_time_takes_none_of_its_array_with_it() {
    const DELIVERY_LIMIT: usize = 3;
    let mut stack = Stack::shared().await;
    stack.set("CONTATO__BROKER__DELIVERY_LIMIT", &DELIVERY_LIMIT.to_string());
    // Longer than it takes to take the array apart, on a busy disk, too: else the command comes back, and kills, before
    // that is done.
    stack.set("CONTATO__BROKER__RETRY_DELAYS", "20s,20s,20s");
    let api = stack.start(Role::ProducerApi).await;
    let _dlq = stack.start(Role::DlqFunction).await;
    let killer = queue_between_neighbours(&stack, api.origin()).await;
    let broker = stack.broker().await;
    let commands = capture(broker.as_ref(), stack.history.accepted()).await;
    publish(broker.as_ref(), encode_batch(&commands)).await;
    broker.close().await;
    let worker = stack.supervise(Role::ConsumerWorker, move |_| {
        Some(format!("handling:kill:{}", killer.as_uuid()))
    });
    // Twice in its array, then alone: once more than the broker delivers it again.
    let alone = DELIVERY_LIMIT + 1;
    worker.died(2 + alone, DIE_WITHIN).await;
    let check = Check {
        dead: vec![(Some(killer), Reason::DeliveryLimit)],
    };
    check.hold(&stack).await;
    all_neighbours_applied(&stack).await;
    // Where the broker stalled all the same, the array was taken apart twice, and there were two copies to die of.
    let deaths = worker.deaths();
    assert!([2 + alone, 2 + 2 * alone].contains(&deaths), "{deaths} deaths");
    worker.stop().await;
}

// Red with a panicking batch given up as a whole in decide.rs: the neighbours were dead-lettered, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_costs_its_own_command_and_nothing_else() {
    let stack = Stack::shared().await;
    let api = stack.start(Role::ProducerApi).await;
    let _dlq = stack.start(Role::DlqFunction).await;
    let panics = queue_between_neighbours(&stack, api.origin()).await;
    let fault = format!("handling:panic:{}", panics.as_uuid());
    let mut worker = stack.start_to_fail(Role::ConsumerWorker, &fault).await;
    let check = Check {
        dead: vec![(Some(panics), Reason::HandlerPanic)],
    };
    check.hold(&stack).await;
    all_neighbours_applied(&stack).await;
    assert_eq!(worker.ended(), None, "it should live on");
    worker.stop().await;
}

/// Queues creates, in their middle one whose id is given, and behind it an update of the same contact.
async fn queue_between_neighbours(stack: &Stack, origin: String) -> CommandId {
    let api = stack.api(origin);
    for number in 0..NEIGHBOURS {
        api.accepted(Request::create(contact(number))).await;
    }
    let (special, its_contact) = api.accepted(Request::create(contact(NEIGHBOURS))).await;
    api.accepted(Request::replace(its_contact, contact(NEIGHBOURS + 1)))
        .await;
    for number in NEIGHBOURS + 2..2 * NEIGHBOURS {
        api.accepted(Request::create(contact(number))).await;
    }
    special
}

async fn all_neighbours_applied(stack: &Stack) {
    let applied = stack
        .rows("SELECT 1 FROM commands WHERE status = 'applied'")
        .await;
    assert_eq!(applied.len(), stack.history.accepted() - 1);
}
