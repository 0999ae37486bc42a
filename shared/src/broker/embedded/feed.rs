//! What of a queue is in hand, and how far it has been read. In memory only: after a restart everything that is in
//! the file is available again.
//!
//! Ids only grow, so a feed reads on from the last id it has seen; what was handed out and came back is kept by id
//! and read again.
//!
//! **Invariant:** a message is either beyond the cursor, or held by one consumer, or returned, or gone from the file.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
};

use sea_orm::sqlx;
use tokio::sync::watch;

use super::reader::{Reader, Row};
use crate::broker::Queue;

/// A message that was read for one consumer.
#[derive(Debug)]
pub(super) struct Fetched {
    /// The row.
    pub row: Row,
    /// Whether it may have been handed out before.
    pub redelivered: bool,
    /// Whether it may have been in hand when the process crashed.
    pub suspect: bool,
}

/// One queue's feed.
#[derive(Debug)]
pub(super) struct Feed {
    queue: Queue,
    /// Messages up to this id may have been in hand when the process crashed.
    suspects_until: AtomicI64,
    place: Mutex<Place>,
    /// Held while reading, so that two consumers do not read the same.
    reading: tokio::sync::Mutex<()>,
    changed: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct Place {
    cursor: i64,
    /// With whether they come flagged the next time.
    held: HashMap<i64, bool>,
    /// With whether they come flagged.
    returned: BTreeMap<i64, bool>,
}

impl Feed {
    fn new(queue: Queue) -> Self {
        Self {
            queue,
            suspects_until: AtomicI64::new(0),
            place: Mutex::default(),
            reading: tokio::sync::Mutex::default(),
            changed: watch::Sender::default(),
        }
    }

    /// The queue.
    pub fn queue(&self) -> Queue {
        self.queue
    }

    /// Says up to which id messages are suspects.
    pub fn suspect_until(&self, id: i64) {
        self.suspects_until.store(id, Ordering::Relaxed);
    }

    /// Reads at most `count` messages, first those that came back. They are held from now on.
    pub async fn fetch(&self, reader: &Reader, count: usize) -> Result<Vec<Fetched>, sqlx::Error> {
        let _reading = self.reading.lock().await;
        let (again, cursor) = {
            let place = lock(&self.place);
            let again: Vec<i64> = place.returned.keys().take(count).copied().collect();
            (again, place.cursor)
        };
        let mut rows = reader.rows_with(&again).await?;
        let room = count - again.len();
        if room > 0 {
            rows.extend(reader.rows_after(self.queue, cursor, room).await?);
        }
        let suspects_until = self.suspects_until.load(Ordering::Relaxed);
        let mut place = lock(&self.place);
        // What came back and is not in the file any more was settled after all.
        let flags: BTreeMap<i64, bool> = again
            .iter()
            .filter_map(|id| place.returned.remove_entry(id))
            .collect();
        let fetched = rows.into_iter().map(|row| {
            let suspect = row.id <= suspects_until;
            let came_back = flags.get(&row.id).copied().unwrap_or(false);
            let redelivered = came_back || row.redelivered || row.deliveries > 0;
            place.held.insert(row.id, redelivered);
            place.cursor = place.cursor.max(row.id);
            Fetched {
                row,
                redelivered,
                suspect,
            }
        });
        Ok(fetched.collect())
    }

    /// Notes that somebody sees a message that is held.
    pub fn handed_out(&self, id: i64) {
        lock(&self.place).held.insert(id, true);
    }

    /// Takes messages back from a consumer, flagged if they were handed out.
    pub fn put_back(&self, ids: impl IntoIterator<Item = i64>) {
        let mut any = false;
        {
            let mut place = lock(&self.place);
            for id in ids {
                if let Some(redelivered) = place.held.remove(&id) {
                    place.returned.insert(id, redelivered);
                    any = true;
                }
            }
        }
        if any {
            self.wake();
        }
    }

    /// The messages that come flagged the next time.
    pub fn redelivered(&self) -> Vec<i64> {
        let place = lock(&self.place);
        let messages = place.held.iter().chain(&place.returned);
        messages
            .filter(|(_, flagged)| **flagged)
            .map(|(id, _)| *id)
            .collect()
    }

    /// Forgets messages that have left the queue.
    pub fn forget(&self, ids: &[i64]) {
        let mut place = lock(&self.place);
        for id in ids {
            place.held.remove(id);
        }
    }

    /// How many messages are in hand.
    pub fn held(&self) -> u64 {
        lock(&self.place).held.len() as u64
    }

    /// Wakes the consumers: there may be something to read.
    pub fn wake(&self) {
        self.changed.send_replace(());
    }

    /// To be woken by.
    pub fn subscribe(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}

/// The feeds of the queues that can be consumed.
#[derive(Debug)]
pub(super) struct Feeds {
    commands: Arc<Feed>,
    dead_letters: Arc<Feed>,
    parking: Arc<Feed>,
}

impl Default for Feeds {
    fn default() -> Self {
        Self {
            commands: Arc::new(Feed::new(Queue::Commands)),
            dead_letters: Arc::new(Feed::new(Queue::DeadLetters)),
            parking: Arc::new(Feed::new(Queue::Parking)),
        }
    }
}

impl Feeds {
    /// The feed of a queue; a retry tier has none, its messages move to `contato` by themselves.
    pub fn of(&self, queue: Queue) -> Option<&Arc<Feed>> {
        match queue {
            Queue::Commands => Some(&self.commands),
            Queue::Retry(_) => None,
            Queue::DeadLetters => Some(&self.dead_letters),
            Queue::Parking => Some(&self.parking),
        }
    }

    /// How many messages of `contato` are in hand.
    pub fn commands_held(&self) -> u64 {
        self.commands.held()
    }

    /// Each feed.
    pub fn all(&self) -> [&Feed; 3] {
        [&self.commands, &self.dead_letters, &self.parking]
    }
}

/// Locks what no panic can leave half changed.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
