//! One request of a stream: what it is, how it is sent, and what its answer means.
//!
//! **Invariant:** a write has one key, however often it is sent. Where the API says when to come again, nobody comes before.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use rand::{Rng, RngExt};
use reqwest::{Method, RequestBuilder, Response, StatusCode, header::CONTENT_TYPE};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    people::People,
    tally::{Answered, Tally},
    wishes::Kind,
};
use crate::client::{
    api::{Api, Tries},
    failure::Failure,
    resources::{self, CommandView},
};

const MERGE_PATCH: &str = "application/merge-patch+json";
const CONTACTS: [&str; 2] = ["v1", "contacts"];
/// The most contacts that are known, to be changed, read and deleted.
const KNOWN_MAX: usize = 10_000;
/// The most creates that may be repeated.
const RECENT_MAX: usize = 100;
/// In how many ways a request is invalid.
const INVALID_WAYS: usize = 7;

/// What is to be sent.
#[derive(Debug)]
pub(super) enum Plan {
    Create(Value),
    Put(String, Value),
    Patch(String, Value),
    Delete(String),
    Read(String),
    List,
    Repeat(Created),
    Invalid(usize),
}

/// A create that was accepted.
#[derive(Clone, Debug)]
pub(super) struct Created {
    key: String,
    body: Value,
    command: String,
}

/// What all requests of a stream share.
pub(super) struct Traffic {
    pub(super) api: Api,
    /// Ends the stream.
    pub(super) stop: CancellationToken,
    tally: Mutex<Tally>,
    world: Mutex<World>,
    /// Why nothing can be simulated at all.
    fatal: Mutex<Option<Failure>>,
}

/// What is known of the contacts.
#[derive(Debug)]
struct World {
    contacts: Vec<String>,
    recent: VecDeque<Created>,
    /// Until when the API asked to be left alone.
    quiet_until: Instant,
}

impl Traffic {
    pub(super) fn new(api: Api, stop: CancellationToken) -> Self {
        Self {
            api,
            stop,
            tally: Mutex::new(Tally::new()),
            world: Mutex::new(World {
                contacts: Vec::new(),
                recent: VecDeque::new(),
                quiet_until: Instant::now(),
            }),
            fatal: Mutex::default(),
        }
    }

    pub(super) fn tally(&self) -> MutexGuard<'_, Tally> {
        locked(&self.tally)
    }

    pub(super) fn fatal(&self) -> Option<Failure> {
        locked(&self.fatal).take()
    }

    /// What a request of a kind is to be now. Where there is no contact yet it is a create, or a look at the list.
    pub(super) fn plan(&self, kind: Kind, people: &mut People, random: &mut impl Rng) -> Plan {
        let mut world = locked(&self.world);
        let known = world.contacts.len();
        let one = |random: &mut dyn Rng| random.random_range(0..known.max(1));
        match kind {
            Kind::Invalid => Plan::Invalid(random.random_range(0..INVALID_WAYS)),
            Kind::Read if known == 0 || random.random_bool(0.2) => Plan::List,
            Kind::Read => Plan::Read(world.contacts[one(random)].clone()),
            Kind::Repeat if !world.recent.is_empty() => {
                let index = random.random_range(0..world.recent.len());
                Plan::Repeat(world.recent[index].clone())
            }
            Kind::Update if known > 0 && random.random_bool(0.25) => {
                Plan::Put(world.contacts[one(random)].clone(), people.next())
            }
            Kind::Update if known > 0 => Plan::Patch(world.contacts[one(random)].clone(), people.change()),
            // Nobody else is to touch it from now on.
            Kind::Delete if known > 0 => Plan::Delete(world.contacts.swap_remove(one(random))),
            Kind::Create | Kind::Update | Kind::Delete | Kind::Repeat => Plan::Create(people.next()),
        }
    }

    /// Sends a request and notes what came of it.
    pub(super) async fn send(&self, plan: Plan) {
        let key = Uuid::now_v7().to_string();
        match plan {
            Plan::Create(body) => self.create(key, body).await,
            Plan::Repeat(created) => self.repeat(created).await,
            Plan::Put(id, body) => {
                let request = || {
                    self.to_one(Method::PUT, &id)
                        .json(&body)
                        .header("idempotency-key", &key)
                };
                self.write(Kind::Update, request).await;
            }
            Plan::Patch(id, body) => {
                let request = || {
                    let request = self.to_one(Method::PATCH, &id).header("idempotency-key", &key);
                    request.header(CONTENT_TYPE, MERGE_PATCH).body(body.to_string())
                };
                self.write(Kind::Update, request).await;
            }
            Plan::Delete(id) => {
                let request = || self.to_one(Method::DELETE, &id).header("idempotency-key", &key);
                self.write(Kind::Delete, request).await;
            }
            Plan::Read(id) => self.read(|| self.to_one(Method::GET, &id)).await,
            Plan::List => {
                self.read(|| list(&self.api, 20)).await;
            }
            Plan::Invalid(way) => self.invalid(way).await,
        }
    }

    async fn create(&self, key: String, body: Value) {
        let request = || self.post(&body).header("idempotency-key", &key);
        let Some(command) = self.write(Kind::Create, request).await else {
            return;
        };
        let mut world = locked(&self.world);
        if let Some(contact) = command.contact_id {
            if world.contacts.len() >= KNOWN_MAX {
                world.contacts.swap_remove(0);
            }
            world.contacts.push(contact);
        }
        if world.recent.len() >= RECENT_MAX {
            world.recent.pop_front();
        }
        world.recent.push_back(Created {
            key,
            body,
            command: command.id,
        });
    }

    /// The same request with the same key is the same command.
    async fn repeat(&self, created: Created) {
        let request = || self.post(&created.body).header("idempotency-key", &created.key);
        let Some(response) = self.answered(Kind::Repeat, request).await else {
            return;
        };
        let repeated = command(response).await;
        if repeated.is_none_or(|repeated| repeated.id != created.command) {
            self.tally().wrong += 1;
        }
    }

    /// A write that the API should take; the command that it became.
    async fn write(&self, kind: Kind, request: impl Fn() -> RequestBuilder) -> Option<CommandView> {
        let response = self.answered(kind, request).await?;
        let command = command(response).await;
        match &command {
            Some(command) => self.tally().remember(command.id.clone()),
            None => self.tally().wrong += 1,
        }
        command
    }

    /// A contact that was created a moment ago may not be there yet.
    async fn read(&self, request: impl Fn() -> RequestBuilder) {
        self.answered(Kind::Read, request).await;
    }

    /// What the API has to refuse, in a way that is common.
    async fn invalid(&self, way: usize) {
        let key = Uuid::now_v7().to_string();
        let request = || {
            let request = match way {
                0 => self.post(&json!({ "name": "J", "email": "j@example.com" })),
                1 => self.post(&json!({ "name": "Ana Lima", "phone": "(10) 90000-0000" })),
                2 => self.post(&json!({ "name": "Ana Lima", "email": "ana@" })),
                3 => self.post(&json!({ "name": "Ana Lima" })),
                4 => self.post(&json!({ "name": "Ana Lima", "email": "ana@example.com", "colour": "red" })),
                5 => self.post(&json!(null)).body("{\"name\": \"Ana"),
                _ => self.to_one(Method::DELETE, "nobody"),
            };
            request.header("idempotency-key", &key)
        };
        if self.answered(Kind::Invalid, request).await.is_some() {
            self.tally().wrong += 1;
        }
    }

    fn post(&self, body: &Value) -> RequestBuilder {
        self.api.request(Method::POST, self.api.url(&CONTACTS)).json(body)
    }

    fn to_one(&self, method: Method, id: &str) -> RequestBuilder {
        self.api
            .request(method, self.api.url(&[CONTACTS[0], CONTACTS[1], id]))
    }

    /// Sends a request until it has an answer that stays the same, or it is given up; gives a success.
    async fn answered(&self, kind: Kind, request: impl Fn() -> RequestBuilder) -> Option<Response> {
        let mut tries = Tries::default();
        loop {
            self.quiet().await;
            let since = Instant::now();
            let answer = self.api.send(request()).await;
            let took = since.elapsed();
            let failure = match answer {
                Ok(response) => {
                    let answered = Answered::Status(response.status().as_u16());
                    self.tally().answered(kind, answered, took);
                    return Some(response);
                }
                Err(failure) => failure,
            };
            self.tally().answered(kind, Answered::by(&failure), took);
            if !failure.passes() {
                self.refused(kind, failure);
                return None;
            }
            let pause = tries.pause(&failure);
            if let (Some(pause), Some(_)) = (pause, failure.retry_after()) {
                self.leave_alone(pause);
            }
            let ended = match pause {
                Some(pause) => self.rest(pause).await,
                None => true,
            };
            if ended {
                self.tally().given_up += 1;
                return None;
            }
        }
    }

    /// Notes an answer that stays the same, however often it is asked for.
    fn refused(&self, kind: Kind, failure: Failure) {
        match failure.status() {
            // Every other request would be answered so, too.
            Some(StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN) => {
                locked(&self.fatal).get_or_insert(failure);
                self.stop.cancel();
            }
            Some(StatusCode::NOT_FOUND | StatusCode::GONE) if kind == Kind::Read => {}
            Some(status) if status.is_client_error() && kind == Kind::Invalid => {}
            _ => self.tally().wrong += 1,
        }
    }

    /// Nobody sends anything for so long.
    fn leave_alone(&self, pause: Duration) {
        let mut world = locked(&self.world);
        world.quiet_until = world.quiet_until.max(Instant::now() + pause);
    }

    /// Waits while the API wants to be left alone, or until the end.
    pub(super) async fn quiet(&self) {
        loop {
            let until = locked(&self.world).quiet_until;
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() || self.rest(left).await {
                return;
            }
        }
    }

    /// Waits for so long; says whether the stream has ended meanwhile.
    pub(super) async fn rest(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => true,
            () = tokio::time::sleep(pause) => false,
        }
    }
}

/// The first page of contacts.
pub(super) fn list(api: &Api, limit: u32) -> RequestBuilder {
    let mut url = api.url(&CONTACTS);
    url.set_query(Some(&format!("limit={limit}")));
    api.request(Method::GET, url)
}

async fn command(response: Response) -> Option<CommandView> {
    let answered = resources::Answered::<CommandView>::read(response).await.ok()?;
    Some(answered.view)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
