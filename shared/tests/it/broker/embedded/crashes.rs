//! What a crash leaves, by SIGKILL and by dropping the broker.

use std::{collections::BTreeSet, sync::Arc};

use rand::RngExt;
use sea_orm::sqlx;
use shared::broker::{Broker, BrokerReason, Queue, embedded::SUSPECTS_MAX};

use super::{
    Folder, bound, crash_with, deliveries, depth, limit, message, next, processes::Helper, publish_all,
    publish_many, within,
};

#[tokio::test]
async fn what_was_confirmed_survives_sigkill() {
    let folder = Folder::new();
    let mut confirmed = BTreeSet::new();
    for _ in 0..5 {
        let mut helper = Helper::start("publish for ever", &folder.queue());
        for _ in 0..rand::rng().random_range(1..400) {
            confirmed.insert(helper.said("stored").unwrap());
        }
        confirmed.extend(helper.kill("stored"));

        let broker = folder.open().await;
        assert!(depth(&broker, Queue::Commands).await >= confirmed.len() as u64);
        broker.close().await;
    }
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(500)).await.unwrap();
    within(async {
        while !confirmed.is_empty() {
            let mut batch = vec![consumer.next().await.unwrap()];
            batch.extend(std::iter::from_fn(|| consumer.try_next()));
            for delivery in &batch {
                confirmed.remove(&delivery.message.message_id);
            }
            consumer.settle(batch).await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn what_was_settled_stays_settled_after_sigkill() {
    const MESSAGES: usize = 2_000;
    const KILLS: usize = 4;
    let folder = Folder::new();
    let broker: Arc<dyn Broker> = folder.open().await;
    publish_many(&broker, Queue::Commands, MESSAGES).await;
    broker.close().await;
    let mut settled = BTreeSet::new();
    for _ in 0..KILLS {
        let mut helper = Helper::start("settle for ever", &folder.queue());
        for _ in 0..rand::rng().random_range(1..100) {
            settled.insert(helper.said("settled").unwrap());
        }
        settled.extend(helper.kill("settled"));
    }
    let query = sqlx::query_scalar("SELECT message_id FROM messages");
    let left: Vec<String> = query.fetch_all(&mut folder.raw().await).await.unwrap();
    assert!(left.iter().all(|id| !settled.contains(id)));
    // Each kill may have come between a settlement and its line.
    assert!((MESSAGES - KILLS..=MESSAGES).contains(&(left.len() + settled.len())));
}

#[tokio::test]
async fn a_message_that_kills_its_process_becomes_a_dead_letter_and_takes_no_neighbours_along() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["killer", "neighbour", "other"]).await;
    broker.close().await;
    // The helper's limit is 2: two deliveries are counted, and a third is found to be too many.
    for taken in ["killer", "killer", "killer", "neighbour"] {
        let mut helper = Helper::start("take one and hang", &folder.queue());
        assert_eq!(helper.said("took").unwrap(), taken);
        helper.kill("took");
    }
    assert_eq!(deliveries(&folder).await, [1, 0]);

    let broker = folder.open_with(limit(2)).await;
    let dead = broker.consume(Queue::DeadLetters, bound(1)).await.unwrap();
    let delivery = next(&dead).await;
    assert_eq!(delivery.message, message("killer"));
    assert_eq!(delivery.broker_reason, Some(BrokerReason::DeliveryLimit));
    let consumer = broker.consume(Queue::Commands, bound(9)).await.unwrap();
    let neighbour = next(&consumer).await;
    assert!(neighbour.redelivered);
    consumer.settle(vec![neighbour]).await.unwrap();
}

#[tokio::test]
async fn only_the_first_messages_after_a_crash_are_suspects() {
    let folder = Folder::new();
    crash_with(&folder, 0..3).await;
    let more = "INSERT INTO messages (queue, kind, message_id, content_type, attempt, replay, body)
        WITH RECURSIVE n (n) AS (SELECT 3 UNION ALL SELECT n + 1 FROM n WHERE n < ?1)
        SELECT 'contato', '', n, '', 1, 0, x'' FROM n";
    sqlx::query(more)
        .bind(SUSPECTS_MAX + 1)
        .execute(&mut folder.raw().await)
        .await
        .unwrap();
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(u16::MAX)).await.unwrap();
    for number in 0..SUSPECTS_MAX + 2 {
        assert_eq!(
            next(&consumer).await.redelivered,
            number < SUSPECTS_MAX,
            "{number}"
        );
    }
}

#[tokio::test]
async fn after_closing_in_order_only_what_was_handed_out_is_flagged_and_nothing_is_suspect() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a", "b", "c"]).await;
    let consumer = broker.consume(Queue::Commands, bound(2)).await.unwrap();
    next(&consumer).await;
    broker.close().await;

    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(3)).await.unwrap();
    for redelivered in [true, false, false] {
        assert_eq!(next(&consumer).await.redelivered, redelivered);
    }
    assert_eq!(deliveries(&folder).await, [0, 0, 0]);
}

#[tokio::test]
async fn giving_a_suspect_back_does_not_count_it_twice() {
    let folder = Folder::new();
    crash_with(&folder, ["a"]).await;
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    for count in 1..4 {
        let delivery = next(&consumer).await;
        assert!(delivery.redelivered);
        consumer.give_back(vec![delivery]).await.unwrap();
        assert!((count..=count + 1).contains(&deliveries(&folder).await[0]));
    }
}
