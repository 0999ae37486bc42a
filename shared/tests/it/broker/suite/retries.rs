//! Retry tiers, dead letters and replays.

use std::{sync::Arc, time::Duration};

use shared::broker::{Broker, BrokerReason, Message, Queue, QueueOptions, RetryTier, Settled};
use tokio::time::Instant;

use super::{
    super::support::{bound, ids, message, next, nothing_comes, take, until_depth},
    Harness, fresh, with_delays,
};

pub async fn a_retry_comes_back_after_its_delay<H: Harness>() {
    let delays = [600, 1_200, 1_800];
    let (_harness, broker) = fresh::<H>(with_delays(delays)).await;
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    for (tier, delay) in RetryTier::ALL.into_iter().zip(delays) {
        let attempt = u32::try_from(tier.index()).expect("three tiers") + 2;
        let sent = Message {
            attempt,
            ..message(attempt)
        };
        let begun = Instant::now();
        broker.publish(Queue::Retry(tier), &sent).await.expect("stored");
        let delivery = next(&consumer).await;
        let waited = begun.elapsed();
        assert_eq!(delivery.message, sent);
        // A few milliseconds are for the rounding of the clocks on either side.
        assert!(
            waited >= Duration::from_millis(delay - 20),
            "{tier:?} came back after {waited:?}"
        );
        assert!(
            waited < Duration::from_millis(delay + 5_000),
            "{tier:?} came back after {waited:?}"
        );
        assert_eq!(consumer.settle(vec![delivery]).await, Ok(Settled::Gone));
    }
}

pub async fn a_short_tier_does_not_wait_for_a_long_one<H: Harness>() {
    let (_harness, broker) = fresh::<H>(with_delays([400, 1_200, 2_400])).await;
    for (tier, id) in [
        (RetryTier::Three, "long"),
        (RetryTier::Two, "middle"),
        (RetryTier::One, "short"),
    ] {
        broker
            .publish(Queue::Retry(tier), &message(id))
            .await
            .expect("stored");
    }
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let deliveries = take(&consumer, 3).await;
    assert_eq!(ids(&deliveries), ["short", "middle", "long"]);
}

pub async fn dead_letters_and_parking_are_queues_too<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    for queue in [Queue::DeadLetters, Queue::Parking] {
        let sent = message(queue.name());
        broker.publish(queue, &sent).await.expect("stored");
        let consumer = broker.consume(queue, bound(1)).await.expect("consuming");
        let delivery = next(&consumer).await;
        assert_eq!(delivery.message, sent);
        assert_eq!(delivery.broker_reason, None);
        assert_eq!(consumer.settle(vec![delivery]).await, Ok(Settled::Gone));
        drop(consumer);
        let consumer = broker.consume(queue, bound(1)).await.expect("consuming");
        nothing_comes(&consumer).await;
    }
}

pub async fn what_is_delivered_too_often_is_dead_lettered<H: Harness>() {
    let (_harness, broker) = fresh::<H>(with_delivery_limit()).await;
    let sent = Message {
        body: vec![0, 159, 146, 150, 255],
        attempt: 2,
        ..message("tiring")
    };
    exhaust(&broker, &sent).await;
    let dead_letters = broker
        .consume(Queue::DeadLetters, bound(1))
        .await
        .expect("consuming");
    let delivery = next(&dead_letters).await;
    assert_eq!(delivery.message, sent);
    assert_eq!(delivery.broker_reason, Some(BrokerReason::DeliveryLimit));
    assert_eq!(dead_letters.settle(vec![delivery]).await, Ok(Settled::Gone));
}

pub async fn a_replay_survives_a_retry_tier<H: Harness>() {
    let (_harness, broker) = fresh::<H>(with_delivery_limit()).await;
    exhaust(&broker, &message("tiring")).await;
    let dead_letters = broker
        .consume(Queue::DeadLetters, bound(1))
        .await
        .expect("consuming");
    let dead = next(&dead_letters).await;
    let mut replay = Message {
        replay: 1,
        ..dead.message.clone()
    };
    broker.publish(Queue::Commands, &replay).await.expect("stored");
    assert_eq!(dead_letters.settle(vec![dead]).await, Ok(Settled::Gone));

    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    for tier in RetryTier::ALL {
        let delivery = next(&consumer).await;
        assert_eq!(delivery.message, replay);
        replay.attempt += 1;
        broker.publish(Queue::Retry(tier), &replay).await.expect("stored");
        assert_eq!(consumer.settle(vec![delivery]).await, Ok(Settled::Gone));
    }
    let last = next(&consumer).await;
    assert_eq!(last.message, replay);
    assert_eq!(last.message.attempt, 4);
    drop(consumer);

    // Expired in a tier first, and then delivered too often: the newer reason is the reason.
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let dead = loop {
        tokio::select! {
            dead = next(&dead_letters) => break dead,
            delivery = next(&consumer) => {
                assert_eq!(consumer.give_back(vec![delivery]).await, Ok(Settled::Gone));
            }
        }
    };
    assert_eq!(dead.broker_reason, Some(BrokerReason::DeliveryLimit));
    assert_eq!(dead.message, replay);
}

pub async fn what_is_rejected_is_dead_lettered<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let sent = Message {
        body: vec![7; 300_000],
        ..message("too large to wrap")
    };
    broker.publish(Queue::Commands, &sent).await.expect("stored");
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let delivery = next(&consumer).await;
    assert_eq!(consumer.reject(delivery).await, Ok(Settled::Gone));

    let dead_letters = broker
        .consume(Queue::DeadLetters, bound(1))
        .await
        .expect("consuming");
    let delivery = next(&dead_letters).await;
    assert_eq!(delivery.message, sent);
    assert_eq!(delivery.broker_reason, Some(BrokerReason::Rejected));
    assert_eq!(dead_letters.reject(delivery).await, Ok(Settled::Gone));
    let parked = broker.consume(Queue::Parking, bound(1)).await.expect("consuming");
    assert_eq!(next(&parked).await.message, sent);
    nothing_comes(&consumer).await;
}

fn with_delivery_limit() -> QueueOptions {
    QueueOptions {
        delivery_limit: 2,
        ..with_delays([100, 200, 300])
    }
}

/// Publishes a message and gives it back until the broker has moved it to the dead letters.
async fn exhaust(broker: &Arc<dyn Broker>, sent: &Message) {
    broker.publish(Queue::Commands, sent).await.expect("stored");
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    for given_back in 0.. {
        assert!(given_back < 10, "a delivery limit of 2 let {given_back} pass");
        let delivery = tokio::select! {
            delivery = next(&consumer) => delivery,
            () = until_depth(broker, Queue::DeadLetters, 1) => break,
        };
        assert_eq!(&delivery.message, sent);
        assert_eq!(consumer.give_back(vec![delivery]).await, Ok(Settled::Gone));
    }
}
