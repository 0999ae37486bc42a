//! What is published is stored, counted and bounded.

use std::collections::BTreeSet;

use shared::broker::{CONTENT_TYPE_JSON, Message, PublishError, Queue, QueueOptions, RetryTier, Settled};

use super::{
    super::support::{bound, ids, message, next, nothing_comes, publish_many, take, until, until_depth},
    Harness, fresh, with_delays,
};

pub async fn a_publish_means_stored<H: Harness>() {
    let (harness, broker) = fresh::<H>(QueueOptions::default()).await;
    let sent = Message {
        body: (0..=255).cycle().take(100_000).collect(),
        kind: "contato.update".to_owned(),
        message_id: "0190b2c4-Ünïcode".to_owned(),
        content_type: "application/octet-stream".to_owned(),
        attempt: 3,
        replay: u32::MAX,
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned()),
    };
    let empty = Message {
        body: Vec::new(),
        kind: String::new(),
        message_id: String::new(),
        content_type: String::new(),
        attempt: 1,
        replay: 0,
        traceparent: None,
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
