//! Commands that wait while messages are on their way go together.

use std::{collections::BTreeSet, num::NonZeroU16, time::Duration};

use producer_api::{coalescer::Coalescer, metrics::ApiMetrics};
use shared::{
    broker::{PublishError, Queue},
    metrics::Metrics,
    runtime::ProcessRuntime,
    traces::Sending,
    wire::{Envelope, MAX_ENVELOPES, MAX_MESSAGE_BYTES, decode_message},
};
use test_support::Pair;

const AT_ONCE: usize = 1500;

const TIMEOUT: Duration = Duration::from_secs(10);

fn coalescer(pair: &Pair) -> Coalescer {
    let metrics = ApiMetrics::new(&Metrics::new());
    Coalescer::start(
        pair.parts.broker.clone(),
        TIMEOUT,
        &ProcessRuntime::current(),
        metrics,
    )
}

async fn publish_all(coalescer: &Coalescer, envelopes: &[Envelope]) -> Vec<Result<(), PublishError>> {
    let mut publishing = tokio::task::JoinSet::new();
    for envelope in envelopes {
        let (coalescer, envelope) = (coalescer.clone(), envelope.clone());
        publishing.spawn(async move { coalescer.publish(&envelope, Sending::default()).await });
    }
    publishing.join_all().await
}

#[tokio::test]
async fn what_waits_goes_together_within_the_bounds_of_a_message() {
    let pair = Pair::embedded().await;
    let envelopes: Vec<_> = (0..AT_ONCE).map(|_| pair.create("Ana Souza")).collect();
    let answers = publish_all(&coalescer(&pair), &envelopes).await;
    assert!(answers.iter().all(Result::is_ok));

    let bound = NonZeroU16::new(1000).unwrap();
    let consumer = pair.parts.broker.consume(Queue::Commands, bound).await.unwrap();
    let (mut messages, mut came) = (0, Vec::new());
    while came.len() < AT_ONCE {
        let delivery = consumer.next().await.unwrap();
        messages += 1;
        let elements = decode_message(&delivery.message.body);
        assert!(elements.len() <= MAX_ENVELOPES && delivery.message.body.len() <= MAX_MESSAGE_BYTES);
        came.extend(
            elements
                .into_iter()
                .map(|element| element.envelope.unwrap().command.id),
        );
        consumer.settle(vec![delivery]).await.unwrap();
    }
    assert!(messages < AT_ONCE / 10, "{messages} messages");
    let sent: BTreeSet<_> = envelopes.iter().map(|envelope| envelope.command.id).collect();
    assert_eq!((came.len(), came.into_iter().collect()), (AT_ONCE, sent));
    assert_eq!(pair.parts.broker.depth(Queue::Commands).await, Ok(0));
}

#[tokio::test]
async fn each_is_told_what_became_of_the_message_it_went_in() {
    let pair = Pair::embedded().await;
    let envelopes: Vec<_> = (0..20).map(|_| pair.create("Ana Souza")).collect();
    pair.parts.broker.close().await;
    let answers = publish_all(&coalescer(&pair), &envelopes).await;
    assert_eq!(answers, [Err(PublishError::Unavailable); 20]);
}
