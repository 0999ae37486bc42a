//! Requests that wait for the outcome of their command.
//!
//! One task looks for all of them: one query a tick, and none while nobody waits.
//!
//! **Invariant:** at most `seats` requests wait; one that goes away is forgotten at once.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use shared::{
    domain::{CommandId, ContactId},
    store::{Store, StoreError, commands::CommandRecord, contacts::Contact},
};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, oneshot};
use tokio_util::sync::CancellationToken;

use crate::{metrics::ApiMetrics, stamps::Stamps};

/// How long the task rests between two looks.
pub const TICK: Duration = Duration::from_millis(25);
/// How long it rests after SQL has failed.
pub const FAILED_TICK: Duration = Duration::from_millis(250);
/// The most ids in one query.
pub const MAX_IDS_PER_QUERY: usize = 1000;

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// The command's record.
    Record,
    /// The record, and the contact as it is then.
    RecordAndContact,
}

/// A command that has left the queue.
#[derive(Clone, Debug)]
pub struct Ended {
    /// What is recorded of it.
    pub record: CommandRecord,
    /// Its contact, if that was of interest and there is one.
    pub contact: Option<Contact>,
}

/// What one look found.
struct Found {
    ended: Ended,
    contact_was_read: bool,
}

/// How a wait ended.
#[derive(Debug)]
pub enum Waited {
    /// All seats are taken: there was no wait.
    Full,
    /// The time was up, or the service stops.
    NotYet,
    /// The command has left the queue.
    Ended(Box<Ended>),
}

/// The requests that wait.
#[derive(Debug)]
pub struct Waiters {
    seated: Mutex<HashMap<CommandId, Vec<Seat>>>,
    seats: Arc<Semaphore>,
    arrived: Notify,
    closing: CancellationToken,
    numbers: AtomicU64,
    metrics: ApiMetrics,
}

#[derive(Debug)]
struct Seat {
    number: u64,
    interest: Interest,
    tell: oneshot::Sender<Ended>,
}

/// Leaves the seat when the request ends, however it does.
struct Seated<'a> {
    waiters: &'a Waiters,
    id: CommandId,
    number: u64,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Seated<'_> {
    fn drop(&mut self) {
        let mut seated = self.waiters.lock();
        if let Some(seats) = seated.get_mut(&self.id) {
            seats.retain(|seat| seat.number != self.number);
            if seats.is_empty() {
                seated.remove(&self.id);
            }
        }
        self.waiters.metrics.waiting().dec();
    }
}

impl Waiters {
    /// Seats for so many.
    pub fn new(seats: usize, metrics: ApiMetrics) -> Self {
        Self {
            seated: Mutex::default(),
            seats: Arc::new(Semaphore::new(seats.min(Semaphore::MAX_PERMITS))),
            arrived: Notify::new(),
            closing: CancellationToken::new(),
            numbers: AtomicU64::new(0),
            metrics,
        }
    }

    /// Waits until a command has left the queue, at most so long.
    pub async fn wait(&self, id: CommandId, interest: Interest, at_most: Duration) -> Waited {
        let Ok(permit) = self.seats.clone().try_acquire_owned() else {
            return Waited::Full;
        };
        let (tell, told) = oneshot::channel();
        let _seated = self.sit(id, interest, tell, permit);
        tokio::select! {
            ended = told => ended.map_or(Waited::NotYet, |ended| Waited::Ended(Box::new(ended))),
            () = tokio::time::sleep(at_most) => Waited::NotYet,
            () = self.closing.cancelled() => Waited::NotYet,
        }
    }

    fn sit(
        &self,
        id: CommandId,
        interest: Interest,
        tell: oneshot::Sender<Ended>,
        permit: OwnedSemaphorePermit,
    ) -> Seated<'_> {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let seat = Seat {
            number,
            interest,
            tell,
        };
        self.lock().entry(id).or_default().push(seat);
        self.metrics.waiting().inc();
        self.arrived.notify_one();
        Seated {
            waiters: self,
            id,
            number,
            _permit: permit,
        }
    }

    /// Looks for those that wait until `stop`; then nobody waits any longer.
    pub async fn run(&self, store: &Store, stamps: &Stamps, stop: CancellationToken) {
        let looking = async {
            loop {
                self.somebody().await;
                tokio::time::sleep(TICK).await;
                self.look(store, stamps).await;
            }
        };
        tokio::select! {
            () = looking => {}
            () = stop.cancelled() => self.closing.cancel(),
        }
    }

    async fn somebody(&self) {
        while self.lock().is_empty() {
            self.arrived.notified().await;
        }
    }

    async fn look(&self, store: &Store, stamps: &Stamps) {
        let ids: Vec<_> = self.lock().keys().copied().collect();
        for ids in ids.chunks(MAX_IDS_PER_QUERY) {
            let found = self.ended(store, ids).await;
            self.metrics.looked(found.is_ok());
            match found {
                Ok(found) => self.tell(found, stamps),
                Err(error) => {
                    tracing::debug!(error.kind = error.kind(), "SQL did not answer those that wait");
                    tokio::time::sleep(FAILED_TICK).await;
                    return;
                }
            }
        }
    }

    /// The contacts are read after the records, so that they show at least what the commands did.
    async fn ended(&self, store: &Store, ids: &[CommandId]) -> Result<Vec<Found>, StoreError> {
        let records = store.commands_by_ids(ids).await?;
        let wanted = self.wanted_contacts(&records);
        let mut contacts = HashMap::new();
        if !wanted.is_empty() {
            let ids: Vec<_> = wanted.iter().copied().collect();
            let found = store.contacts_by_ids(&ids).await?;
            contacts.extend(found.into_iter().map(|contact| (contact.state.id, contact)));
        }
        let found = records.into_iter().map(|record| Found {
            contact_was_read: wanted.contains(&record.contact_id),
            ended: Ended {
                contact: contacts.get(&record.contact_id).cloned(),
                record,
            },
        });
        Ok(found.collect())
    }

    fn wanted_contacts(&self, records: &[CommandRecord]) -> BTreeSet<ContactId> {
        let seated = self.lock();
        let wanted = |record: &&CommandRecord| {
            let seats = seated.get(&record.id).map(Vec::as_slice).unwrap_or_default();
            seats
                .iter()
                .any(|seat| seat.interest == Interest::RecordAndContact)
        };
        let wanted = records.iter().filter(wanted);
        wanted.map(|record| record.contact_id).collect()
    }

    /// Who sat down while SQL was asked, and wants a contact that was not read, keeps the seat.
    fn tell(&self, found: Vec<Found>, stamps: &Stamps) {
        let mut seated = self.lock();
        for Found {
            ended,
            contact_was_read,
        } in found
        {
            stamps.saw_command(&ended.record);
            if let Some(contact) = &ended.contact {
                stamps.saw_contact(contact);
            }
            let seats = seated.remove(&ended.record.id).unwrap_or_default();
            let (told, stay): (Vec<_>, Vec<_>) = seats
                .into_iter()
                .partition(|seat| contact_was_read || seat.interest == Interest::Record);
            for seat in told {
                // Who has just gone away need not be told.
                drop(seat.tell.send(ended.clone()));
            }
            if !stay.is_empty() {
                seated.insert(ended.record.id, stay);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<CommandId, Vec<Seat>>> {
        self.seated
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
