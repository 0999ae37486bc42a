//! (c) How fast the worker drains a queue of creates, and (d) how fast the database alone takes the same rows.

use std::{
    num::NonZeroU16,
    time::{Duration, Instant},
};

use futures_util::{StreamExt, TryStreamExt, stream};
use shared::broker::{
    Broker, CONTENT_TYPE_JSON, Message, Queue,
    rabbitmq::{RabbitMq, RabbitMqOptions},
};

use crate::{
    http::APPLIED,
    report::Report,
    sample::Envelopes,
    sql,
    stack::{Ground, Servers},
};

const DRAINED_MAX: Duration = Duration::from_secs(300);

pub async fn measure(servers: &Servers, queued: usize, report: &mut Report) -> anyhow::Result<()> {
    let ground = servers.ground().await?;
    enqueue(servers, &ground, Queue::Commands, queued).await?;
    let since = Instant::now();
    let worker = servers.start("consumer-worker", &ground).await?;
    worker.counted(APPLIED, queued, DRAINED_MAX).await?;
    report.add(Report::DRAIN, "/s", queued as f64 / since.elapsed().as_secs_f64());
    report.memory("consumer-worker", worker.peak_mib()?);
    drop(worker);
    sql::measure(servers, &ground, queued, report).await
}

/// One message a create, as the API sends them when they come one by one.
pub async fn enqueue(servers: &Servers, ground: &Ground, queue: Queue, count: usize) -> anyhow::Result<()> {
    let mut options = RabbitMqOptions::new(servers.amqp_url.clone().into());
    options.prefix = ground.prefix.clone();
    let broker = RabbitMq::start(options);
    // Waits for the connection.
    drop(broker.consume(Queue::Parking, NonZeroU16::MIN).await?);
    while !broker.connected() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut envelopes = Envelopes::new()?;
    stream::iter((0..count).map(|_| envelopes.next()))
        .map(|made| async {
            let (id, body) = made?;
            let message = Message {
                body,
                kind: "contato.create".to_owned(),
                message_id: id.to_string(),
                content_type: CONTENT_TYPE_JSON.to_owned(),
                attempt: 1,
                replay: 0,
                traceparent: None,
            };
            anyhow::Ok(broker.publish(queue, &message).await?)
        })
        .buffer_unordered(256)
        .try_collect::<Vec<()>>()
        .await?;
    broker.close().await;
    Ok(())
}
