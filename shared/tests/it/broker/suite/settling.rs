//! A delivery is the broker's until it is settled.

use std::collections::BTreeSet;

use shared::broker::{Queue, QueueOptions, Settled};

use super::{
    super::support::{SOON, bound, ids, message, next, nothing_comes, publish_many, take, until},
    Harness, fresh,
};

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

/// To see it red: let `stop` do nothing. What was read ahead then waits for the drop of the stopped consumer.
pub async fn a_stopped_consumer_hoards_nothing<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let published = publish_many(&broker, Queue::Commands, 5).await;
    assert!(published.iter().all(Result::is_ok));
    let stopped = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let in_hand = take(&stopped, 2).await;
    stopped.stop().await;
    assert!(stopped.next().await.is_err());

    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let ahead = take(&consumer, 3).await;
    assert_eq!(
        stopped.settle(in_hand).await,
        Ok(Settled::Gone),
        "what is in hand can still be settled"
    );
    assert_eq!(consumer.settle(ahead).await, Ok(Settled::Gone));
    drop((stopped, consumer));
    until("nothing is left", async || {
        broker.depth(Queue::Commands).await == Ok(0)
    })
    .await;
    let last = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    nothing_comes(&last).await;
}

/// To see it red: let `cease` do what `stop` does. RabbitMQ then counts what was read ahead as returned.
pub async fn another_consumer_takes_over_without_a_return<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let published = publish_many(&broker, Queue::Commands, 5).await;
    assert!(published.iter().all(Result::is_ok));
    let ceased = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let mut all = take(&ceased, 2).await;
    ceased.cease().await;
    let ahead: Vec<_> = std::iter::from_fn(|| ceased.try_next()).collect();
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let left = take(&consumer, 3 - ahead.len()).await;
    nothing_comes(&consumer).await;
    assert_eq!(consumer.settle(left).await, Ok(Settled::Gone));
    all.extend(ahead);
    assert!(
        all.iter()
            .all(|delivery| !delivery.redelivered && delivery.returns == 0)
    );
    assert_eq!(ceased.settle(all).await, Ok(Settled::Gone));
    nothing_comes(&consumer).await;
}

/// To see it red: let `cease` take the lock that `next` holds.
pub async fn one_that_is_waited_for_can_cease<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let (next, ceased) = tokio::join!(
        tokio::time::timeout(SOON, consumer.next()),
        tokio::time::timeout(SOON, consumer.cease()),
    );
    ceased.expect("it ceases");
    assert!(next.expect("who waits is told").is_err());
}

/// To see it red: leave the broker's count out and go by `redelivered` alone.
pub async fn what_comes_back_says_how_often<H: Harness>() {
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let published = publish_many(&broker, Queue::Commands, 1).await;
    assert!(published.iter().all(Result::is_ok));
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    for times in 0..3 {
        let delivery = next(&consumer).await;
        assert_eq!(
            (delivery.returns, delivery.redelivered),
            (times, times > 0),
            "after {times} returns"
        );
        assert_eq!(consumer.give_back(vec![delivery]).await, Ok(Settled::Gone));
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

/// To see it red on RabbitMQ: settle before `cease`. A message that is on its way at that moment goes back, and is counted.
pub async fn what_is_in_hand_keeps_the_next_from_being_on_its_way<H: Harness>() {
    const ROUNDS: usize = 200;
    let (_harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let published = publish_many(&broker, Queue::Commands, ROUNDS).await;
    assert!(published.iter().all(Result::is_ok));
    for _ in 0..ROUNDS {
        let consumer = broker
            .consume(Queue::Commands, bound(1))
            .await
            .expect("consuming");
        let delivery = next(&consumer).await;
        assert_eq!(delivery.returns, 0);
        consumer.cease().await;
        assert_eq!(consumer.settle(vec![delivery]).await, Ok(Settled::Gone));
        assert!(consumer.try_next().is_none());
    }
}
