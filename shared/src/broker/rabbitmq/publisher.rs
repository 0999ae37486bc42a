//! The one task that publishes on a channel, and decides what became of each message.
//!
//! lapin hands a returned message (`basic.return`) to whichever confirm it completes next on the channel, which under
//! concurrent publishes is often the confirm of another message. So nobody awaits a confirm alone: this task holds
//! all of them, matches returns by message, and believes an ack only once every confirm that was completed before it
//! has been looked at for a return of the same message.
//!
//! **Invariant:** a message is reported stored only if the broker acked it and did not return it. A confirm that
//! nobody waits for any more stays here until it is answered, so that it is neither leaked nor mistaken.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, SystemTime},
};

use lapin::{
    BasicProperties, Channel, Confirmation, ConnectionStatus,
    message::BasicReturnMessage,
    options::BasicPublishOptions,
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant, Interval, MissedTickBehavior},
};

use super::{
    super::{Message, PublishError, Queue},
    HEADER_ATTEMPT, HEADER_REPLAY, HEADER_TRACEPARENT,
    topology::Names,
};

/// The most messages that are sent and not confirmed; beyond, publishes wait their turn within their timeout.
pub(super) const OUTSTANDING_MAX: usize = 1024;

/// How often the channel is looked at while nothing happens on it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A confirm that takes longer, on a connection that is not blocked, is not coming: the connection is given up.
const UNANSWERED_MAX: Duration = Duration::from_secs(60);

/// AMQP's `delivery_mode` for what is to be written to disk.
const DELIVERY_MODE_PERSISTENT: u8 = 2;

type Answer = Result<(), PublishError>;

/// A message to publish, and where to say what became of it.
#[derive(Debug)]
pub(super) struct Job {
    pub(super) queue: Queue,
    pub(super) message: Message,
    pub(super) reply: oneshot::Sender<Answer>,
}

/// Why a [`Publisher`] ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nobody can send jobs any more.
    NotNeeded,
    /// The channel does not work any more.
    Broken(String),
}

/// What tells a returned message. Two that are alike are told the same: that neither is stored.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    routing_key: ShortString,
    message_id: ShortString,
}

struct Outstanding {
    key: Key,
    confirm: Pin<Box<dyn Future<Output = lapin::Result<Confirmation>> + Send>>,
    outcome: Option<Outcome>,
    /// Whether a return of this very message came.
    returned: bool,
    /// Whether every confirm that lapin completed before this one has been looked at.
    compared: bool,
    sent_at: Instant,
    reply: oneshot::Sender<Answer>,
}

/// What a confirm said, without the returned message that it may have carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Acked,
    /// Acked while the return of another message was being handed out: one of its own may still be to come.
    AckedWithForeignReturn,
    Nacked,
    Lost,
}

/// The publisher of one channel; lives as long as its connection.
pub(super) struct Publisher {
    channel: Channel,
    names: Names,
    jobs: mpsc::Receiver<Job>,
    outstanding: Vec<Outstanding>,
    look: Interval,
    connection: ConnectionStatus,
    /// Told when a message came back for want of a queue.
    unroutable: mpsc::Sender<()>,
    failure: Option<String>,
}

impl Publisher {
    /// Publishes what comes through `jobs` on a channel in confirm mode that nobody else publishes on.
    pub(super) fn new(
        channel: Channel,
        names: Names,
        jobs: mpsc::Receiver<Job>,
        connection: ConnectionStatus,
        unroutable: mpsc::Sender<()>,
    ) -> Self {
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self {
            channel,
            names,
            jobs,
            outstanding: Vec::new(),
            look,
            connection,
            unroutable,
            failure: None,
        }
    }

    /// Runs until the channel breaks or nobody is left to publish.
    pub(super) async fn run(mut self) -> Ended {
        std::future::poll_fn(|context| self.poll(context)).await
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        while self.look.poll_tick(context).is_ready() {
            self.look_for_failure();
        }
        loop {
            let no_more_jobs = self.take_jobs(context);
            let was_full = self.outstanding.len() >= OUTSTANDING_MAX;
            self.collect(context);
            if let Some(failure) = self.failure.take() {
                return Poll::Ready(Ended::Broken(failure));
            }
            if no_more_jobs && self.outstanding.is_empty() {
                return Poll::Ready(Ended::NotNeeded);
            }
            // Jobs were left waiting without a waker only if there was no room, and there is now.
            if !was_full || self.outstanding.len() >= OUTSTANDING_MAX {
                return Poll::Pending;
            }
        }
    }

    /// Sends what waits, as far as there is room. Says whether there will never be more.
    fn take_jobs(&mut self, context: &mut Context<'_>) -> bool {
        while self.outstanding.len() < OUTSTANDING_MAX {
            match self.jobs.poll_recv(context) {
                Poll::Ready(Some(job)) => self.send(job),
                Poll::Ready(None) => return true,
                Poll::Pending => return false,
            }
        }
        false
    }

    fn send(&mut self, job: Job) {
        let Job {
            queue,
            message,
            reply,
        } = job;
        if reply.is_closed() {
            // Its caller has given up and been told so; sending it now could only surprise.
            return;
        }
        if self.connection.blocked() || !self.channel.status().connected() {
            let _ = reply.send(Err(if self.connection.blocked() {
                PublishError::Blocked
            } else {
                PublishError::Unavailable
            }));
            return;
        }
        let Some(properties) = properties(&message) else {
            tracing::error!(
                queue.name = queue.name(),
                "a message has a property that is too long for AMQP"
            );
            let _ = reply.send(Err(PublishError::Refused));
            return;
        };
        let key = Key {
            routing_key: self.names.queue(queue),
            message_id: properties.message_id().clone().unwrap_or_default(),
        };
        let confirm = publish(
            self.channel.clone(),
            self.names.exchange(),
            key.routing_key.clone(),
            message.body,
            properties,
        );
        self.outstanding.push(Outstanding {
            key,
            confirm: Box::pin(confirm),
            outcome: None,
            returned: false,
            compared: false,
            sent_at: Instant::now(),
            reply,
        });
    }

    /// Takes in the confirms that have come, and answers those whose fate is known.
    fn collect(&mut self, context: &mut Context<'_>) {
        loop {
            // A return of a message was handed out, if at all, to a confirm completed no later than the message's own.
            // So one more round over the others finds it.
            for one in &mut self.outstanding {
                one.compared = one.outcome.is_some();
            }
            let fresh = self.take_in(context);
            self.answer_compared();
            if fresh == 0 {
                return;
            }
        }
    }

    /// One round over the confirms that have not come; says how many have now.
    fn take_in(&mut self, context: &mut Context<'_>) -> usize {
        let mut fresh = 0;
        let mut returns = Vec::new();
        for one in self.outstanding.iter_mut().filter(|one| one.outcome.is_none()) {
            let Poll::Ready(confirmation) = one.confirm.as_mut().poll(context) else {
                continue;
            };
            fresh += 1;
            let (outcome, returned) = read(confirmation, &mut self.failure);
            one.outcome = Some(match (outcome, &returned) {
                (Outcome::Acked, Some(key)) if *key != one.key => Outcome::AckedWithForeignReturn,
                (outcome, _) => outcome,
            });
            returns.extend(returned);
        }
        for one in &mut self.outstanding {
            one.returned |= returns.contains(&one.key);
        }
        if !returns.is_empty() {
            // If it is full, the supervisor knows already.
            let _ = self.unroutable.try_send(());
        }
        fresh
    }

    fn answer_compared(&mut self) {
        for one in self.outstanding.extract_if(.., |one| one.compared) {
            let answer = match one.outcome {
                _ if one.returned => Err(PublishError::Unroutable),
                Some(Outcome::Acked) => Ok(()),
                Some(Outcome::Nacked) => Err(PublishError::Refused),
                Some(Outcome::AckedWithForeignReturn | Outcome::Lost) | None => {
                    Err(PublishError::Unconfirmed)
                }
            };
            // A caller whose time was up has been told "unconfirmed", which stays true.
            let _ = one.reply.send(answer);
        }
    }

    /// Finds what makes no event of its own: a channel that was closed, a confirm that does not come.
    fn look_for_failure(&mut self) {
        if !self.channel.status().connected() {
            self.failure = Some("the channel was closed".to_owned());
        }
        let oldest = self.outstanding.first().map(|one| one.sent_at.elapsed());
        // While the connection is blocked there is nothing to be gained by another, which would be blocked as well.
        if oldest > Some(UNANSWERED_MAX) && !self.connection.blocked() {
            self.failure = Some(format!("no confirm within {UNANSWERED_MAX:?}"));
        }
    }
}

impl Drop for Publisher {
    fn drop(&mut self) {
        // What was sent is unconfirmed, and its callers see that by their reply being dropped. These were not sent.
        self.jobs.close();
        while let Ok(job) = self.jobs.try_recv() {
            let _ = job.reply.send(Err(PublishError::Unavailable));
        }
    }
}

fn read(confirmation: lapin::Result<Confirmation>, failure: &mut Option<String>) -> (Outcome, Option<Key>) {
    match confirmation {
        Ok(Confirmation::Ack(returned)) => (Outcome::Acked, returned.map(key_of)),
        Ok(Confirmation::Nack(returned)) => (Outcome::Nacked, returned.map(key_of)),
        Ok(Confirmation::NotRequested) => {
            *failure = Some("the channel is not in confirm mode".to_owned());
            (Outcome::Lost, None)
        }
        Err(error) => {
            *failure = Some(error.to_string());
            (Outcome::Lost, None)
        }
    }
}

fn key_of(returned: BasicReturnMessage) -> Key {
    Key {
        message_id: returned.properties.message_id().clone().unwrap_or_default(),
        routing_key: returned.delivery.routing_key,
    }
}

/// Sends a message when first polled, and ends with its confirm.
async fn publish(
    channel: Channel,
    exchange: ShortString,
    routing_key: ShortString,
    body: Vec<u8>,
    properties: BasicProperties,
) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions {
        mandatory: true,
        immediate: false,
    };
    let confirm = channel
        .basic_publish(exchange, routing_key, options, &body, properties)
        .await?;
    // Confirms may be long in coming; the bytes are with the socket now.
    drop(body);
    confirm.await
}

/// The closed list of what is published with a body. `None` if a text is longer than AMQP has room for.
fn properties(message: &Message) -> Option<BasicProperties> {
    let text = |text: &str| ShortString::try_new(text).ok();
    let mut headers = FieldTable::default();
    headers.insert(
        HEADER_ATTEMPT.into(),
        AMQPValue::LongLongInt(message.attempt.into()),
    );
    headers.insert(
        HEADER_REPLAY.into(),
        AMQPValue::LongLongInt(message.replay.into()),
    );
    if let Some(traceparent) = &message.traceparent {
        headers.insert(
            HEADER_TRACEPARENT.into(),
            AMQPValue::LongString(traceparent.as_str().into()),
        );
    }
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default();
    Some(
        BasicProperties::default()
            .with_message_id(text(&message.message_id)?)
            .with_type(text(&message.kind)?)
            .with_content_type(text(&message.content_type)?)
            .with_delivery_mode(DELIVERY_MODE_PERSISTENT)
            .with_timestamp(now.as_secs())
            .with_headers(headers),
    )
}
