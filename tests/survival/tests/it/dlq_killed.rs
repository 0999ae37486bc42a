//! dlq-function dies between storing a dead letter and settling it, and half-way through a replay.

use std::{process::Output, time::Duration};

use sea_orm::TryGetable;
use serde_json::{Value, json};
use shared::wire::Reason;
use survival::{Check, Pace, Process, Request, Role, Stack, Supervised, Writer, contact};
use test_support::eventually_within;

const DEATHS: usize = 10;

const DIE_WITHIN: Duration = Duration::from_secs(180);

/// Every fourth contact: SQL refuses its commands, every time. The nil id is that of the worker's probe.
const REFUSE: &str = "
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.id <> '00000000-0000-0000-0000-000000000000' AND get_byte(uuid_send(NEW.contact_id), 15) % 4 = 0 THEN
    RAISE EXCEPTION 'never' USING ERRCODE = '23514';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER refuse BEFORE INSERT ON commands FOR EACH ROW WHEN (NEW.status <> 'deadLettered') EXECUTE FUNCTION refuse();
";
const TAKE_AGAIN: &str = "DROP TRIGGER refuse ON commands";

/// What the history says is dead: every command of a contact that SQL refuses.
fn refused(stack: &Stack) -> Check {
    let exchanges = stack.history.exchanges();
    let dead = exchanges.iter().filter(|exchange| {
        let contact = exchange.contact.expect("nothing was left without an answer");
        contact.as_uuid().as_bytes()[15] % 4 == 0
    });
    Check {
        dead: dead
            .map(|exchange| (exchange.command, Reason::StoreRefused))
            .collect(),
    }
}

/// A stream of writes, a part of which SQL refuses, until so many times as `collect` says dead letters were stored.
async fn refuse_some(stack: &Stack, collect: impl AsyncFnOnce()) -> [Process; 2] {
    stack.sql(REFUSE).await;
    let api = stack.start(Role::ProducerApi).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    let pace = Pace {
        per_second: 60,
        ..Pace::default()
    };
    let writer = Writer::start(&stack.api(api.origin()), pace);
    collect().await;
    writer.stop().await;
    [api, worker]
}

// Red with automatic acknowledgement (rabbitmq/consumer.rs): dead letters were missing. Red with an identity that changes (a
// new id in it, collect.rs): what came again was stored again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn between_storing_and_settling_it_loses_nothing_and_stores_nothing_twice() {
    let stack = Stack::shared().await;
    let dlq = stack.supervise(Role::DlqFunction, |life| {
        (life < DEATHS).then(|| format!("stored-not-settled:kill:{}", 1 + life % 3))
    });
    let roles = refuse_some(&stack, async || dlq.died(DEATHS, DIE_WITHIN).await).await;
    let check = refused(&stack);
    assert!(
        check.dead.len() > DEATHS,
        "only {} dead letters",
        check.dead.len()
    );
    check.hold(&stack).await;
    println!(
        "{} sent, {} dead letters",
        stack.history.exchanges().len(),
        check.dead.len()
    );
    end(dlq, roles).await;
}

// Red with the row marked before its command is published (actions/replay.rs): commands were never sent again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_way_through_a_replay_nothing_is_lost_and_nothing_happens_twice() {
    let stack = Stack::shared().await;
    let dlq = stack.supervise(Role::DlqFunction, |_| None);
    let enough = async || {
        eventually_within(DIE_WITHIN, "there are dead letters", async || {
            let dead = stack.rows("SELECT 1 FROM dead_letters").await;
            (dead.len() > 5 * DEATHS).then_some(())
        })
        .await;
    };
    let roles = refuse_some(&stack, enough).await;
    let waiting = refused(&stack);
    waiting.hold(&stack).await;

    stack.sql(TAKE_AGAIN).await;
    let open = stack
        .rows("SELECT id::text AS id FROM dead_letters WHERE state = 'open' AND body IS NOT NULL")
        .await;
    for letter in &open[..DEATHS] {
        let id = String::try_get_by(letter, "id").expect("an id");
        let died = stack
            .command(
                Role::DlqFunction,
                &["replay", &id],
                Some("replayed-not-marked:kill:1"),
            )
            .await;
        assert_eq!(died.status.code(), None, "it should have been killed: {died:?}");
    }
    // Two operators at once, for what is left.
    let (one, other) = tokio::join!(replay_all(&stack), replay_all(&stack));
    for operator in [one, other] {
        // Nothing left, or all of it waits in the other's replay, or refused what that had already brought to an end.
        assert!(matches!(operator.status.code(), Some(0 | 3 | 4)), "{operator:?}");
    }
    // What was of a contact that has been deleted meanwhile is without its payload, and can only be discarded.
    let discarded = stack
        .command(Role::DlqFunction, &["discard", "--all", "--yes"], None)
        .await;
    assert!(matches!(discarded.status.code(), Some(0 | 3)), "{discarded:?}");
    Check::default().hold(&stack).await;
    let resolved = stack
        .rows("SELECT 1 FROM dead_letters WHERE state = 'resolved' OR body IS NULL")
        .await;
    assert_eq!(resolved.len(), waiting.dead.len());
    println!("{} dead letters, replayed in {DEATHS} deaths", resolved.len());
    end(dlq, roles).await;
}

/// Deaths of the service in one replay: each costs the time until its lease ends.
const DEATHS_OF_A_REPLAY: usize = 3;
/// How many dead letters it has.
const OF_A_REPLAY: u64 = 60;

// What left unnoted before a death counts by its outcome only because it is announced before (`announce_items`,
// replays/turn.rs).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_the_middle_of_a_replay_of_many_it_goes_on_and_the_counts_are_right() {
    let stack = Stack::shared().await;
    // At a message further into each life, when more of them are under way.
    let dlq = stack.supervise(Role::DlqFunction, |life| {
        let message = [2, 5, 17].get(life)?;
        Some(format!("replayed-not-marked:kill:{message}"))
    });
    stack.sql(&REFUSE.replace("% 4 = 0", ">= 0")).await;
    let api = stack.start(Role::ProducerApi).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    let client = stack.api(api.origin());
    for number in 0..OF_A_REPLAY {
        client.accepted(Request::create(contact(number))).await;
    }
    let sent = stack.history.exchanges();
    let dead = sent
        .iter()
        .map(|exchange| (exchange.command, Reason::StoreRefused));
    Check { dead: dead.collect() }.hold(&stack).await;
    assert_eq!(dlq.deaths(), 0);

    stack.sql(TAKE_AGAIN).await;
    let asked = json!({ "brake": 0, "rate": 1000, "expect": OF_A_REPLAY });
    let replays = format!("{}/v1/replays", dlq.origin());
    let request = reqwest::Client::new().post(&replays).json(&asked);
    let replay: Value = request.send().await.unwrap().json().await.unwrap();
    let place = format!("{replays}/{}", replay["id"].as_str().expect("a replay"));
    dlq.died(DEATHS_OF_A_REPLAY, DIE_WITHIN).await;
    let ended = eventually_within(DIE_WITHIN, "the replay has ended", async || {
        let replay: Value = reqwest::get(&place).await.ok()?.json().await.ok()?;
        (replay["state"] == "finished").then_some(replay)
    })
    .await;
    // Whatever left unnoted before a death: everything was applied, and counts as that.
    assert_eq!(ended["counts"]["applied"], OF_A_REPLAY, "{ended}");
    assert_eq!(ended["total"], OF_A_REPLAY, "{ended}");
    Check::default().hold(&stack).await;
    end(dlq, [api, worker]).await;
}

async fn replay_all(stack: &Stack) -> Output {
    stack
        .command(Role::DlqFunction, &["replay", "--all", "--yes"], None)
        .await
}

async fn end(dlq: Supervised, roles: [Process; 2]) {
    dlq.stop().await;
    for role in roles {
        role.stop().await;
    }
}
