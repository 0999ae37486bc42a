//! (a) The broker alone: confirmed persistent publish and consume through the client library, on a queue that is set up as
//! contato's and with the same bodies.

use std::{num::NonZeroU16, time::Instant};

use futures_util::{FutureExt, StreamExt, stream::FuturesUnordered};
use lapin::{
    BasicProperties, Confirmation, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
    },
    types::FieldTable,
};
use shared::broker::{
    Broker, CONTENT_TYPE_JSON, Queue,
    rabbitmq::{RabbitMq, RabbitMqOptions},
};

use crate::{report::Report, sample::Envelopes, stack::Servers};

const OUTSTANDING: usize = 256;
const PREFETCH: u16 = 1000;

pub async fn measure(servers: &Servers, messages: usize, report: &mut Report) -> anyhow::Result<()> {
    let mut best: f64 = 0.0;
    for channels in [1, 4] {
        let rate = rate(servers, messages, channels).await?;
        report.add(
            &format!("(a) publish + consume, {channels} channel(s)"),
            "/s",
            rate,
        );
        best = best.max(rate);
    }
    report.add(Report::RAW, "/s", best);
    Ok(())
}

async fn rate(servers: &Servers, messages: usize, channels: usize) -> anyhow::Result<f64> {
    let prefix = format!("bench{}.", uuid::Uuid::now_v7().simple());
    // Declares the queues as contato's are.
    let mut options = RabbitMqOptions::new(servers.amqp_url.clone().into());
    options.prefix = prefix.clone();
    let declared = RabbitMq::start(options);
    drop(declared.consume(Queue::Commands, NonZeroU16::MIN).await?);
    declared.close().await;

    let mut envelopes = Envelopes::new()?;
    let bodies = (0..messages)
        .map(|_| envelopes.next())
        .collect::<anyhow::Result<Vec<_>>>()?;
    let exchange = format!("{prefix}contato");
    let queue = format!("{prefix}contato");
    let publishing = connect(&servers.amqp_url).await?;
    let consuming = connect(&servers.amqp_url).await?;

    let channel = consuming.create_channel().await?;
    channel.basic_qos(PREFETCH, BasicQosOptions::default()).await?;
    let mut deliveries = channel
        .basic_consume(
            queue.as_str().into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        )
        .await?;
    let since = Instant::now();
    let consumed = tokio::spawn(async move {
        let mut count = 0;
        while count < messages {
            let Some(delivery) = deliveries.next().await else {
                anyhow::bail!("the consumer ended");
            };
            let mut last = delivery?;
            count += 1;
            while let Some(Some(delivery)) = deliveries.next().now_or_never() {
                last = delivery?;
                count += 1;
            }
            // One acknowledgement for all that has arrived.
            channel
                .basic_ack(last.delivery_tag, BasicAckOptions { multiple: true })
                .await?;
        }
        Ok(())
    });
    let mut parts = Vec::new();
    for part in bodies.chunks(bodies.len().div_ceil(channels)) {
        let channel = publishing.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (part, exchange, queue) = (part.to_vec(), exchange.clone(), queue.clone());
        parts.push(tokio::spawn(async move {
            let mut confirms = FuturesUnordered::new();
            for (id, body) in part {
                if confirms.len() >= OUTSTANDING / channels {
                    stored(confirms.next().await)?;
                }
                let properties = BasicProperties::default()
                    .with_delivery_mode(2)
                    .with_message_id(id.to_string().as_str().into())
                    .with_type("contato.create".into())
                    .with_content_type(CONTENT_TYPE_JSON.into());
                let mandatory = BasicPublishOptions {
                    mandatory: true,
                    ..BasicPublishOptions::default()
                };
                let confirm = channel
                    .basic_publish(
                        exchange.as_str().into(),
                        queue.as_str().into(),
                        mandatory,
                        &body,
                        properties,
                    )
                    .await?;
                confirms.push(confirm);
            }
            while let Some(confirm) = confirms.next().await {
                stored(Some(confirm))?;
            }
            anyhow::Ok(())
        }));
    }
    for part in parts {
        part.await??;
    }
    consumed.await??;
    Ok(messages as f64 / since.elapsed().as_secs_f64())
}

fn stored(confirm: Option<lapin::Result<Confirmation>>) -> anyhow::Result<()> {
    match confirm.transpose()? {
        Some(Confirmation::Ack(None)) => Ok(()),
        other => anyhow::bail!("not stored: {other:?}"),
    }
}

async fn connect(url: &str) -> anyhow::Result<Connection> {
    Ok(Connection::connect(url, ConnectionProperties::default()).await?)
}
