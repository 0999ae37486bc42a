//! Order, bounds, tiers, limits, and dropping what is under way.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use futures_util::{FutureExt, future::join_all};
use sea_orm::sqlx;
use shared::broker::{
    Broker, BrokerError, BrokerReason, Message, PublishError, Queue, QueueOptions, RetryTier, Settled,
    embedded::POLL_INTERVAL,
};

use super::{
    Folder, bound, crash_with, deliveries, depth, limit, message, next, next_id, publish_all, within,
};

#[tokio::test]
async fn what_was_confirmed_is_there_after_reopening() {
    let folder = Folder::new();
    let broker = folder.open().await;
    let sent = Message {
        body: vec![0, 255, 10],
        attempt: 3,
        replay: 2,
        ..message("one")
    };
    broker.publish(Queue::DeadLetters, &sent).await.unwrap();
    broker.close().await;

    let broker = folder.open().await;
    assert_eq!(depth(&broker, Queue::DeadLetters).await, 1);
    let consumer = broker.consume(Queue::DeadLetters, bound(1)).await.unwrap();
    let delivery = next(&consumer).await;
    assert_eq!(delivery.message, sent);
    assert!(!delivery.redelivered);
    assert_eq!(delivery.broker_reason, None);
    assert_eq!(consumer.settle(vec![delivery]).await, Ok(Settled::Gone));
    broker.close().await;

    let broker = folder.open().await;
    assert_eq!(depth(&broker, Queue::DeadLetters).await, 0);
}

#[tokio::test]
async fn messages_come_in_order_and_within_the_bound() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, 0..700).await;
    let consumer = broker.consume(Queue::Commands, bound(300)).await.unwrap();
    let mut hand = Vec::new();
    for expected in 0..300 {
        let delivery = next(&consumer).await;
        assert_eq!(delivery.message.message_id, expected.to_string());
        hand.push(delivery);
    }
    assert!(consumer.try_next().is_none());
    assert_eq!(depth(&broker, Queue::Commands).await, 400);
    assert_eq!(consumer.settle(hand).await, Ok(Settled::Gone));
    for expected in 300..600 {
        assert_eq!(next_id(&consumer).await, expected.to_string());
    }
}

#[tokio::test]
async fn a_publish_wakes_the_consumer_sooner_than_a_poll_would() {
    const ROUNDS: u32 = 20;
    let folder = Folder::new();
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let mut took = Duration::ZERO;
    for round in 0..ROUNDS {
        publish_all(&broker, [round]).await;
        let published = Instant::now();
        let delivery = next(&consumer).await;
        took += published.elapsed();
        consumer.settle(vec![delivery]).await.unwrap();
    }
    assert!(took < POLL_INTERVAL * ROUNDS / 2, "{took:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_bound_holds_while_others_publish() {
    const MESSAGES: usize = 1_000;
    let folder = Folder::new();
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let publishing = tokio::spawn({
        let broker = broker.clone();
        async move { publish_all(&broker, 0..MESSAGES).await }
    });
    for expected in 0..MESSAGES {
        let delivery = next(&consumer).await;
        assert_eq!(delivery.message.message_id, expected.to_string());
        // Time for a reader who thinks that there is room.
        depth(&broker, Queue::Commands).await;
        assert!(consumer.try_next().is_none(), "{expected}");
        consumer.settle(vec![delivery]).await.unwrap();
    }
    publishing.await.unwrap();
}

#[tokio::test]
async fn two_consumers_share_a_queue() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, 0..40).await;
    let one = broker.consume(Queue::Commands, bound(20)).await.unwrap();
    let other = broker.consume(Queue::Commands, bound(20)).await.unwrap();
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        assert!(seen.insert(next_id(&one).await));
        assert!(seen.insert(next_id(&other).await));
    }
}

#[tokio::test]
async fn a_dropped_consumer_gives_everything_back_flagged() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a", "b", "c"]).await;
    let consumer = broker.consume(Queue::Commands, bound(2)).await.unwrap();
    assert!(!next(&consumer).await.redelivered);
    drop(consumer);
    assert_eq!(depth(&broker, Queue::Commands).await, 3);

    let consumer = broker.consume(Queue::Commands, bound(3)).await.unwrap();
    let came: Vec<_> = [
        next(&consumer).await,
        next(&consumer).await,
        next(&consumer).await,
    ]
    .into();
    let came = came
        .iter()
        .map(|delivery| (delivery.message.message_id.as_str(), delivery.redelivered));
    // "b" was read ahead only: nobody has seen it.
    assert_eq!(
        came.collect::<Vec<_>>(),
        [("a", true), ("b", false), ("c", false)]
    );
}

#[tokio::test]
async fn a_delivery_of_an_earlier_consumer_cannot_be_settled() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a"]).await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let old = next(&consumer).await;
    drop(consumer);
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let new = next(&consumer).await;
    assert_eq!(consumer.settle(vec![old]).await, Ok(Settled::ComesAgain));
    assert_eq!(consumer.settle(vec![new]).await, Ok(Settled::Gone));
    assert_eq!(consumer.settle(vec![]).await, Ok(Settled::Gone));
}

#[tokio::test]
async fn a_retry_waits_in_its_tier_and_then_comes() {
    let folder = Folder::new();
    let retry_delays = [
        Duration::from_secs(2),
        Duration::from_secs(600),
        Duration::from_secs(900),
    ];
    let broker = folder
        .open_with(QueueOptions {
            retry_delays,
            ..QueueOptions::default()
        })
        .await;
    let consumer = broker.consume(Queue::Commands, bound(9)).await.unwrap();
    let sent = Instant::now();
    let again = Message {
        attempt: 2,
        ..message("again")
    };
    broker
        .publish(Queue::Retry(RetryTier::One), &again)
        .await
        .unwrap();
    broker
        .publish(Queue::Retry(RetryTier::Two), &message("much later"))
        .await
        .unwrap();
    assert_eq!(depth(&broker, Queue::Retry(RetryTier::One)).await, 1);
    assert_eq!(depth(&broker, Queue::Commands).await, 0);
    let delivery = next(&consumer).await;
    assert!(sent.elapsed() >= retry_delays[0]);
    assert_eq!(delivery.message, again);
    assert!(!delivery.redelivered);
    assert_eq!(delivery.broker_reason, None);
    assert_eq!(depth(&broker, Queue::Retry(RetryTier::One)).await, 0);
    assert_eq!(depth(&broker, Queue::Retry(RetryTier::Two)).await, 1);
}

#[tokio::test]
async fn a_retry_tier_cannot_be_consumed() {
    let folder = Folder::new();
    let broker = folder.open().await;
    let refused = broker
        .consume(Queue::Retry(RetryTier::One), bound(1))
        .await
        .unwrap_err();
    assert!(
        matches!(&refused, BrokerError::Topology(why) if why.contains("contato.retry.1")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_clock_set_back_does_not_hold_retries_for_days() {
    let folder = Folder::new();
    let broker = folder.open().await;
    broker
        .publish(Queue::Retry(RetryTier::One), &message("a"))
        .await
        .unwrap();
    let far = "UPDATE messages SET available_at = available_at + 86400000";
    sqlx::query(far).execute(&mut folder.raw().await).await.unwrap();
    assert_eq!(depth(&broker, Queue::Commands).await, 1);
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    assert_eq!(next_id(&consumer).await, "a");
}

#[tokio::test]
async fn what_is_given_back_too_often_becomes_a_dead_letter() {
    let folder = Folder::new();
    let broker = folder.open_with(limit(2)).await;
    publish_all(&broker, ["a"]).await;
    let consumer = broker.consume(Queue::Commands, bound(5)).await.unwrap();
    for time in 0..3 {
        let delivery = next(&consumer).await;
        assert_eq!(delivery.redelivered, time > 0);
        consumer.give_back(vec![delivery]).await.unwrap();
    }
    assert_eq!(depth(&broker, Queue::Commands).await, 0);
    assert_eq!(depth(&broker, Queue::DeadLetters).await, 1);
    let dead = broker.consume(Queue::DeadLetters, bound(5)).await.unwrap();
    for _ in 0..5 {
        let delivery = next(&dead).await;
        assert_eq!(delivery.message, message("a"));
        assert_eq!(delivery.broker_reason, Some(BrokerReason::DeliveryLimit));
        // The queue of dead letters has no limit.
        dead.give_back(vec![delivery]).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_rejected_becomes_a_dead_letter_and_then_is_parked() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a"]).await;
    for (queue, reason) in [
        (Queue::Commands, None),
        (Queue::DeadLetters, Some(BrokerReason::Rejected)),
        (Queue::Parking, Some(BrokerReason::Rejected)),
        (Queue::Parking, Some(BrokerReason::Rejected)),
    ] {
        let consumer = broker.consume(queue, bound(1)).await.unwrap();
        let delivery = next(&consumer).await;
        assert_eq!(delivery.broker_reason, reason);
        assert_eq!(consumer.reject(delivery).await, Ok(Settled::Gone));
    }
    assert_eq!(depth(&broker, Queue::Parking).await, 1);
}

#[tokio::test]
async fn a_full_queue_refuses_until_there_is_room() {
    let folder = Folder::new();
    let broker = folder
        .open_with(QueueOptions {
            max_length: Some(2),
            ..QueueOptions::default()
        })
        .await;
    let sent: Vec<Message> = (0..20).map(message).collect();
    let answers = join_all(
        sent.iter()
            .map(|message| broker.publish(Queue::Commands, message)),
    )
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 2);
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Err(PublishError::Refused))
            .count(),
        18
    );
    // Other queues have no bound.
    for _ in 0..3 {
        broker.publish(Queue::DeadLetters, &message("x")).await.unwrap();
    }
    // What is in hand does not wait.
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let delivery = next(&consumer).await;
    broker.publish(Queue::Commands, &message("c")).await.unwrap();
    assert_eq!(
        broker.publish(Queue::Commands, &message("d")).await,
        Err(PublishError::Refused)
    );
    consumer.settle(vec![delivery]).await.unwrap();
}

#[tokio::test]
async fn next_can_be_dropped_at_every_point() {
    let folder = Folder::new();
    crash_with(&folder, 0..50).await;
    let broker = folder.open().await;
    let consumer = broker.consume(Queue::Commands, bound(50)).await.unwrap();
    for expected in 0..50 {
        let delivery = within(async {
            loop {
                if let Some(delivery) = consumer.next().now_or_never() {
                    return delivery.unwrap();
                }
                tokio::task::yield_now().await;
            }
        })
        .await;
        assert_eq!(delivery.message.message_id, expected.to_string());
    }
    let counted: Vec<i64> = deliveries(&folder).await;
    assert_eq!(counted, [1; 50]);
}

#[tokio::test]
async fn settling_can_be_dropped_and_nothing_is_stuck() {
    let folder = Folder::new();
    let broker = folder.open().await;
    publish_all(&broker, ["a", "b"]).await;
    let consumer = broker.consume(Queue::Commands, bound(1)).await.unwrap();
    let delivery = next(&consumer).await;
    assert!(consumer.settle(vec![delivery]).now_or_never().is_none());
    // Settled or not, there is room again; the order says that it is "a" first if it comes again.
    let delivery = next(&consumer).await;
    if delivery.message.message_id == "a" {
        assert!(delivery.redelivered);
        consumer.settle(vec![delivery]).await.unwrap();
        assert_eq!(next_id(&consumer).await, "b");
    }
}
