//! One consumer, on a connection of its own.
//!
//! While an alarm lasts, the broker stops reading from connections that have published, acks included. This
//! connection never publishes, so that what is in hand can be settled when the broker needs it most.
//!
//! **Invariant:** a delivery is settled by the consumer it came from or not at all, once; whatever is unsettled when
//! the consumer goes, comes again.

use std::{
    collections::BTreeSet,
    fmt,
    num::NonZeroU16,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, Waker},
    time::{Duration, Instant},
};

use async_trait::async_trait;
use futures_util::{FutureExt, StreamExt, future::BoxFuture};
use lapin::{
    BasicProperties, Channel,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
        BasicRejectOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio_util::sync::{CancellationToken, DropGuard};

use super::{
    super::{BrokerError, BrokerReason, Cause, Consumer, Delivery, Message, Reconnects, Settled},
    HEADER_ATTEMPT, HEADER_REPLAY, HEADER_TRACEPARENT, cause,
    topology::topology_error,
};
use crate::wire::is_traceparent;

/// AMQP's delivery tags count up from 1 on each channel; above these bits stands which consumer it was.
const TAG_BITS: u32 = 44;

/// How often RabbitMQ has delivered a message of a quorum queue before.
const HEADER_DELIVERY_COUNT: &str = "x-delivery-count";

/// How long the broker has to say that it delivers no more.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A consumer of one queue.
pub(super) struct RabbitMqConsumer {
    channel: Channel,
    /// By what the broker knows the consumer.
    consumer_tag: ShortString,
    /// Whether it was asked to cease: that its stream ends is then no loss.
    ceasing: AtomicBool,
    /// Set once the broker has been asked to deliver no more.
    ceased: tokio::sync::OnceCell<()>,
    stream: tokio::sync::Mutex<lapin::Consumer>,
    /// AMQP tags of what was handed out and is not settled.
    unsettled: Mutex<BTreeSet<u64>>,
    ended: Mutex<Option<BrokerError>>,
    /// Tells this consumer's tags from those of another, which would otherwise settle the wrong message.
    tag_base: u64,
    reconnects: Reconnects,
    closed: CancellationToken,
    /// Closes the connection when the consumer is dropped.
    _closes_connection: DropGuard,
}

/// How a delivery is settled.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Ack,
    Requeue,
    Reject,
}

impl RabbitMqConsumer {
    /// Starts consuming. `closed` ends the consumer, and is cancelled when the consumer is dropped.
    pub(super) async fn start(
        channel: Channel,
        queue: ShortString,
        bound: NonZeroU16,
        number: u64,
        reconnects: Reconnects,
        closed: CancellationToken,
    ) -> Result<Self, BrokerError> {
        // Not global: quorum queues have no channel-wide prefetch.
        channel
            .basic_qos(bound.get(), BasicQosOptions { global: false })
            .await
            .map_err(topology_error)?;
        let stream = channel
            .basic_consume(
                queue,
                ShortString::default(),
                BasicConsumeOptions::default(),
                FieldTable::default(),
            )
            .await
            .map_err(topology_error)?;
        Ok(Self {
            channel,
            consumer_tag: stream.tag(),
            ceasing: AtomicBool::new(false),
            ceased: tokio::sync::OnceCell::new(),
            stream: tokio::sync::Mutex::new(stream),
            unsettled: Mutex::default(),
            ended: Mutex::default(),
            tag_base: number << TAG_BITS,
            reconnects,
            _closes_connection: closed.clone().drop_guard(),
            closed,
        })
    }

    /// Turns what the stream yields into a delivery; `None` for one that its channel did not survive.
    fn take(
        &self,
        item: Option<lapin::Result<lapin::message::Delivery>>,
    ) -> Result<Option<Delivery>, BrokerError> {
        let (cause, error) = match item {
            Some(Ok(delivery)) if self.channel.status().connected() => {
                return Ok(Some(self.hand_out(delivery)));
            }
            // Its broker will deliver it again, so there is no use in working on it here.
            Some(Ok(_)) => return Ok(None),
            Some(Err(error)) => (Some(cause(&error)), BrokerError::Lost(error.to_string())),
            None => {
                let by_the_broker = !self.ceasing.load(Ordering::Acquire);
                let error = BrokerError::Lost("the consumer was cancelled".to_owned());
                (by_the_broker.then_some(Cause::Cancelled), error)
            }
        };
        let ended = &mut *lock(&self.ended);
        if let Some(cause) = cause.filter(|_| ended.is_none() && !self.closed.is_cancelled()) {
            self.reconnects.count(cause);
        }
        Err(ended.get_or_insert(error).clone())
    }

    fn hand_out(&self, delivery: lapin::message::Delivery) -> Delivery {
        lock(&self.unsettled).insert(delivery.delivery_tag);
        // Quorum queues count from 1; the header is not there the first time.
        let counted = header_of(&delivery.properties, HEADER_DELIVERY_COUNT)
            .and_then(integer)
            .and_then(|count| u32::try_from(count).ok());
        let returns = counted.unwrap_or_default().max(u32::from(delivery.redelivered));
        Delivery {
            broker_reason: broker_reason(&delivery.properties),
            message: message(delivery.properties, delivery.data),
            redelivered: delivery.redelivered,
            returns,
            taken_at: Instant::now(),
            tag: self.tag_base | delivery.delivery_tag,
        }
    }

    async fn settle_as(&self, verdict: Verdict, deliveries: &[Delivery]) -> Settled {
        let told = self.tell(verdict, deliveries);
        let mut gone = told.all && told.deliveries == deliveries.len();
        for writing in told.writing {
            gone &= writing.await.is_ok();
        }
        // What is written to a channel that the broker has closed counts for nothing.
        if gone && (deliveries.is_empty() || self.channel.status().connected()) {
            Settled::Gone
        } else {
            Settled::ComesAgain
        }
    }

    /// Hands the frames to lapin, in order and without a gap for another settlement to come between: a `multiple` that
    /// overtook, or was overtaken, would name tags that the broker no longer knows, and lose the channel.
    fn tell(&self, verdict: Verdict, deliveries: &[Delivery]) -> Told {
        let mut unsettled = lock(&self.unsettled);
        let tags: BTreeSet<u64> = deliveries
            .iter()
            .filter(|delivery| delivery.tag >> TAG_BITS == self.tag_base >> TAG_BITS)
            .map(|delivery| delivery.tag & ((1 << TAG_BITS) - 1))
            .filter(|tag| unsettled.remove(tag))
            .collect();
        let mut told = Told {
            deliveries: tags.len(),
            all: true,
            writing: Vec::new(),
        };
        for (tag, multiple) in frames(verdict, &tags, unsettled.first().copied()) {
            let mut writing = write(self.channel.clone(), verdict, tag, multiple);
            // The first poll puts the frame into lapin's queue; nothing but an error or the socket is waited for.
            match writing.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(result) => told.all &= result.is_ok(),
                Poll::Pending => told.writing.push(writing),
            }
        }
        told
    }
}

struct Told {
    /// How many of the deliveries were this consumer's, and not settled before.
    deliveries: usize,
    /// Whether lapin took every frame.
    all: bool,
    /// Frames that lapin has taken and not yet written.
    writing: Vec<BoxFuture<'static, lapin::Result<()>>>,
}

#[async_trait]
impl Consumer for RabbitMqConsumer {
    async fn next(&self) -> Result<Delivery, BrokerError> {
        let mut stream = self.stream.lock().await;
        loop {
            if let Some(ended) = lock(&self.ended).clone() {
                return Err(ended);
            }
            let item = tokio::select! {
                biased;
                () = self.closed.cancelled() => return Err(BrokerError::Lost("the broker was closed".to_owned())),
                item = stream.next() => item,
            };
            if let Some(delivery) = self.take(item)? {
                return Ok(delivery);
            }
        }
    }

    fn try_next(&self) -> Option<Delivery> {
        let mut stream = self.stream.try_lock().ok()?;
        loop {
            if lock(&self.ended).is_some() || self.closed.is_cancelled() {
                return None;
            }
            // An error is kept for `next`.
            if let Some(delivery) = self.take(stream.next().now_or_never()?).ok()? {
                return Some(delivery);
            }
        }
    }

    async fn settle(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        Ok(self.settle_as(Verdict::Ack, &deliveries).await)
    }

    async fn give_back(&self, deliveries: Vec<Delivery>) -> Result<Settled, BrokerError> {
        Ok(self.settle_as(Verdict::Requeue, &deliveries).await)
    }

    async fn cease(&self) {
        self.ceasing.store(true, Ordering::Release);
        // Without the lock on the stream: whoever waits for the next delivery holds it, and may wait for long.
        let cancel = async || {
            let cancelled = self
                .channel
                .basic_cancel(self.consumer_tag.clone(), BasicCancelOptions { nowait: false });
            // A broker that does not answer gets everything back when the connection is given up.
            drop(tokio::time::timeout(STOP_TIMEOUT, cancelled).await);
        };
        self.ceased.get_or_init(cancel).await;
    }

    async fn stop(&self) {
        self.cease().await;
        let mut stream = self.stream.lock().await;
        let mut ahead = Vec::new();
        while let Some(Ok(delivery)) = stream.next().now_or_never().map(|item| self.take(item)) {
            ahead.extend(delivery);
        }
        lock(&self.ended).get_or_insert_with(|| BrokerError::Lost("the consumer was stopped".to_owned()));
        self.settle_as(Verdict::Requeue, &ahead).await;
    }

    async fn reject(&self, delivery: Delivery) -> Result<Settled, BrokerError> {
        Ok(self.settle_as(Verdict::Reject, &[delivery]).await)
    }
}

impl fmt::Debug for RabbitMqConsumer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("RabbitMqConsumer")
            .field("unsettled", &lock(&self.unsettled).len())
            .field("ended", &lock(&self.ended))
            .finish_non_exhaustive()
    }
}

/// A panic elsewhere leaves nothing half-done here.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The frames that settle `tags`, with whether each means everything up to its tag as well. `first_left` is the lowest
/// tag that stays unsettled: below it, one frame does for all.
fn frames(verdict: Verdict, tags: &BTreeSet<u64>, first_left: Option<u64>) -> Vec<(u64, bool)> {
    let cut = match verdict {
        Verdict::Ack | Verdict::Requeue => first_left.unwrap_or(u64::MAX),
        // There is no `multiple` in `basic.reject`.
        Verdict::Reject => 0,
    };
    let together = tags.range(..cut).next_back().map(|tag| (*tag, true));
    let one_by_one = tags.range(cut..).map(|tag| (*tag, false));
    together.into_iter().chain(one_by_one).collect()
}

fn write(
    channel: Channel,
    verdict: Verdict,
    tag: u64,
    multiple: bool,
) -> BoxFuture<'static, lapin::Result<()>> {
    async move {
        match verdict {
            Verdict::Ack => channel.basic_ack(tag, BasicAckOptions { multiple }).await,
            Verdict::Requeue => {
                let options = BasicNackOptions {
                    multiple,
                    requeue: true,
                };
                channel.basic_nack(tag, options).await
            }
            Verdict::Reject => {
                channel
                    .basic_reject(tag, BasicRejectOptions { requeue: false })
                    .await
            }
        }
    }
    .boxed()
}

/// What is missing or odd has its default: no message is refused for what somebody wrote into its properties.
fn message(properties: BasicProperties, body: Vec<u8>) -> Message {
    let number = |header: &str, default: u32| {
        header_of(&properties, header)
            .and_then(integer)
            .and_then(|number| u32::try_from(number).ok())
            .unwrap_or(default)
    };
    let text = |text: &Option<ShortString>| text.as_ref().map(ToString::to_string).unwrap_or_default();
    Message {
        attempt: number(HEADER_ATTEMPT, 1).max(1),
        replay: number(HEADER_REPLAY, 0),
        traceparent: header_of(&properties, HEADER_TRACEPARENT)
            .and_then(AMQPValue::as_long_string)
            .and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
            .filter(|value| is_traceparent(value))
            .map(str::to_owned),
        kind: text(properties.kind()),
        message_id: text(properties.message_id()),
        content_type: text(properties.content_type()),
        body,
    }
}

fn header_of<'a>(properties: &'a BasicProperties, name: &str) -> Option<&'a AMQPValue> {
    properties.headers().as_ref()?.inner().get(name)
}

/// Clients differ in the width they give to an integer.
fn integer(value: &AMQPValue) -> Option<i64> {
    match *value {
        AMQPValue::ShortShortInt(number) => Some(number.into()),
        AMQPValue::ShortShortUInt(number) => Some(number.into()),
        AMQPValue::ShortInt(number) => Some(number.into()),
        AMQPValue::ShortUInt(number) => Some(number.into()),
        AMQPValue::LongInt(number) => Some(number.into()),
        AMQPValue::LongUInt(number) => Some(number.into()),
        AMQPValue::LongLongInt(number) => Some(number),
        _ => None,
    }
}

/// Why the broker last moved the message. A retry tier's `expired` may stand below a newer reason, so the newest is
/// asked for first: by its own header (RabbitMQ 3.13 on), or at the head of `x-death`.
fn broker_reason(properties: &BasicProperties) -> Option<BrokerReason> {
    let reason = header_of(properties, "x-last-death-reason")
        .or_else(|| {
            let deaths = header_of(properties, "x-death")?.as_array()?;
            deaths.as_slice().first()?.as_field_table()?.inner().get("reason")
        })
        .or_else(|| header_of(properties, "x-first-death-reason"))?;
    Some(match reason.as_long_string().map(|reason| reason.as_bytes()) {
        Some(b"delivery_limit") => BrokerReason::DeliveryLimit,
        Some(b"expired") => BrokerReason::Expired,
        Some(b"rejected") => BrokerReason::Rejected,
        _ => BrokerReason::Other,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settles(verdict: Verdict, tags: &[u64], first_left: Option<u64>) -> Vec<(u64, bool)> {
        frames(verdict, &tags.iter().copied().collect(), first_left)
    }

    #[test]
    fn what_comes_first_is_settled_by_one_frame() {
        assert_eq!(settles(Verdict::Ack, &[1, 2, 3], None), [(3, true)]);
        assert_eq!(settles(Verdict::Ack, &[1, 2, 3], Some(4)), [(3, true)]);
        assert_eq!(
            settles(Verdict::Requeue, &[1, 3], Some(2)),
            [(1, true), (3, false)]
        );
        assert_eq!(settles(Verdict::Ack, &[2, 3], Some(1)), [(2, false), (3, false)]);
        assert_eq!(settles(Verdict::Reject, &[1], None), [(1, false)]);
        assert_eq!(settles(Verdict::Ack, &[], Some(1)), []);
    }

    fn with_headers(headers: &[(&str, AMQPValue)]) -> BasicProperties {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        BasicProperties::default().with_headers(table)
    }

    #[test]
    fn odd_headers_have_their_default() {
        for (value, attempt) in [
            (AMQPValue::LongLongInt(7), 7),
            (AMQPValue::ShortShortUInt(7), 7),
            (AMQPValue::LongLongInt(-1), 1),
            (AMQPValue::LongLongInt(0), 1),
            (AMQPValue::LongLongInt(i64::MAX), 1),
            (AMQPValue::LongString("7".into()), 1),
            (AMQPValue::Void, 1),
        ] {
            let properties = with_headers(&[(HEADER_ATTEMPT, value.clone())]);
            assert_eq!(message(properties, Vec::new()).attempt, attempt, "{value:?}");
        }
        assert_eq!(message(BasicProperties::default(), Vec::new()).attempt, 1);
    }

    #[test]
    fn the_newest_reason_counts() {
        let text = |text: &str| AMQPValue::LongString(text.into());
        let mut death = FieldTable::default();
        death.insert("reason".into(), text("delivery_limit"));
        let deaths = AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into());
        let first = ("x-first-death-reason", text("expired"));

        let reason = |headers: &[(&str, AMQPValue)]| broker_reason(&with_headers(headers));
        assert_eq!(reason(&[]), None);
        assert_eq!(reason(std::slice::from_ref(&first)), Some(BrokerReason::Expired));
        assert_eq!(
            reason(&[first.clone(), ("x-death", deaths.clone())]),
            Some(BrokerReason::DeliveryLimit)
        );
        assert_eq!(
            reason(&[
                first,
                ("x-death", deaths),
                ("x-last-death-reason", text("rejected"))
            ]),
            Some(BrokerReason::Rejected)
        );
        assert_eq!(reason(&[("x-death", AMQPValue::Boolean(true))]), None);
        assert_eq!(
            reason(&[("x-first-death-reason", AMQPValue::Void)]),
            Some(BrokerReason::Other)
        );
    }
}
