//! A stream of creates, updates and deletes.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use rand::{RngExt, SeedableRng, rngs::SmallRng};
use shared::domain::{Changes, ContactId, Email, Name, NewContact, Phone};
use tokio::{
    task::JoinSet,
    time::{MissedTickBehavior, interval},
};

use crate::{Answer, Api, Request};

/// What stands in every name, e-mail address and phone number that is sent, and nowhere else: whatever else shows it has
/// personal data in it.
pub const CANARIES: [&str; 3] = ["Zuleica", "canario.example", "+55119876"];

/// How much is sent.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Requests in a second, if they are answered in time.
    pub per_second: u32,
    /// How many requests are under way at once.
    pub at_once: u32,
    /// How many contacts are written to.
    pub contacts: usize,
    /// Where the choices begin.
    pub seed: u64,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            per_second: 150,
            at_once: 8,
            contacts: 40,
            seed: 1,
        }
    }
}

/// Writers that send until they are stopped.
#[derive(Debug)]
pub struct Writer {
    stop: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// What the writers of one stream share.
#[derive(Debug)]
struct Stream {
    api: Api,
    pace: Pace,
    contacts: Mutex<Vec<ContactId>>,
    next: AtomicU64,
    stop: Arc<AtomicBool>,
}

impl Writer {
    /// Begins to send.
    pub fn start(api: &Api, pace: Pace) -> Self {
        let stop = Arc::<AtomicBool>::default();
        let stream = Arc::new(Stream {
            api: api.clone(),
            pace,
            contacts: Mutex::default(),
            next: AtomicU64::new(0),
            stop: stop.clone(),
        });
        let mut tasks = JoinSet::new();
        for writer in 0..pace.at_once {
            tasks.spawn(write(
                stream.clone(),
                SmallRng::seed_from_u64(pace.seed + u64::from(writer)),
            ));
        }
        Self { stop, tasks }
    }

    /// Stops; returns once everything that was sent is answered.
    pub async fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.tasks.join_all().await;
    }
}

async fn write(stream: Arc<Stream>, mut chance: SmallRng) {
    let each = Duration::from_secs(1) * stream.pace.at_once / stream.pace.per_second;
    let mut ticks = interval(each);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if stream.stop.load(Ordering::Relaxed) {
            return;
        }
        let request = stream.request(&mut chance);
        let made = request.contact.is_none();
        if let Answer::Accepted(_, contact) = stream.api.send(request).await
            && made
        {
            stream.contacts.lock().unwrap().push(contact);
        }
    }
}

impl Stream {
    fn request(&self, chance: &mut SmallRng) -> Request {
        /// Without a key an answer that is lost leaves the command's id unknown.
        const KEYED: f64 = 0.7;
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let request = self.unkeyed(number, chance);
        if chance.random_bool(KEYED) {
            request.keyed(&format!("writer-{}-{number}", self.pace.seed))
        } else {
            request
        }
    }

    fn unkeyed(&self, number: u64, chance: &mut SmallRng) -> Request {
        let known = self.contacts.lock().unwrap();
        if known.len() < self.pace.contacts {
            return Request::create(contact(number));
        }
        // The youngest of them, so that some are born while they are written to.
        let recent = &known[known.len() - self.pace.contacts..];
        let id = recent[chance.random_range(0..recent.len())];
        match chance.random_range(0..100) {
            0..8 => Request::create(contact(number)),
            8..10 => Request::delete(id),
            10..25 => Request::replace(id, contact(number)),
            _ => Request::patch(id, changes(number, chance)),
        }
    }
}

/// The contact of a number.
pub fn contact(number: u64) -> NewContact {
    NewContact {
        name: name(number),
        phone: Some(phone(number)),
        email: Some(email(number)),
    }
}

fn changes(number: u64, chance: &mut SmallRng) -> Changes {
    let some = chance.random_range(1..8);
    let cleared = chance.random_bool(0.1);
    Changes {
        name: (some & 1 != 0).then(|| name(number)),
        phone: (some & 2 != 0).then(|| (!cleared).then(|| phone(number))),
        email: (some & 4 != 0).then(|| (!cleared).then(|| email(number))),
    }
}

fn name(number: u64) -> Name {
    Name::parse(&format!("Zuleica {number}")).expect("a name")
}

fn phone(number: u64) -> Phone {
    Phone::parse(&format!("+55119876{:05}", number % 100_000)).expect("a phone number")
}

fn email(number: u64) -> Email {
    Email::parse(&format!("n{number}@canario.example")).expect("an e-mail address")
}
