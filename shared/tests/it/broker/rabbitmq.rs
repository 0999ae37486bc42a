//! RabbitMQ: the suite, and what only RabbitMQ has. These tests share one broker and leave it as they found it.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use lapin::{
    BasicProperties,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};
use shared::broker::{
    Broker, BrokerError, BrokerReason, PublishError, Queue, QueueOptions,
    rabbitmq::{RabbitMq, RabbitMqOptions},
};
use tokio::time::Instant;

use super::{
    proxy::Proxy,
    rabbitmq_harness::RabbitMqHarness,
    suite::{self, Harness},
    support::{QUIET, SOON, bound, message, next, publish_many, until, until_depth},
};

suite::conformance!(RabbitMqHarness);

fn quick() -> QueueOptions {
    QueueOptions {
        publish_timeout: Duration::from_secs(3),
        ..QueueOptions::default()
    }
}

async fn harness() -> RabbitMqHarness {
    RabbitMqHarness::new(QueueOptions::default()).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_without_a_queue_is_not_stored_and_the_queue_comes_back() {
    let harness = harness().await;
    let broker = harness.open().await;
    harness.delete_queue(Queue::Commands).await;
    assert_eq!(
        broker.publish(Queue::Commands, &message("lost")).await,
        Err(PublishError::Unroutable)
    );
    until("the queue is there again", async || {
        broker.publish(Queue::Commands, &message("stored")).await.is_ok()
    })
    .await;
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    assert_eq!(next(&consumer).await.message, message("stored"));
}

/// lapin gives a returned message to the next confirm on the channel, whichever that is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_of_many_publishes_learns_its_own_fate() {
    const PUBLISHERS: usize = 64;
    const EACH: usize = 20;
    let harness = harness().await;
    let proxy = Proxy::with_late_confirms(&harness.options.url).await;
    let broker = harness.open_through(&proxy).await;
    // The publisher binds the queue as often as it is told that there is none; someone keeps unbinding it.
    let unbinding = tokio::spawn(harness.keep_unbinding(Queue::DeadLetters));
    // Each publishes one message after the other, so that what is sent and what is confirmed mix.
    let publishers: Vec<_> = (0..PUBLISHERS)
        .map(|publisher| {
            let broker = Arc::clone(&broker);
            tokio::spawn(async move {
                let mut fates = Vec::with_capacity(EACH);
                for count in 0..EACH {
                    let queue = [Queue::Commands, Queue::DeadLetters][(publisher + count) % 2];
                    let id = format!("{publisher}-{count}");
                    fates.push((broker.publish(queue, &message(&id)).await, (queue.name(), id)));
                }
                fates
            })
        })
        .collect();
    let [mut told, mut denied] = [const { BTreeSet::new() }; 2];
    for publisher in publishers {
        for (result, sent) in publisher.await.expect("a publish should not panic") {
            match result {
                Ok(()) => told.insert(sent),
                Err(PublishError::Unroutable) => denied.insert(sent),
                // It may be stored or not, and that is what was said.
                Err(PublishError::Unconfirmed) => true,
                Err(error) => panic!("{error}"),
            };
        }
    }
    unbinding.abort();
    assert!(
        !told.is_empty() && !denied.is_empty(),
        "told {}, denied {}",
        told.len(),
        denied.len()
    );

    let mut stored = BTreeSet::new();
    for queue in [Queue::Commands, Queue::DeadLetters] {
        let consumer = broker.consume(queue, bound(500)).await.expect("consuming");
        let of_queue = told.iter().filter(|(name, _)| *name == queue.name());
        let patience = |stored: &BTreeSet<_>| {
            let complete = of_queue.clone().all(|sent| stored.contains(sent));
            if complete { QUIET } else { SOON }
        };
        while let Ok(delivery) = tokio::time::timeout(patience(&stored), consumer.next()).await {
            let delivery = delivery.expect("consuming");
            stored.insert((queue.name(), delivery.message.message_id.clone()));
            consumer.settle(vec![delivery]).await.expect("settled");
        }
    }
    let lost: Vec<_> = told.difference(&stored).collect();
    assert!(lost.is_empty(), "told to be stored, and are not: {lost:?}");
    let found: Vec<_> = denied.intersection(&stored).collect();
    assert!(found.is_empty(), "denied, and yet stored: {found:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_consumer_whose_queue_is_deleted_says_so() {
    let harness = harness().await;
    let broker = harness.open().await;
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    harness.delete_queue(Queue::Commands).await;
    let ended = tokio::time::timeout(SOON, consumer.next())
        .await
        .expect("it should end");
    assert!(matches!(ended, Err(BrokerError::Lost(_))), "{ended:?}");
    // And goes on saying so.
    assert!(consumer.next().await.is_err());
    assert!(consumer.try_next().is_none());
    drop(consumer);

    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming declares");
    broker
        .publish(Queue::Commands, &message("after"))
        .await
        .expect("stored");
    assert_eq!(next(&consumer).await.message, message("after"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_queue_that_differs_is_named_with_its_argument() {
    let harness = harness().await;
    let broker = harness.open().await;
    broker.close().await;
    let different = RabbitMqOptions {
        queues: QueueOptions {
            delivery_limit: 21,
            ..QueueOptions::default()
        },
        ..harness.options.clone()
    };
    let broker = RabbitMq::start(different);
    let refused = broker.consume(Queue::DeadLetters, bound(1)).await.err();
    let Some(BrokerError::Topology(text)) = refused else {
        panic!("{refused:?}");
    };
    for part in [harness.name("contato").as_str(), "x-delivery-limit", "21", "20"] {
        assert!(text.contains(part), "{text} should name {part}");
    }
    assert!(!broker.connected());
    assert_eq!(
        broker.publish(Queue::Commands, &message(1)).await,
        Err(PublishError::Unavailable)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_received_is_published() {
    let harness = RabbitMqHarness::new(QueueOptions {
        retry_delays: [Duration::from_millis(50); 3],
        ..QueueOptions::default()
    })
    .await;
    let broker = harness.open().await;
    let connection = harness.admin().await;
    let channel = connection.create_channel().await.expect("a channel");
    let mut headers = FieldTable::default();
    headers.insert(
        "CC".into(),
        AMQPValue::FieldArray(vec![AMQPValue::LongString("other".into())].into()),
    );
    headers.insert("foreign".into(), AMQPValue::LongString("header".into()));
    headers.insert(
        "contato-attempt".into(),
        AMQPValue::LongString("not a number".into()),
    );
    channel
        .basic_publish(
            harness.name("contato"),
            harness.name("contato.retry.1"),
            Default::default(),
            b"foreign",
            BasicProperties::default()
                .with_headers(headers)
                .with_delivery_mode(2)
                .with_reply_to("somewhere".into())
                .with_expiration("100000".into()),
        )
        .await
        .expect("sent");

    // It comes through a retry tier, so it has `x-death` by now.
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    let delivery = next(&consumer).await;
    assert_eq!(delivery.broker_reason, Some(BrokerReason::Expired));
    assert_eq!((delivery.message.attempt, delivery.message.replay), (1, 0));
    // A quorum queue adds a header of its own, so a plain queue listens in.
    let exclusive = QueueDeclareOptions::exclusive();
    let listening = channel
        .queue_declare("".into(), exclusive, FieldTable::default())
        .await
        .expect("declared");
    channel
        .queue_bind(
            listening.name().clone(),
            harness.name("contato"),
            harness.name("contato.dlq.parking"),
            Default::default(),
            FieldTable::default(),
        )
        .await
        .expect("bound");
    broker
        .publish(Queue::Parking, &delivery.message)
        .await
        .expect("stored");
    let parked = channel
        .basic_get(listening.name().clone(), Default::default())
        .await
        .expect("asked")
        .expect("parked");
    let properties = &parked.delivery.properties;
    let headers: Vec<_> = properties
        .headers()
        .as_ref()
        .expect("headers")
        .into_iter()
        .collect();
    let one = AMQPValue::LongLongInt(1);
    let none = AMQPValue::LongLongInt(0);
    assert_eq!(
        headers,
        [
            (&"contato-attempt".into(), &one),
            (&"contato-replay".into(), &none)
        ]
    );
    assert_eq!(*properties.delivery_mode(), Some(2));
    assert!(properties.timestamp().is_some());
    assert_eq!((properties.reply_to(), properties.expiration()), (&None, &None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_text_that_amqp_has_no_room_for_is_refused() {
    let harness = harness().await;
    let broker = harness.open().await;
    let long = message("x".repeat(256));
    assert_eq!(
        broker.publish(Queue::Commands, &long).await,
        Err(PublishError::Refused)
    );
    let fits = message("x".repeat(255));
    assert_eq!(broker.publish(Queue::Commands, &fits).await, Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_late_confirm_is_not_leaked() {
    let harness = RabbitMqHarness::new(quick()).await;
    let proxy = Proxy::before(&harness.options.url).await;
    let broker = harness.open_through(&proxy).await;

    proxy.set_silent(true);
    let begun = Instant::now();
    assert_eq!(
        broker.publish(Queue::Commands, &message("late")).await,
        Err(PublishError::Unconfirmed)
    );
    assert!(begun.elapsed() < Duration::from_secs(8), "{:?}", begun.elapsed());
    proxy.set_silent(false);
    until("publishes are confirmed again", async || {
        broker
            .publish(Queue::DeadLetters, &message("after"))
            .await
            .is_ok()
    })
    .await;
    // The answer came when nobody waited any more, and the message is there all the same.
    until_depth(&broker, Queue::Commands, 1).await;
    assert!(
        publish_many(&broker, Queue::Commands, 2_000)
            .await
            .iter()
            .all(Result::is_ok)
    );
    until_depth(&broker, Queue::Commands, 2_001).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_connection_that_fell_silent_is_given_up() {
    let mut harness = RabbitMqHarness::new(quick()).await;
    harness.options.heartbeat = Duration::from_secs(1);
    let proxy = Proxy::before(&harness.options.url).await;
    let broker = harness.open_through(&proxy).await;
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");

    proxy.set_silent(true);
    let ended = tokio::time::timeout(SOON, consumer.next())
        .await
        .expect("it should end");
    assert!(matches!(ended, Err(BrokerError::Lost(_))), "{ended:?}");
    until("the publisher has noticed", async || !broker.connected()).await;
    proxy.set_silent(false);
    until("the publisher is back", async || broker.connected()).await;
    broker
        .publish(Queue::Commands, &message("after"))
        .await
        .expect("stored");
}
