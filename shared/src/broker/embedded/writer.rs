//! The writer: the one task of a process that changes the file.
//!
//! It takes what is waiting, does it in one transaction and answers after the commit, so that one sync serves
//! everybody who asked meanwhile.
//!
//! **Invariant:** a request is answered with `Ok` only after a commit that contains it returned.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use sea_orm::sqlx::{self, Connection, SqliteConnection};
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::{
    feed::Feeds,
    file::{QueueFile, is_busy},
    group::{self, Changes},
};
use crate::broker::{BrokerError, Message, PublishError, Queue, QueueOptions};

/// The most requests that wait for the writer; whoever comes then waits to be let in.
const REQUESTS_MAX: usize = 1024;
/// The most requests in one transaction.
const GROUP_MAX: usize = 512;
/// No request joins a transaction that has more bytes of messages than this.
const GROUP_BYTES_MAX: usize = 8 * 1024 * 1024;
/// How often a lost file is looked for.
const RECONNECT_INTERVAL: Duration = Duration::from_millis(500);
/// How often the end of consuming is tried to be written while another process holds the file.
const CLOSE_ATTEMPTS: u32 = 10;

/// What the writer can do.
#[derive(Debug)]
pub(super) enum Job {
    /// Stores a message.
    Publish { queue: Queue, message: Message },
    /// Deletes messages.
    Settle { queue: Queue, ids: Vec<i64> },
    /// Counts a delivery of each message; those beyond the limit become dead letters.
    Count { queue: Queue, ids: Vec<i64> },
    /// Moves a message to the queue that its own dead-letters to.
    Reject { queue: Queue, id: i64 },
    /// Moves what is due in the retry tiers to `contato`.
    MoveDue,
    /// Notes that this process consumes, and finds out whether the one before it crashed.
    StartConsuming,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It is stored.
    Done,
    /// How many of the messages became dead letters, or were due.
    Moved(usize),
    /// Up to which id the messages of each feed, in the order of [`Feeds::all`], are suspects.
    SuspectsUntil([i64; 3]),
}

/// Why nothing came of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Failure {
    /// The broker is closed.
    #[error("the embedded broker is closed")]
    Closed,
    /// The queue is full.
    #[error("the queue is full")]
    Full,
    /// It was not stored.
    #[error("the queue file could not be written: {0}")]
    NotStored(String),
    /// It may or may not have been stored.
    #[error("it is not known whether the queue file was written: {0}")]
    Unknown(String),
}

impl From<Failure> for PublishError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Closed => Self::Unavailable,
            Failure::Full | Failure::NotStored(_) => Self::Refused,
            Failure::Unknown(_) => Self::Unconfirmed,
        }
    }
}

impl From<Failure> for BrokerError {
    fn from(failure: Failure) -> Self {
        Self::Lost(failure.to_string())
    }
}

#[derive(Debug)]
struct Request {
    job: Job,
    reply: oneshot::Sender<Result<Answer, Failure>>,
}

/// An answer that is waited for.
pub(super) type Reply = oneshot::Receiver<Result<Answer, Failure>>;

/// The way to the writer.
#[derive(Clone, Debug)]
pub(super) struct WriterHandle {
    requests: mpsc::Sender<Request>,
    patience: Duration,
}

impl WriterHandle {
    /// Asks and waits, at most as long as a publish may take. If that is not awaited to its end the request is
    /// dropped unless it has begun.
    pub async fn ask(&self, job: Job) -> Result<Answer, Failure> {
        let asked = async {
            let (reply, answer) = oneshot::channel();
            let request = Request { job, reply };
            self.requests.send(request).await.map_err(|_| Failure::Closed)?;
            Self::answer(answer.await)
        };
        timeout(self.patience, asked)
            .await
            .unwrap_or_else(|_| Err(self.too_late()))
    }

    /// A place in the queue for one request, which is then sent without waiting. Cancel-safe.
    pub async fn reserve(&self) -> Result<Place<'_>, Failure> {
        match timeout(self.patience, self.requests.reserve()).await {
            Ok(Ok(permit)) => Ok(Place(permit)),
            Ok(Err(_)) => Err(Failure::Closed),
            Err(_) => Err(self.too_late()),
        }
    }

    /// Waits for an answer, at most as long as a publish may take. Cancel-safe.
    pub async fn wait(&self, reply: &mut Reply) -> Result<Answer, Failure> {
        match timeout(self.patience, reply).await {
            Ok(answer) => Self::answer(answer),
            Err(_) => Err(self.too_late()),
        }
    }

    /// Whether there is a writer.
    pub fn is_alive(&self) -> bool {
        !self.requests.is_closed()
    }

    fn too_late(&self) -> Failure {
        Failure::Unknown(format!("no answer within {:?}", self.patience))
    }

    fn answer(answer: Result<Result<Answer, Failure>, oneshot::error::RecvError>) -> Result<Answer, Failure> {
        answer.unwrap_or_else(|_| Err(Failure::Unknown("the writer is gone".to_owned())))
    }
}

/// A place in the writer's queue.
#[derive(Debug)]
pub(super) struct Place<'a>(mpsc::Permit<'a, Request>);

impl Place<'_> {
    /// Sends the request.
    pub fn send(self, job: Job) -> Reply {
        let (reply, answer) = oneshot::channel();
        self.0.send(Request { job, reply });
        answer
    }
}

/// What the rest of the broker and the writer tell each other beside requests.
#[derive(Debug)]
pub(super) struct Signals {
    /// The broker closes, or was dropped.
    pub closing: CancellationToken,
    /// It closes in order: what is in hand is given up knowingly, so there is no crash to suspect.
    pub in_order: AtomicBool,
    /// Whether there is a connection that has not failed.
    pub usable: AtomicBool,
}

/// The writer.
#[derive(Debug)]
pub(super) struct Writer {
    file: QueueFile,
    connection: Option<SqliteConnection>,
    requests: mpsc::Receiver<Request>,
    feeds: Arc<Feeds>,
    options: QueueOptions,
    signals: Arc<Signals>,
    consuming: bool,
}

/// Why a transaction did not happen.
enum Trouble {
    /// Another process is writing.
    Busy,
    /// Nothing of it is stored.
    NotStored(sqlx::Error),
    /// The commit itself failed: after a crash its pages may turn out to be in the log.
    Unknown(sqlx::Error),
}

impl Writer {
    /// The writer and the way to it.
    pub fn new(
        file: QueueFile,
        connection: SqliteConnection,
        feeds: Arc<Feeds>,
        options: QueueOptions,
        signals: Arc<Signals>,
    ) -> (Self, WriterHandle) {
        let (sender, requests) = mpsc::channel(REQUESTS_MAX);
        let handle = WriterHandle {
            requests: sender,
            patience: options.publish_timeout,
        };
        let connection = Some(connection);
        (
            Self {
                file,
                connection,
                requests,
                feeds,
                options,
                signals,
                consuming: false,
            },
            handle,
        )
    }

    /// Works until the broker closes and what was asked before is done.
    pub async fn run(mut self) {
        while let Some(first) = self.next_request().await {
            let requests = self.with_company(first);
            self.serve(requests).await;
        }
        if self.consuming && self.signals.in_order.load(Ordering::Relaxed) {
            self.stop_consuming().await;
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the queue file was not closed in order; nothing is lost");
        }
    }

    async fn next_request(&mut self) -> Option<Request> {
        loop {
            tokio::select! {
                biased;
                request = self.requests.recv() => return request,
                () = self.signals.closing.cancelled() => {
                    self.requests.close();
                    return self.requests.recv().await;
                }
                // Whoever sees that there is no connection does not publish, so it must come back by itself.
                () = tokio::time::sleep(RECONNECT_INTERVAL), if self.connection.is_none() => {
                    self.connection = self.file.connect().await.ok();
                    let usable = self.connection.is_some();
                    self.signals.usable.store(usable, Ordering::Relaxed);
                }
            }
        }
    }

    /// Everything that waits already, within the bounds of a group.
    fn with_company(&mut self, first: Request) -> Vec<Request> {
        let mut bytes = first.job.bytes();
        let mut requests = vec![first];
        while requests.len() < GROUP_MAX
            && bytes < GROUP_BYTES_MAX
            && let Ok(request) = self.requests.try_recv()
        {
            bytes += request.job.bytes();
            requests.push(request);
        }
        requests
    }

    async fn serve(&mut self, mut requests: Vec<Request>) {
        loop {
            // Whoever has stopped waiting was told that it failed, or consumes again what it wanted settled.
            requests.retain(|request| !request.reply.is_closed());
            if requests.is_empty() {
                return;
            }
            let failure = match self.store(&requests).await {
                Ok(changes) => return self.conclude(requests, changes),
                Err(Trouble::Busy) if self.signals.closing.is_cancelled() => Failure::Closed,
                Err(Trouble::Busy) => continue,
                Err(Trouble::NotStored(error)) => self.lose(error, Failure::NotStored),
                Err(Trouble::Unknown(error)) => self.lose(error, Failure::Unknown),
            };
            for request in requests {
                // Nobody waits for it: nothing to tell.
                drop(request.reply.send(Err(failure.clone())));
            }
            return;
        }
    }

    async fn store(&mut self, requests: &[Request]) -> Result<Changes, Trouble> {
        let connection = match &mut self.connection {
            Some(connection) => connection,
            none => none.insert(self.file.connect().await.map_err(Trouble::NotStored)?),
        };
        let mut transaction = match connection.begin_with("BEGIN IMMEDIATE").await {
            Ok(transaction) => transaction,
            Err(error) if is_busy(&error) => return Err(Trouble::Busy),
            Err(error) => return Err(Trouble::NotStored(error)),
        };
        let jobs: Vec<&Job> = requests.iter().map(|request| &request.job).collect();
        let done = group::apply(&mut transaction, &jobs, &self.options, self.feeds.commands_held());
        let changes = done.await.map_err(Trouble::NotStored)?;
        transaction.commit().await.map_err(Trouble::Unknown)?;
        Ok(changes)
    }

    /// Tells everybody after the commit.
    fn conclude(&mut self, requests: Vec<Request>, changes: Changes) {
        self.signals.usable.store(true, Ordering::Relaxed);
        for (queue, ids) in &changes.gone {
            if let Some(feed) = self.feeds.of(*queue) {
                feed.forget(ids);
            }
        }
        for feed in changes.filled.iter().filter_map(|queue| self.feeds.of(*queue)) {
            feed.wake();
        }
        for (request, answer) in requests.into_iter().zip(changes.answers) {
            self.consuming |= matches!(request.job, Job::StartConsuming);
            // Nobody waits for it: what was to be settled is settled, and a publish counts as unconfirmed.
            drop(request.reply.send(answer));
        }
    }

    /// Drops the connection with whatever was begun on it; the next group makes another.
    fn lose(&mut self, error: sqlx::Error, failure: fn(String) -> Failure) -> Failure {
        self.connection = None;
        self.signals.usable.store(false, Ordering::Relaxed);
        let failure = failure(error.to_string());
        tracing::error!(queue.file = %self.file.path().display(), %failure, "a transaction failed");
        failure
    }

    async fn stop_consuming(&mut self) {
        let Some(connection) = self.connection.as_mut() else {
            return;
        };
        let feeds = self.feeds.all();
        let redelivered: Vec<i64> = feeds.iter().flat_map(|feed| feed.redelivered()).collect();
        for _ in 0..CLOSE_ATTEMPTS {
            match group::stop_consuming(connection, &redelivered).await {
                Err(error) if is_busy(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "the end of consuming was not noted; the next start suspects a crash");
                    return;
                }
                Ok(()) => return,
            }
        }
    }
}

impl Job {
    fn bytes(&self) -> usize {
        match self {
            Self::Publish { message, .. } => message.body.len(),
            Self::Settle { .. }
            | Self::Count { .. }
            | Self::Reject { .. }
            | Self::MoveDue
            | Self::StartConsuming => 0,
        }
    }
}
