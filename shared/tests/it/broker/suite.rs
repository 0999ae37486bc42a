//! What every broker must do, whatever it is made of.
//!
//! A broker takes part by a [`Harness`] and one line, `conformance!(TheHarness);`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use shared::broker::{
    Broker, BrokerReason, CONTENT_TYPE_JSON, Message, PublishError, Queue, QueueOptions, RetryTier, Settled,
};
use tokio::time::Instant;

use super::support::{bound, ids, message, next, nothing_comes, publish_many, take, until, until_depth};

/// Queues of one test's own, and the way to open them.
pub trait Harness: Sized {
    /// Makes a place for queues with these options. They are gone once the harness is dropped.
    async fn new(options: QueueOptions) -> Self;

    /// Opens the queues, as a process does when it starts, and waits until messages can be published. Called again
    /// only after the handle before was closed or dropped.
    async fn open(&self) -> Arc<dyn Broker>;

    /// A handle beside one that is in use. Where only one process may have the queues, this is the same.
    async fn beside(&self, first: &Arc<dyn Broker>) -> Arc<dyn Broker>;
}

/// Makes a test of every case, for the given harness.
macro_rules! conformance {
    ($harness:ty) => {
        $crate::broker::suite::conformance!($harness:
            a_publish_means_stored,
            no_more_are_in_hand_than_the_bound,
            a_retry_comes_back_after_its_delay,
            a_short_tier_does_not_wait_for_a_long_one,
            dead_letters_and_parking_are_queues_too,
            abandoned_deliveries_come_again,
            given_back_deliveries_come_again,
            a_batch_is_settled_in_one_call,
            settling_some_leaves_the_others,
            settling_twice_or_elsewhere_settles_nothing,
            a_full_queue_refuses_until_there_is_room,
            publishes_run_concurrently,
            depth_counts_what_waits,
            what_is_delivered_too_often_is_dead_lettered,
            a_replay_survives_a_retry_tier,
            what_is_rejected_is_dead_lettered,
            two_handles_share_the_queues,
            a_closed_broker_says_so,
        );
    };
    ($harness:ty: $($case:ident),+ $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                $crate::broker::suite::$case::<$harness>().await;
            }
        )+
    };
}
pub(crate) use conformance;

async fn fresh<H: Harness>(options: QueueOptions) -> (H, Arc<dyn Broker>) {
    let harness = H::new(options).await;
    let broker = harness.open().await;
    (harness, broker)
}

fn with_delays(milliseconds: [u64; 3]) -> QueueOptions {
    QueueOptions {
        retry_delays: milliseconds.map(Duration::from_millis),
        ..QueueOptions::default()
    }
}

pub async fn a_publish_means_stored<H: Harness>() {
    let (harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let sent = Message {
        body: (0..=255).cycle().take(100_000).collect(),
        kind: "contato.update".to_owned(),
        message_id: "0190b2c4-Ünïcode".to_owned(),
        content_type: "application/octet-stream".to_owned(),
        attempt: 3,
        replay: u32::MAX,
    };
    let empty = Message {
        body: Vec::new(),
        kind: String::new(),
        message_id: String::new(),
        content_type: String::new(),
        attempt: 1,
        replay: 0,
    };
    broker.publish(Queue::Commands, &sent).await.expect("stored");
    broker.publish(Queue::Commands, &empty).await.expect("stored");
    broker.close().await;
    drop(broker);

    let broker = harness.open().await;
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    for expected in [sent, empty] {
        let delivery = next(&consumer).await;
        assert_eq!(delivery.message, expected);
        assert!(!delivery.redelivered);
        assert_eq!(delivery.broker_reason, None);
    }
}

pub async fn no_more_are_in_hand_than_the_bound<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    assert!(
        publish_many(&broker, Queue::Commands, 5)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let consumer = broker
        .consume(Queue::Commands, bound(3))
        .await
        .expect("consuming");
    let mut in_hand = take(&consumer, 3).await;
    nothing_comes(&consumer).await;
    assert!(consumer.try_next().is_none());

    let settled = consumer.settle(vec![in_hand.remove(1)]).await;
    assert_eq!(settled, Ok(Settled::Gone));
    in_hand.push(next(&consumer).await);
    nothing_comes(&consumer).await;

    assert_eq!(consumer.settle(in_hand).await, Ok(Settled::Gone));
    next(&consumer).await;
    nothing_comes(&consumer).await;
}

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

pub async fn abandoned_deliveries_come_again<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    assert!(
        publish_many(&broker, Queue::Commands, 3)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let mut abandoned = take(&consumer, 3).await;
    let kept = abandoned.remove(1);
    let kept_id = kept.message.message_id.clone();
    assert_eq!(consumer.settle(vec![kept]).await, Ok(Settled::Gone));
    drop(consumer);

    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let again = take(&consumer, 2).await;
    nothing_comes(&consumer).await;
    assert!(again.iter().all(|delivery| delivery.redelivered));
    assert!(!ids(&again).contains(&kept_id.as_str()));
    let expected: BTreeSet<_> = ids(&abandoned).into_iter().collect();
    assert_eq!(ids(&again).into_iter().collect::<BTreeSet<_>>(), expected);
}

pub async fn given_back_deliveries_come_again<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    assert!(
        publish_many(&broker, Queue::Commands, 4)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let mut back = take(&consumer, 4).await;
    let held = back.remove(1);
    let expected: BTreeSet<_> = back
        .iter()
        .map(|delivery| delivery.message.message_id.clone())
        .collect();
    assert_eq!(consumer.give_back(back).await, Ok(Settled::Gone));

    let again = take(&consumer, 3).await;
    assert!(again.iter().all(|delivery| delivery.redelivered));
    let came: BTreeSet<_> = again
        .iter()
        .map(|delivery| delivery.message.message_id.clone())
        .collect();
    assert_eq!(came, expected);
    nothing_comes(&consumer).await;
    assert_eq!(consumer.settle(again).await, Ok(Settled::Gone));
    assert_eq!(consumer.settle(vec![held]).await, Ok(Settled::Gone));
    nothing_comes(&consumer).await;
}

pub async fn a_batch_is_settled_in_one_call<H: Harness>() {
    const BATCH: usize = 500;
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    assert!(
        publish_many(&broker, Queue::Commands, BATCH)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let consumer = broker
        .consume(Queue::Commands, bound(500))
        .await
        .expect("consuming");
    let batch = take(&consumer, BATCH).await;
    assert_eq!(consumer.settle(batch).await, Ok(Settled::Gone));
    drop(consumer);

    let consumer = broker
        .consume(Queue::Commands, bound(500))
        .await
        .expect("consuming");
    nothing_comes(&consumer).await;
}

pub async fn settling_some_leaves_the_others<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    assert!(
        publish_many(&broker, Queue::Commands, 10)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let consumer = broker
        .consume(Queue::Commands, bound(20))
        .await
        .expect("consuming");
    let (mut settled, mut left) = (Vec::new(), BTreeSet::new());
    for (place, delivery) in take(&consumer, 10).await.into_iter().enumerate() {
        if [0, 1, 4, 7].contains(&place) {
            settled.push(delivery);
        } else {
            left.insert(delivery.message.message_id);
        }
    }
    // The order within a batch is the worker's.
    settled.reverse();
    assert_eq!(consumer.settle(settled).await, Ok(Settled::Gone));
    drop(consumer);

    let consumer = broker
        .consume(Queue::Commands, bound(20))
        .await
        .expect("consuming");
    let again = take(&consumer, 6).await;
    nothing_comes(&consumer).await;
    assert_eq!(
        again
            .into_iter()
            .map(|one| one.message.message_id)
            .collect::<BTreeSet<_>>(),
        left
    );
}

pub async fn settling_twice_or_elsewhere_settles_nothing<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    broker
        .publish(Queue::Commands, &message("old"))
        .await
        .expect("stored");
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let old = next(&consumer).await;
    drop(consumer);

    // The delivery of the consumer before must not settle what this one has in hand.
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let new = next(&consumer).await;
    assert_eq!(consumer.settle(vec![old]).await, Ok(Settled::ComesAgain));
    drop(consumer);
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    assert_eq!(next(&consumer).await.message, new.message);
    assert_eq!(consumer.settle(Vec::new()).await, Ok(Settled::Gone));
}

pub async fn a_full_queue_refuses_until_there_is_room<H: Harness>() {
    let options = QueueOptions {
        max_length: Some(5),
        ..QueueOptions::default()
    };
    let (_harness, broker) = fresh::<H>(options).await;
    let mut stored = 0;
    // RabbitMQ stops a little late: it learns of the length after it has confirmed.
    let refusal = loop {
        assert!(stored < 50, "a queue of at most 5 took {stored}");
        match broker.publish(Queue::Commands, &message(stored)).await {
            Ok(()) => stored += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(refusal, PublishError::Refused);
    assert!(stored >= 5, "only {stored} were stored");
    broker
        .publish(Queue::DeadLetters, &message("elsewhere"))
        .await
        .expect("other queues are not full");

    let consumer = broker
        .consume(Queue::Commands, bound(100))
        .await
        .expect("consuming");
    let all = take(&consumer, stored).await;
    nothing_comes(&consumer).await;
    assert_eq!(consumer.settle(all).await, Ok(Settled::Gone));
    until("there is room again", async || {
        broker.publish(Queue::Commands, &message("after")).await.is_ok()
    })
    .await;
    assert_eq!(next(&consumer).await.message, message("after"));
}

pub async fn publishes_run_concurrently<H: Harness>() {
    const COUNT: usize = 1_000;
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    assert!(
        publish_many(&broker, Queue::Commands, COUNT)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let consumer = broker
        .consume(Queue::Commands, bound(1_000))
        .await
        .expect("consuming");
    let deliveries = take(&consumer, COUNT).await;
    nothing_comes(&consumer).await;
    let once: BTreeSet<_> = ids(&deliveries).into_iter().map(ToOwned::to_owned).collect();
    assert_eq!(once, (0..COUNT).map(|id| id.to_string()).collect());
}

pub async fn depth_counts_what_waits<H: Harness>() {
    let (_harness, broker) = fresh::<H>(with_delays([60_000; 3])).await;
    for queue in Queue::ALL {
        assert_eq!(broker.depth(queue).await, Ok(0), "{queue:?}");
    }
    assert!(
        publish_many(&broker, Queue::Commands, 3)
            .await
            .iter()
            .all(Result::is_ok)
    );
    broker
        .publish(Queue::Retry(RetryTier::Two), &message("waits"))
        .await
        .expect("stored");
    until_depth(&broker, Queue::Commands, 3).await;
    until_depth(&broker, Queue::Retry(RetryTier::Two), 1).await;
    assert_eq!(broker.depth(Queue::Retry(RetryTier::One)).await, Ok(0));

    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let in_hand = next(&consumer).await;
    until_depth(&broker, Queue::Commands, 2).await;
    assert_eq!(consumer.give_back(vec![in_hand]).await, Ok(Settled::Gone));
    drop(consumer);
    until_depth(&broker, Queue::Commands, 3).await;
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

fn with_delivery_limit() -> QueueOptions {
    QueueOptions {
        delivery_limit: 2,
        ..with_delays([100, 200, 300])
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

pub async fn two_handles_share_the_queues<H: Harness>() {
    let (harness, one) = fresh::<H>(QueueOptions::default()).await;
    let other = harness.beside(&one).await;
    one.publish(Queue::Commands, &message("from one"))
        .await
        .expect("stored");
    other
        .publish(Queue::Commands, &message("from the other"))
        .await
        .expect("stored");
    until_depth(&one, Queue::Commands, 2).await;
    until_depth(&other, Queue::Commands, 2).await;

    let consumers = [
        one.consume(Queue::Commands, bound(1)).await.expect("consuming"),
        other.consume(Queue::Commands, bound(1)).await.expect("consuming"),
    ];
    let (first, second) = (next(&consumers[0]).await, next(&consumers[1]).await);
    let deliveries = [first, second];
    let came: BTreeSet<_> = ids(&deliveries).into_iter().collect();
    assert_eq!(came, BTreeSet::from(["from one", "from the other"]));
    let [first, second] = deliveries;
    assert_eq!(consumers[0].settle(vec![first]).await, Ok(Settled::Gone));
    assert_eq!(consumers[1].settle(vec![second]).await, Ok(Settled::Gone));
}

pub async fn a_closed_broker_says_so<H: Harness>() {
    let (harness, broker) = fresh::<H>(QueueOptions::default()).await;
    broker
        .publish(Queue::Commands, &message("stays"))
        .await
        .expect("stored");
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let in_hand = next(&consumer).await;
    assert!(broker.connected());
    broker.close().await;

    assert!(!broker.connected());
    assert_eq!(
        broker.publish(Queue::Commands, &message("late")).await,
        Err(PublishError::Unavailable)
    );
    assert!(consumer.next().await.is_err());
    assert_eq!(consumer.settle(vec![in_hand]).await, Ok(Settled::ComesAgain));
    assert!(broker.consume(Queue::Commands, bound(1)).await.is_err());
    assert!(broker.depth(Queue::Commands).await.is_err());
    drop((broker, consumer));

    let broker = harness.open().await;
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let again = next(&consumer).await;
    assert_eq!(again.message, message("stays"));
    assert!(again.redelivered);
    assert_eq!(again.message.content_type, CONTENT_TYPE_JSON);
}
