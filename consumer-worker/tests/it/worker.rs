//! What the worker does with what is on the queue.

use std::collections::BTreeSet;

use shared::{
    broker::{BrokerReason, Queue, RetryTier},
    domain::{Action, Changes, Command, ContactId, Name, Stamp},
    wire::{CommandStatus, Payload, Reason},
};
use test_support::{Pair, Running, eventually, on_both_pairs};

on_both_pairs!(
    commands_are_applied_in_batches_and_settled,
    two_workers_and_every_message_twice_have_one_effect,
    each_poison_is_a_dead_letter_with_its_reason_and_bytes_and_its_neighbours_are_applied,
    what_is_too_large_to_wrap_is_dead_lettered_raw,
    what_sql_refuses_alone_is_retried_then_dead_lettered,
    what_sql_refuses_for_a_while_is_applied_by_a_retry,
    an_outage_of_sql_pauses_and_burns_nothing,
    a_stop_gives_back_what_is_not_done,
);

/// Runs a worker on a pair.
async fn start_worker(pair: &Pair) -> Running {
    let service = consumer_worker::build(&pair.settings, pair.parts.clone())
        .await
        .unwrap();
    pair.run(|stop| service.run(stop))
}

async fn commands_are_applied_in_batches_and_settled(pair: Pair) {
    let mut ids = Vec::new();
    for n in 0..40 {
        let one = pair.create(&format!("Ana {n}"));
        let two = pair.create(&format!("Bia {n}"));
        ids.extend([one.command.id, two.command.id]);
        pair.publish([b"[".as_slice(), &one.encode(), b",", &two.encode(), b"]"].concat())
            .await;
    }
    let worker = start_worker(&pair).await;
    for id in ids {
        assert_eq!(pair.ended(id).await.status, CommandStatus::Applied);
    }
    pair.drained().await;
    worker.stop().await;
    pair.drained().await;
    assert_eq!(pair.parts.broker.depth(Queue::DeadLetters).await.unwrap(), 0);
}

async fn two_workers_and_every_message_twice_have_one_effect(pair: Pair) {
    let creates: Vec<_> = (0..60).map(|n| pair.create(&format!("Ana {n}"))).collect();
    let (one, two) = (start_worker(&pair).await, start_worker(&pair).await);
    for create in creates.iter().chain(creates.iter().rev()) {
        pair.publish(create.encode()).await;
    }
    for create in &creates {
        assert_eq!(pair.ended(create.command.id).await.status, CommandStatus::Applied);
    }
    pair.drained().await;
    one.stop().await;
    two.stop().await;
    assert_eq!(pair.parts.broker.depth(Queue::DeadLetters).await.unwrap(), 0);
}

async fn each_poison_is_a_dead_letter_with_its_reason_and_bytes_and_its_neighbours_are_applied(pair: Pair) {
    let good: Vec<_> = (0..12).map(|n| pair.create(&format!("Ana {n}"))).collect();
    let unknown = pair.ids.issue(1, 1).command;
    let rename = Action::Update(Changes {
        name: Some(Name::parse("Eva").unwrap()),
        ..Changes::default()
    });
    let foreign = pair.envelope(
        unknown,
        Command {
            id: unknown,
            contact_id: ContactId::from_uuid(uuid::Uuid::now_v7()),
            stamp: Stamp::at_ms(1),
            if_match: None,
            action: rename,
        },
    );
    let mut ahead = pair.create("Zoe");
    ahead.command.stamp = Stamp::at_ms(pair.parts.clock.now_ms() + 3_600_000);
    let mut conflict = good[0].clone();
    conflict.request_hash = shared::domain::RequestHash::from_bytes(&[9; 16]).unwrap();
    let element = br#"{"v":1,"operation":"explode"}"#.to_vec();
    let array = [
        b"[".as_slice(),
        &good[10].encode(),
        b",",
        &element,
        b",",
        &good[11].encode(),
        b"]",
    ]
    .concat();
    let over = format!("[{}]", vec!["0"; 501].join(",")).into_bytes();
    let poison = [
        (Reason::Undecodable, b"not json".to_vec()),
        (Reason::Undecodable, vec![0xff, 0xfe, 0x00]),
        (Reason::Undecodable, Vec::new()),
        (Reason::Undecodable, br#"{"another":"shape"}"#.to_vec()),
        (
            Reason::UnknownVersion,
            br#"{"v":2,"operation":"create"}"#.to_vec(),
        ),
        (Reason::TooLarge, over),
        (Reason::ContactUnknown, foreign.encode()),
        (Reason::StampAhead, ahead.encode()),
        (Reason::IdConflict, conflict.encode()),
    ];
    for (n, (_, body)) in poison.iter().enumerate() {
        pair.publish(good[n].encode()).await;
        pair.publish(body.clone()).await;
    }
    pair.publish(good[9].encode()).await;
    pair.publish(array).await;
    let worker = start_worker(&pair).await;

    let mut expected: Vec<(Reason, Vec<u8>)> = poison.to_vec();
    expected.push((Reason::UnknownOperation, element));
    let found: BTreeSet<_> = pair
        .dead_letters(expected.len())
        .await
        .into_iter()
        .map(|letter| (letter.reason, letter.payload.0))
        .collect();
    assert_eq!(found, expected.into_iter().collect());
    for create in &good {
        assert_eq!(pair.ended(create.command.id).await.status, CommandStatus::Applied);
    }
    pair.drained().await;
    worker.stop().await;
}

async fn what_is_too_large_to_wrap_is_dead_lettered_raw(pair: Pair) {
    let body = vec![b'['; 3 * 1024 * 1024];
    let good = pair.create("Ana");
    pair.publish(body.clone()).await;
    pair.publish(good.encode()).await;
    let worker = start_worker(&pair).await;
    let dead = pair.dead(1).await;
    assert!(dead[0].message.body == body);
    assert_eq!(dead[0].broker_reason, Some(BrokerReason::Rejected));
    pair.ended(good.command.id).await;
    worker.stop().await;
}

/// Lets SQL refuse contacts of this name.
async fn refuse(pair: &Pair, name: &str) {
    if pair.is_postgres() {
        pair.sql(&format!(
            "ALTER TABLE contacts ADD CONSTRAINT refused CHECK (name <> '{name}')"
        ))
        .await;
    } else {
        let trigger = "CREATE TRIGGER refused BEFORE INSERT ON contacts WHEN NEW.name = ";
        pair.sql(&format!(
            "{trigger}'{name}' BEGIN SELECT RAISE(ABORT, 'refused'); END"
        ))
        .await;
    }
}

async fn accept(pair: &Pair) {
    if pair.is_postgres() {
        pair.sql("ALTER TABLE contacts DROP CONSTRAINT refused").await;
    } else {
        pair.sql("DROP TRIGGER refused").await;
    }
}

async fn what_sql_refuses_alone_is_retried_then_dead_lettered(pair: Pair) {
    refuse(&pair, "Ruim").await;
    let bad = pair.create("Ruim");
    let good: Vec<_> = (0..20).map(|n| pair.create(&format!("Ana {n}"))).collect();
    for (n, create) in good.iter().enumerate() {
        pair.publish(create.encode()).await;
        if n == 7 {
            pair.publish(bad.encode()).await;
        }
    }
    let worker = start_worker(&pair).await;
    let letters = pair.dead_letters(1).await;
    assert_eq!(
        (letters[0].reason, letters[0].attempt, letters[0].replay),
        (Reason::StoreRefused, 4, 0)
    );
    assert_eq!(letters[0].payload, Payload(bad.encode()));
    assert!(!letters[0].detail.contains("Ruim"), "{}", letters[0].detail);
    for create in &good {
        assert_eq!(pair.ended(create.command.id).await.status, CommandStatus::Applied);
    }
    assert_eq!(pair.parts.store.command(bad.command.id).await.unwrap(), None);
    worker.stop().await;
}

async fn what_sql_refuses_for_a_while_is_applied_by_a_retry(pair: Pair) {
    refuse(&pair, "Ruim").await;
    let bad = pair.create("Ruim");
    pair.publish(bad.encode()).await;
    let worker = start_worker(&pair).await;
    // In the last one, where it waits for long enough.
    eventually("it waits in a retry tier", async || {
        let waiting = pair.parts.broker.depth(Queue::Retry(RetryTier::Three)).await;
        (waiting.unwrap() > 0).then_some(())
    })
    .await;
    accept(&pair).await;
    let record = pair.ended(bad.command.id).await;
    assert_eq!(record.status, CommandStatus::Applied);
    assert!(record.attempts > 1, "{}", record.attempts);
    worker.stop().await;
}

async fn an_outage_of_sql_pauses_and_burns_nothing(pair: Pair) {
    let first = pair.create("Ana");
    pair.publish(first.encode()).await;
    let worker = start_worker(&pair).await;
    pair.ended(first.command.id).await;
    pair.sql("ALTER TABLE commands RENAME TO hidden").await;
    let creates: Vec<_> = (0..30).map(|n| pair.create(&format!("Bia {n}"))).collect();
    for create in &creates {
        pair.publish(create.encode()).await;
    }
    eventually("everything is back in the queue", async || {
        (pair.parts.broker.depth(Queue::Commands).await.unwrap() == 30).then_some(())
    })
    .await;
    pair.sql("ALTER TABLE hidden RENAME TO commands").await;
    for create in &creates {
        let record = pair.ended(create.command.id).await;
        assert_eq!((record.status, record.attempts), (CommandStatus::Applied, 1));
    }
    pair.drained().await;
    assert_eq!(pair.parts.broker.depth(Queue::DeadLetters).await.unwrap(), 0);
    worker.stop().await;
}

async fn a_stop_gives_back_what_is_not_done(pair: Pair) {
    let creates: Vec<_> = (0..300).map(|n| pair.create(&format!("Ana {n}"))).collect();
    for create in &creates {
        pair.publish(create.encode()).await;
    }
    let worker = start_worker(&pair).await;
    pair.ended(creates[0].command.id).await;
    worker.stop().await;
    let mut done = 0;
    for create in &creates {
        done += u64::from(
            pair.parts
                .store
                .command(create.command.id)
                .await
                .unwrap()
                .is_some(),
        );
    }
    eventually("what is not done is in the queue", async || {
        (pair.parts.broker.depth(Queue::Commands).await.unwrap() == 300 - done).then_some(())
    })
    .await;
    let another = start_worker(&pair).await;
    for create in &creates {
        assert_eq!(pair.ended(create.command.id).await.status, CommandStatus::Applied);
    }
    another.stop().await;
}
