//! Commands that are taken off the queue before any worker sees them, to be put back in another shape, order or number.

use std::num::NonZeroU16;

use shared::{
    broker::{Broker, CONTENT_TYPE_JSON, Message, Queue},
    wire::decode_message,
};
use uuid::Uuid;

/// Takes so many commands off the queue, from wherever their messages are arrays, too. No worker may be running.
///
/// # Panics
/// If the broker is lost.
pub async fn capture(broker: &dyn Broker, commands: usize) -> Vec<Vec<u8>> {
    let consumer = broker
        .consume(Queue::Commands, NonZeroU16::MAX)
        .await
        .expect("the broker answers");
    let (mut captured, mut taken) = (Vec::new(), Vec::new());
    while captured.len() < commands {
        let delivery = consumer.next().await.expect("the broker answers");
        captured.extend(
            decode_message(&delivery.message.body)
                .iter()
                .map(|element| element.body.to_vec()),
        );
        taken.push(delivery);
    }
    consumer.settle(taken).await.expect("the broker answers");
    consumer.stop().await;
    captured
}

/// Puts bytes on the queue, whatever they are.
///
/// # Panics
/// If the broker does not confirm them.
pub async fn publish(broker: &dyn Broker, body: Vec<u8>) {
    let message = Message {
        body,
        kind: "contato.create".to_owned(),
        message_id: Uuid::now_v7().to_string(),
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt: 1,
        replay: 0,
        traceparent: None,
    };
    broker
        .publish(Queue::Commands, &message)
        .await
        .expect("the broker confirms it");
}
