//! The broker that needs nothing installed: queues in one SQLite file of their own.
//!
//! Any number of processes may publish to the file; one consumes, held by a lock on the file beside it. A `writer`
//! task commits for everybody at once; `feed`s know what is in hand, in memory only; a clock moves what is due in
//! the retry tiers to `contato`.
//!
//! What a crashed process may have had in hand is *suspect*: its deliveries are counted before it is handed out, so
//! that a message which kills the process every time ends as a dead letter.
//!
//! It differs from RabbitMQ in this: a retry tier cannot be consumed; what is due in one moves on even if `contato` is
//! full; what is rejected in the parking queue stays there; deliveries in hand of another process count as waiting.
//!
//! **Invariant:** a publish that returned `Ok` has been synced to disk.

use std::{
    num::NonZeroU16,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::Mutex, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::{
    consumer::EmbeddedConsumer,
    feed::Feeds,
    file::{ConsumerLock, QueueFile},
    reader::{Reader, Waiting},
    writer::{Answer, Job, Signals, Writer, WriterHandle},
};
use super::{Broker, BrokerError, Consumer, Message, PublishError, Queue, QueueOptions, System};

mod clock;
mod consumer;
mod feed;
mod file;
mod group;
mod hand;
mod reader;
mod writer;

pub use group::SUSPECTS_MAX;

/// How soon messages of other processes and of the retry tiers are noticed.
pub const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// How long closing waits for the tasks; each of them ends by itself long before.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(30);

/// Where the queue is and how it is set up.
#[derive(Clone, Debug)]
pub struct EmbeddedOptions {
    /// The file. Its folder is made, too; `-wal`, `-shm` and `.lock` appear beside it.
    pub path: PathBuf,
    /// What every broker is set up with.
    pub queues: QueueOptions,
}

/// The embedded broker. Dropped without [`Broker::close`] it leaves the file as a crash would.
#[derive(Debug)]
pub struct Embedded {
    core: Arc<Core>,
}

/// What the broker and its consumers share: as long as a consumer lives, so does all it needs.
#[derive(Debug)]
struct Core {
    options: QueueOptions,
    file: QueueFile,
    writer: WriterHandle,
    reader: Arc<Reader>,
    feeds: Arc<Feeds>,
    signals: Arc<Signals>,
    /// Whoever has the lock consumes.
    consuming: Mutex<Option<ConsumerLock>>,
    tasks: TaskTracker,
    /// No two deliveries of this process have the same tag.
    next_tag: AtomicU64,
}

impl Drop for Core {
    fn drop(&mut self) {
        self.signals.closing.cancel();
    }
}

impl Embedded {
    /// Opens the queue file, making it and its folder unless they are there.
    ///
    /// # Errors
    /// [`BrokerError::Topology`] if the file cannot be made, read or written, or is of another version.
    pub async fn open(options: EmbeddedOptions) -> Result<Arc<Self>, BrokerError> {
        let EmbeddedOptions { path, queues } = options;
        let (file, connection) = QueueFile::open(&path).await?;
        let feeds = Arc::new(Feeds::default());
        let signals = Arc::new(Signals {
            closing: CancellationToken::new(),
            in_order: AtomicBool::new(false),
            usable: AtomicBool::new(true),
        });
        let tasks = TaskTracker::new();
        let (writer, handle) = Writer::new(
            file.clone(),
            connection,
            feeds.clone(),
            queues.clone(),
            signals.clone(),
        );
        tasks.spawn(writer.run());
        let reader = Arc::new(Reader::new(file.clone()));
        let consuming = Mutex::new(None);
        let core = Core {
            options: queues,
            file,
            writer: handle,
            reader,
            feeds,
            signals,
            consuming,
            tasks,
            next_tag: AtomicU64::new(1),
        };
        Ok(Arc::new(Self { core: Arc::new(core) }))
    }
}

#[async_trait]
impl Broker for Embedded {
    async fn publish(&self, queue: Queue, message: &Message) -> Result<(), PublishError> {
        if self.core.closed() {
            return Err(PublishError::Unavailable);
        }
        let job = Job::Publish {
            queue,
            message: message.clone(),
        };
        Ok(self.core.writer.ask(job).await.map(drop)?)
    }

    async fn consume(&self, queue: Queue, bound: NonZeroU16) -> Result<Arc<dyn Consumer>, BrokerError> {
        let Some(feed) = self.core.feeds.of(queue) else {
            let why = format!(
                "{} only waits: what is due in it comes by {}",
                queue.name(),
                Queue::Commands.name()
            );
            return Err(BrokerError::Topology(why));
        };
        self.core.start_consuming().await?;
        Ok(Arc::new(EmbeddedConsumer::start(
            self.core.clone(),
            feed.clone(),
            bound,
        )))
    }

    async fn depth(&self, queue: Queue) -> Result<u64, BrokerError> {
        if self.core.closed() {
            return Err(closed());
        }
        let waiting = Waiting::now(&self.core.options.retry_delays);
        let stored = self
            .core
            .reader
            .count(queue, waiting)
            .await
            .map_err(|error| unreadable(&error))?;
        let in_hand = self.core.feeds.of(queue).map_or(0, |feed| feed.held());
        Ok(stored.saturating_sub(in_hand))
    }

    fn system(&self) -> System {
        System::Embedded
    }

    fn connected(&self) -> bool {
        let usable = self.core.signals.usable.load(Ordering::Relaxed);
        usable && self.core.writer.is_alive() && !self.core.closed()
    }

    async fn close(&self) {
        self.core.signals.in_order.store(true, Ordering::Relaxed);
        self.core.signals.closing.cancel();
        self.core.tasks.close();
        if timeout(CLOSE_TIMEOUT, self.core.tasks.wait()).await.is_err() {
            tracing::warn!("the embedded broker's tasks did not end in time");
        }
        self.core.reader.close().await;
        // Last, so that the next to consume finds everything written.
        self.core.consuming.lock().await.take();
    }
}

impl Core {
    fn closed(&self) -> bool {
        self.signals.closing.is_cancelled()
    }

    /// Takes the lock, unless this process has it already, and looks whether the one before crashed.
    async fn start_consuming(&self) -> Result<(), BrokerError> {
        let mut consuming = self.consuming.lock().await;
        if self.closed() {
            return Err(closed());
        }
        if consuming.is_some() {
            return Ok(());
        }
        let lock = self.file.lock()?;
        if let Answer::SuspectsUntil(ids) = self.writer.ask(Job::StartConsuming).await? {
            for (feed, id) in self.feeds.all().into_iter().zip(ids) {
                feed.suspect_until(id);
            }
        }
        let closing = self.signals.closing.clone();
        self.tasks.spawn(clock::run(
            self.reader.clone(),
            self.writer.clone(),
            self.options.retry_delays,
            closing,
        ));
        *consuming = Some(lock);
        Ok(())
    }
}

fn closed() -> BrokerError {
    BrokerError::Lost("the embedded broker is closed".to_owned())
}

fn unreadable(error: &sea_orm::sqlx::Error) -> BrokerError {
    BrokerError::Lost(format!("the queue file could not be read: {error}"))
}
