//! Publishing commands: what waits while earlier messages are on their way to the broker goes together, as one message.
//!
//! A command that comes alone is sent at once, as a message of its own. Broker and worker do work for each message, so
//! that the busier the API is, the less of it each command costs; while it is busy, a message waits a little for company.
//!
//! **Invariant:** a command is reported stored only if the message that it went in was confirmed.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use shared::{
    broker::{Broker, CONTENT_TYPE_JSON, Message, PublishError, Queue, takes_messages},
    domain::Operation,
    runtime::ProcessRuntime,
    traces::Sending,
    wire::{Envelope, MAX_ENVELOPES, MAX_MESSAGE_BYTES, MESSAGE_TYPE_BATCH, encode_batch},
};
use tokio::sync::{Notify, Semaphore, mpsc, oneshot};

use crate::metrics::ApiMetrics;

/// How many messages may be on their way. With one, a single lost confirm would hold up all; with many, each would carry
/// little.
const UNCONFIRMED_MAX: usize = 2;

/// The longest that a message waits for company, after one that had some: while there is much to send, fewer and larger
/// messages cost broker and worker less than they cost the clients.
const LINGER: Duration = Duration::from_micros(500);

/// How many commands may wait to be sent; more wait for room, within their time.
const WAITING_MAX: usize = 4096;

type Answer = Result<(), PublishError>;

/// A command that goes with others: its operation, its id and its envelope as it is encoded.
pub type Together = (Operation, String, Vec<u8>);

/// Publishes commands. Cheap to clone; ends with its last clone.
#[derive(Clone, Debug)]
pub struct Coalescer {
    broker: Arc<dyn Broker>,
    waiting: mpsc::Sender<Waiting>,
    company: Arc<Company>,
    timeout: Duration,
    metrics: ApiMetrics,
}

/// Tells a message that waits for company that it has enough.
#[derive(Debug)]
struct Company {
    /// How many make enough; nobody waits at `usize::MAX`.
    enough: AtomicUsize,
    come: Notify,
}

#[derive(Debug)]
struct Waiting {
    operation: Operation,
    id: String,
    body: Vec<u8>,
    sending: Sending,
    reply: oneshot::Sender<Answer>,
}

impl Coalescer {
    /// Starts publishing on the runtime. `timeout` bounds what a command waits in all.
    pub fn start(
        broker: Arc<dyn Broker>,
        timeout: Duration,
        runtime: &ProcessRuntime,
        metrics: ApiMetrics,
    ) -> Self {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        let company = Arc::new(Company {
            enough: AtomicUsize::new(usize::MAX),
            come: Notify::new(),
        });
        runtime.spawn(run(broker.clone(), waiting, company.clone(), metrics.clone()));
        Self {
            broker,
            waiting: sender,
            company,
            timeout,
            metrics,
        }
    }

    /// Publishes a command; returns once the broker has stored it. Its span ends with the message that it goes in.
    ///
    /// # Errors
    /// As [`Broker::publish`], and as soon.
    pub async fn publish(&self, envelope: &Envelope, sending: Sending) -> Answer {
        if let Err(error) = takes_messages(self.broker.as_ref()) {
            sending.sent(Err(error));
            return Err(error);
        }
        let (reply, answer) = oneshot::channel();
        let waiting = Waiting {
            operation: envelope.command.action.operation(),
            id: envelope.command.id.to_string(),
            body: envelope.encode(),
            sending,
            reply,
        };
        let published = async {
            self.waiting
                .send(waiting)
                .await
                .map_err(|_| PublishError::Unavailable)?;
            self.company.one_more(WAITING_MAX - self.waiting.capacity());
            answer.await.unwrap_or(Err(PublishError::Unconfirmed))
        };
        tokio::time::timeout(self.timeout, published)
            .await
            .unwrap_or(Err(PublishError::Unconfirmed))
    }

    /// Publishes commands that are together already, as one message: at most [`MAX_ENVELOPES`], and [`MAX_MESSAGE_BYTES`] in
    /// all.
    ///
    /// # Errors
    /// As [`Broker::publish`], and as soon.
    pub async fn publish_together(&self, commands: Vec<Together>) -> Answer {
        self.metrics.message(commands.len());
        let Some(message) = message(commands) else {
            return Ok(());
        };
        takes_messages(self.broker.as_ref())?;
        let published = self.broker.publish(Queue::Commands, &message);
        tokio::time::timeout(self.timeout, published)
            .await
            .unwrap_or(Err(PublishError::Unconfirmed))
    }
}

impl Company {
    fn one_more(&self, waiting: usize) {
        if waiting >= self.enough.load(Ordering::Relaxed) {
            self.come.notify_one();
        }
    }

    /// Waits until as many have come as the last message had.
    async fn wait(&self, last: usize, waiting: &mpsc::Receiver<Waiting>) {
        if last <= 1 || waiting.len() + 1 >= last {
            return;
        }
        self.enough.store(last - 1, Ordering::Relaxed);
        let come = async {
            // What was told before anybody waited is no news.
            while waiting.len() + 1 < last {
                self.come.notified().await;
            }
        };
        // One that came too late to be told of is noticed when the time is up.
        let _ = tokio::time::timeout(LINGER, come).await;
        self.enough.store(usize::MAX, Ordering::Relaxed);
    }
}

async fn run(
    broker: Arc<dyn Broker>,
    mut waiting: mpsc::Receiver<Waiting>,
    company: Arc<Company>,
    metrics: ApiMetrics,
) {
    let unconfirmed = Arc::new(Semaphore::new(UNCONFIRMED_MAX));
    let mut carried = None;
    let mut last = 0;
    loop {
        let Ok(permit) = unconfirmed.clone().acquire_owned().await else {
            return;
        };
        let first = match carried.take() {
            Some(first) => first,
            None => match waiting.recv().await {
                Some(first) => first,
                None => return,
            },
        };
        company.wait(last, &waiting).await;
        let mut together = vec![first];
        carried = fill(&mut together, &mut waiting);
        // Whoever has given up has been told so; sending it now could only surprise.
        together.retain(|command| !command.reply.is_closed());
        last = together.len();
        metrics.message(together.len());
        let broker = broker.clone();
        tokio::spawn(async move {
            send(broker.as_ref(), together).await;
            drop(permit);
        });
    }
}

/// Takes what waits, as far as one message has room; gives back the first that has none.
fn fill(together: &mut Vec<Waiting>, waiting: &mut mpsc::Receiver<Waiting>) -> Option<Waiting> {
    // Brackets and commas included.
    let mut bytes = 2 + together
        .iter()
        .map(|command| command.body.len() + 1)
        .sum::<usize>();
    while together.len() < MAX_ENVELOPES {
        let command = waiting.try_recv().ok()?;
        bytes += command.body.len() + 1;
        if bytes > MAX_MESSAGE_BYTES {
            return Some(command);
        }
        together.push(command);
    }
    None
}

async fn send(broker: &dyn Broker, together: Vec<Waiting>) {
    let (bodies, waiting): (Vec<_>, Vec<_>) = together
        .into_iter()
        .map(|command| {
            let body = (command.operation, command.id, command.body);
            (body, (command.sending, command.reply))
        })
        .unzip();
    let Some(message) = message(bodies) else {
        return;
    };
    let commands = waiting.len();
    let answer = broker.publish(Queue::Commands, &message).await;
    for (sending, reply) in waiting {
        sending.goes_in(Some(&message.message_id), commands);
        sending.sent(answer);
        // A client that has gone does not hear it.
        let _ = reply.send(answer);
    }
}

/// The message that carries these commands; `None` for no commands.
fn message(mut commands: Vec<Together>) -> Option<Message> {
    let (kind, message_id, body) = if commands.len() > 1 {
        let bodies: Vec<_> = commands.into_iter().map(|(_, _, body)| body).collect();
        let id = uuid::Uuid::now_v7().to_string();
        (MESSAGE_TYPE_BATCH.to_owned(), id, encode_batch(&bodies))
    } else {
        let (operation, id, body) = commands.pop()?;
        (format!("contato.{operation}"), id, body)
    };
    Some(Message {
        body,
        kind,
        message_id,
        content_type: CONTENT_TYPE_JSON.to_owned(),
        attempt: 1,
        replay: 0,
        traceparent: None,
    })
}
