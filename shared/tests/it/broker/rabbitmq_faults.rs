//! RabbitMQ in trouble: alarms, restarts, SIGKILL, closed connections, missing permissions.
//!
//! Each fault strikes the whole broker, so that this is one test, with a broker of its own, fault by fault.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::Duration,
};

use secrecy::ExposeSecret;
use shared::broker::{
    Broker, BrokerError, Cause, Consumer, PublishError, Queue, QueueOptions, Settled, connected_within,
    rabbitmq::{RabbitMq, RabbitMqOptions},
};
use test_support::{Server, Servers};
use tokio::time::Instant;

use super::{
    rabbitmq_harness::RabbitMqHarness,
    support::{SOON, bound, message, next, publish_many, take, until, until_depth},
};

const PUBLISH_TIMEOUT: Duration = Duration::from_secs(3);

/// What an answer may take beyond what it waits for.
const SLACK: Duration = Duration::from_secs(2);

/// How a broker ends.
#[derive(Clone, Copy, Debug)]
enum Ending {
    Stop,
    Kill,
}

/// Queues on a broker to maltreat.
fn harness(servers: &Servers) -> RabbitMqHarness {
    let queues = QueueOptions {
        publish_timeout: PUBLISH_TIMEOUT,
        ..QueueOptions::default()
    };
    RabbitMqHarness::at(servers.amqp_url.clone().into(), queues).keep()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn trouble_with_the_broker() {
    let instance = Servers::own("broker-faults", &[Server::RabbitMq]).await;
    alarms_stop_publishes_and_nothing_else(&instance).await;
    closed_connections_are_opened_again(&instance).await;
    whoever_may_not_declare_can_use_what_is_there(&instance).await;
    for how in [Ending::Stop, Ending::Kill] {
        a_restart_loses_nothing_confirmed(&instance, how).await;
    }
}

async fn alarms_stop_publishes_and_nothing_else(instance: &Servers) {
    let harness = harness(instance);
    let broker = harness.connected().await;
    assert!(
        publish_many(&broker, Queue::Commands, 20)
            .await
            .iter()
            .all(Result::is_ok)
    );
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let in_hand = take(&consumer, 10).await;

    instance
        .rabbitmqctl(&["set_vm_memory_high_watermark", "absolute", "1MiB"])
        .await;
    let mut stored = BTreeSet::new();
    until("the broker takes no more messages", async || {
        let id = format!("alarm {}", stored.len());
        let begun = Instant::now();
        let published = broker.publish(Queue::DeadLetters, &message(&id)).await;
        let took = begun.elapsed();
        assert!(took < PUBLISH_TIMEOUT + SLACK, "{published:?} after {took:?}");
        match published {
            Ok(()) => !stored.insert(id),
            Err(PublishError::Unconfirmed | PublishError::Blocked) => true,
            Err(error) => panic!("{error}"),
        }
    })
    .await;
    until("that shows", async || !broker.connected()).await;
    let begun = Instant::now();
    assert_eq!(
        broker.publish(Queue::DeadLetters, &message("refused")).await,
        Err(PublishError::Blocked)
    );
    assert!(broker.blocked());
    assert!(begun.elapsed() < SLACK);

    // What is in hand is settled, and what waits still comes.
    assert_eq!(consumer.settle(in_hand).await, Ok(Settled::Gone));
    let rest = take(&consumer, 10).await;
    assert_eq!(consumer.settle(rest).await, Ok(Settled::Gone));
    until_depth(&broker, Queue::Commands, 0).await;
    let dead_letters = broker
        .consume(Queue::DeadLetters, bound(100))
        .await
        .expect("consuming");

    instance
        .rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"])
        .await;
    until("the alarm is over", async || broker.connected()).await;
    assert!(!broker.blocked());
    let lost = || Cause::ALL.map(|cause| broker.reconnects().of(cause).get());
    assert_eq!(lost(), [0; 4], "an alarm loses no connection");
    broker
        .publish(Queue::DeadLetters, &message("after"))
        .await
        .expect("stored");
    stored.insert("after".to_owned());
    while !stored.is_empty() {
        stored.remove(&next(&dead_letters).await.message.message_id);
    }
    // Neither does whoever stops by itself, while nobody waits for its next delivery or while somebody does.
    dead_letters.stop().await;
    let (ended, ()) = tokio::join!(consumer.next(), consumer.cease());
    assert!(ended.is_err());
    assert_eq!(lost(), [0; 4], "to stop is to lose nothing");
    broker.close().await;
}

async fn closed_connections_are_opened_again(instance: &Servers) {
    let harness = harness(instance);
    let broker = harness.connected().await;
    broker
        .publish(Queue::Commands, &message("before"))
        .await
        .expect("stored");
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let in_hand = next(&consumer).await;
    broker
        .depth(Queue::Commands)
        .await
        .expect("asking has its connection, too");

    instance.rabbitmqctl(&["close_all_connections", "a test"]).await;
    ends(&consumer).await;
    assert_eq!(consumer.settle(vec![in_hand]).await, Ok(Settled::ComesAgain));
    drop(consumer);
    until("publishes are stored again", async || {
        broker.publish(Queue::Commands, &message("after")).await.is_ok()
    })
    .await;
    // That of the consumer, and that to publish on.
    let lost = Cause::ALL.map(|cause| broker.reconnects().of(cause).get());
    assert_eq!(lost, [2, 0, 0, 0]);
    let consumer = broker
        .consume(Queue::Commands, bound(10))
        .await
        .expect("consuming");
    let again = next(&consumer).await;
    assert_eq!(again.message, message("before"));
    assert!(again.redelivered);
    assert_eq!(next(&consumer).await.message, message("after"));
    broker.depth(Queue::Commands).await.expect("asking works again");
    broker.close().await;
}

async fn whoever_may_not_declare_can_use_what_is_there(instance: &Servers) {
    let harness = harness(instance);
    harness.connected().await.close().await;
    instance.rabbitmqctl(&["add_user", "limited", "limited"]).await;
    instance
        .rabbitmqctl(&["set_permissions", "limited", "^$", ".*", ".*"])
        .await;
    let (_, address) = harness
        .options
        .url
        .expose_secret()
        .rsplit_once('@')
        .expect("a user");
    let limited = RabbitMqOptions {
        url: format!("amqp://limited:limited@{address}").into(),
        ..harness.options.clone()
    };

    let broker: Arc<dyn Broker> = RabbitMq::start(limited.clone());
    until("the broker is connected", async || broker.connected()).await;
    broker
        .publish(Queue::Commands, &message("allowed"))
        .await
        .expect("stored");
    let consumer = broker
        .consume(Queue::Commands, bound(1))
        .await
        .expect("consuming");
    assert_eq!(next(&consumer).await.message, message("allowed"));
    broker.close().await;

    let elsewhere = RabbitMq::start(RabbitMqOptions {
        prefix: "nobody-declared.".to_owned(),
        ..limited
    });
    let refused = elsewhere.consume(Queue::Commands, bound(1)).await.err();
    assert!(
        matches!(&refused, Some(BrokerError::Topology(text)) if text.contains("nobody-declared.contato")),
        "{refused:?}"
    );
    assert!(!elsewhere.connected());
    elsewhere.close().await;
}

async fn a_restart_loses_nothing_confirmed(instance: &Servers, how: Ending) {
    let harness = harness(instance);
    let broker = harness.connected().await;
    let consumer = broker
        .consume(Queue::DeadLetters, bound(10))
        .await
        .expect("consuming");
    broker
        .publish(Queue::DeadLetters, &message("in hand"))
        .await
        .expect("stored");
    let in_hand = next(&consumer).await;

    // Publishes go on all the time.
    let (stop, published) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let publishers: Vec<_> = (0..8)
        .map(|publisher| {
            tokio::spawn(publish_until(
                Arc::clone(&stop),
                Arc::clone(&published),
                Arc::clone(&broker),
                publisher,
            ))
        })
        .collect();
    until("publishes are under way", async || {
        published.load(Ordering::Relaxed) > 200
    })
    .await;
    match how {
        Ending::Stop => instance.stop(Server::RabbitMq).await,
        Ending::Kill => instance.kill(Server::RabbitMq).await,
    }
    ends(&consumer).await;
    assert_eq!(consumer.settle(vec![in_hand]).await, Ok(Settled::ComesAgain));
    drop(consumer);
    until("the loss shows", async || !broker.connected()).await;
    let begun = Instant::now();
    assert_eq!(
        broker.publish(Queue::Commands, &message("down")).await,
        Err(PublishError::Unavailable)
    );
    assert!(begun.elapsed() < SLACK);
    assert!(broker.depth(Queue::Commands).await.is_err());
    assert!(broker.consume(Queue::Commands, bound(1)).await.is_err());

    instance.start(Server::RabbitMq).await;
    until("the broker is back", async || broker.connected()).await;
    let before = published.load(Ordering::Relaxed);
    until("publishes are under way again", async || {
        published.load(Ordering::Relaxed) > before + 200
    })
    .await;
    stop.store(true, Ordering::Relaxed);
    let mut confirmed = BTreeSet::new();
    for publisher in publishers {
        confirmed.extend(publisher.await.expect("a publish should not panic"));
    }
    let consumer = broker
        .consume(Queue::Commands, bound(500))
        .await
        .expect("consuming");
    while !confirmed.is_empty() {
        let delivery = next(&consumer).await;
        confirmed.remove(&delivery.message.message_id);
        consumer.settle(vec![delivery]).await.expect("settled");
    }
    let dead_letters = broker
        .consume(Queue::DeadLetters, bound(1))
        .await
        .expect("consuming");
    assert_eq!(next(&dead_letters).await.message, message("in hand"));
    broker.close().await;
}

/// Publishes one message after another; returns the ids of those that are stored.
async fn publish_until(
    stop: Arc<AtomicBool>,
    published: Arc<AtomicUsize>,
    broker: Arc<dyn Broker>,
    publisher: usize,
) -> Vec<String> {
    let mut stored = Vec::new();
    for count in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = format!("{publisher}-{count}");
        match broker.publish(Queue::Commands, &message(&id)).await {
            Ok(()) => {
                published.fetch_add(1, Ordering::Relaxed);
                stored.push(id);
            }
            // Without a connection the answer comes at once: then there is nothing to send until it is back.
            Err(PublishError::Unavailable) => {
                connected_within(broker.as_ref(), SOON).await;
            }
            Err(PublishError::Unconfirmed) => {}
            Err(error) => panic!("{error}"),
        }
    }
    stored
}

/// Waits for a consumer to end.
async fn ends(consumer: &Arc<dyn Consumer>) {
    let ended = tokio::time::timeout(SOON, async { while consumer.next().await.is_ok() {} });
    ended.await.expect("the consumer should have ended");
}
