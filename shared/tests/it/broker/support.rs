//! What tests of brokers have in common: messages to send, and waiting that ends.

use std::{num::NonZeroU16, sync::Arc, time::Duration};

use shared::broker::{Broker, CONTENT_TYPE_JSON, Consumer, Delivery, Message, PublishError, Queue};
use test_support::{PATIENCE, eventually};

/// How long anything may take that is bound to happen. Far more than it needs: it ends tests that are red anyway.
pub const SOON: Duration = PATIENCE;

/// How long nothing must happen for it to count as not happening.
pub const QUIET: Duration = Duration::from_millis(300);

/// A command-like message that is told by its id.
pub fn message(id: impl ToString) -> Message {
    let id = id.to_string();
    Message {
        body: format!("{{\"id\":\"{id}\"}}").into_bytes(),
        kind: "contato.create".to_owned(),
        message_id: id,
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt: 1,
        replay: 0,
        traceparent: None,
    }
}

/// A bound on unsettled deliveries.
pub fn bound(bound: u16) -> NonZeroU16 {
    NonZeroU16::new(bound).expect("tests use bounds above zero")
}

/// Waits until a condition holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    eventually(what, async || condition().await.then_some(())).await;
}

/// The next delivery, which must come.
pub async fn next(consumer: &Arc<dyn Consumer>) -> Delivery {
    tokio::time::timeout(SOON, consumer.next())
        .await
        .expect("a delivery should have come")
        .expect("the consumer should not have ended")
}

/// So many deliveries, which must come.
pub async fn take(consumer: &Arc<dyn Consumer>, count: usize) -> Vec<Delivery> {
    let mut deliveries = Vec::with_capacity(count);
    while deliveries.len() < count {
        deliveries.push(next(consumer).await);
    }
    deliveries
}

/// Asserts that no delivery comes for a while.
pub async fn nothing_comes(consumer: &Arc<dyn Consumer>) {
    if let Ok(delivery) = tokio::time::timeout(QUIET, consumer.next()).await {
        panic!("nothing should have come, not {delivery:?}");
    }
}

/// Waits until so many messages wait in a queue.
pub async fn until_depth(broker: &Arc<dyn Broker>, queue: Queue, depth: u64) {
    until(
        &format!("{depth} messages wait in {}", queue.name()),
        async || broker.depth(queue).await == Ok(depth),
    )
    .await;
}

/// Publishes messages with the ids `0..count`, all at once.
pub async fn publish_many(
    broker: &Arc<dyn Broker>,
    queue: Queue,
    count: usize,
) -> Vec<Result<(), PublishError>> {
    let publishes: Vec<_> = (0..count)
        .map(|id| {
            let broker = Arc::clone(broker);
            tokio::spawn(async move { broker.publish(queue, &message(id)).await })
        })
        .collect();
    let mut results = Vec::with_capacity(count);
    for publish in publishes {
        results.push(publish.await.expect("a publish should not panic"));
    }
    results
}

/// The ids of deliveries, in order of arrival.
pub fn ids(deliveries: &[Delivery]) -> Vec<&str> {
    deliveries
        .iter()
        .map(|delivery| delivery.message.message_id.as_str())
        .collect()
}
