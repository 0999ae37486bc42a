//! The sections of the settings, their defaults and their bounds.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use super::{
    console::ConsoleSettings,
    values::{Networks, Origins, Reasons, Secret, Span},
};
use crate::{domain::IdKey, payload_keys::PayloadKeys, wire::MAX_ENVELOPES};

/// `ids`: the secret behind the ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Ids {
    /// At least 32 bytes, the same for every replica of every role, set once and never rotated. On embedded storage one is
    /// made at the first start and kept beside the data.
    #[validate(custom(function = "long_enough"))]
    pub key: Option<Secret>,
}

/// `clock`: how far clocks may differ.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ClockSettings {
    /// How far a command's stamp may be ahead of the worker's clock.
    pub max_ahead: Span,
}

/// `batch`: how much the worker takes at once.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Batch {
    /// The most commands in one transaction.
    #[validate(range(min = 1, max = "MAX_ENVELOPES", message = "must be from 1 to 500"))]
    pub max: usize,
}

/// `retention`: how long things are kept.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Retention {
    /// Outcomes of commands; also the window of `Idempotency-Key`.
    #[validate(custom(function = "at_least_1h"))]
    pub commands: Span,
    /// Dead letters that are closed, and replays that have ended. What waits is kept, however old.
    #[validate(custom(function = "at_least_1h"))]
    pub dead_letters: Span,
    /// The audit.
    #[validate(custom(function = "at_least_30_days"))]
    pub audit: Span,
}

/// `deadLetters`: how dead letters are kept, and which are sent again by themselves.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadLetters {
    /// The keys that payloads are encrypted with, `id:hexadecimal` with commas between: the first encrypts, all decrypt. On
    /// embedded storage one is made at the first start and kept beside the data.
    #[validate(custom(function = "payload_keys"))]
    pub keys: Option<Secret>,
    /// Which dead letters are sent again without a person.
    #[validate(nested)]
    pub automatic: AutomaticReplay,
}

/// `deadLetters.automatic`: off unless it names reasons.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AutomaticReplay {
    /// Dead for these reasons, with commas between; none unless set.
    pub reasons: Reasons,
    /// How often a message is sent again, replays by people included.
    #[validate(range(min = 1, max = 100, message = "must be from 1 to 100"))]
    pub times: u32,
    /// How long a dead letter waits before it is sent again: so long the first time, twice as long the second, and so on.
    #[validate(custom(function = "between_1s_and_1_day"))]
    pub apart: Span,
}

/// `shutdown`: how a service ends.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Shutdown {
    /// How long producer-api and dlq-function, after SIGTERM or Ctrl-C, still answer while `/readyz` says that they are not
    /// ready: the time that a load balancer needs to notice.
    #[validate(custom(function = "at_most_1min"))]
    pub drain: Span,
    /// How long work in hand may take after that.
    #[validate(custom(function = "between_1s_and_1min"))]
    pub deadline: Span,
}

/// `log`: what is logged and how. Logs go to standard error.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Log {
    /// JSON lines, text for people, or text on a terminal and JSON elsewhere.
    pub format: LogFormat,
    /// A filter of `tracing-subscriber`, such as `info` or `info,consumer_worker=debug`.
    pub filter: String,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// `http`: what surrounds every request to a public listener, producer-api's and dlq-function's alike.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Http {
    /// Requests a minute that each client has, in each process.
    #[validate(range(min = 1, max = 1_000_000, message = "must be from 1 to 1000000"))]
    pub rate_limit: u32,
    /// Networks of the proxies whose `X-Forwarded-…` fields are believed; none unless set.
    pub trusted_proxies: Networks,
    /// Origins whose pages may call from a browser; none unless set.
    pub cors_origins: Origins,
    /// How many requests are in hand at once; more are answered 503.
    #[validate(range(min = 1, max = 100_000, message = "must be from 1 to 100000"))]
    pub max_requests: usize,
}

/// `canary`: a contact of nobody's that producer-api writes every so often, to see whether all works together.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct CanarySettings {
    /// How often; off unless set. Each run costs two commands, and leaves the tombstone of a contact.
    #[validate(custom(function = "between_10s_and_1_day"))]
    pub every: Option<Span>,
}

/// `producerApi`: the HTTP API for contacts.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ProducerApi {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it tells its metrics and health.
    pub management: SocketAddr,
    /// How many threads answer requests; half the processors unless set, since the broker's connections need some, too.
    #[validate(range(min = 1, max = 256, message = "must be from 1 to 256"))]
    pub threads: Option<usize>,
    /// How many requests may wait for their command (`Prefer: wait`) at once; more are answered 202 without waiting.
    #[validate(range(min = 1, max = 100_000, message = "must be from 1 to 100000"))]
    pub max_waiting: usize,
    /// What a gateway in front, such as API Management, shows in `X-Contato-Gateway-Key`: at least 32 bytes. Requests without it
    /// are refused. Two with a comma between, while one replaces the other.
    #[validate(custom(function = "gateway_keys"))]
    pub gateway_key: Option<Secret>,
}

/// `consumerWorker`: the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsumerWorker {
    /// Where it tells its metrics and health.
    pub management: SocketAddr,
}

/// `dlqFunction`: the collector of dead letters.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DlqFunction {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it tells its metrics and health.
    pub management: SocketAddr,
    /// How people sign in to its pages.
    #[validate(nested)]
    pub console: ConsoleSettings,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl ClockSettings {
    /// [`max_ahead`](Self::max_ahead) in milliseconds.
    pub fn max_ahead_ms(&self) -> u64 {
        self.max_ahead.0.as_millis().try_into().unwrap_or(u64::MAX)
    }
}

impl Default for ClockSettings {
    fn default() -> Self {
        Self {
            max_ahead: Span(Duration::from_secs(5)),
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self { max: MAX_ENVELOPES }
    }
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            commands: Span(30 * DAY),
            dead_letters: Span(90 * DAY),
            audit: Span(365 * DAY),
        }
    }
}

impl Default for AutomaticReplay {
    fn default() -> Self {
        Self {
            reasons: Reasons::default(),
            times: 3,
            apart: Span(Duration::from_secs(15 * 60)),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            drain: Span(Duration::ZERO),
            deadline: Span(Duration::from_secs(20)),
        }
    }
}

impl Shutdown {
    /// How long a service may take to end.
    pub fn longest(&self) -> Duration {
        self.drain.0 + self.deadline.0
    }
}

/// What libraries say of their own start and end is no news, nor is a client that sends what is no request an error of ours.
const DEFAULT_FILTER: &str = "info,actix_server=warn,actix_http::h1=off,sea_orm_migration=warn";

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            filter: DEFAULT_FILTER.to_owned(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Self {
            rate_limit: 60_000,
            trusted_proxies: Networks::default(),
            cors_origins: Origins::default(),
            max_requests: 4096,
        }
    }
}

impl Default for ProducerApi {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            management: loopback(9464),
            threads: None,
            max_waiting: 1000,
            gateway_key: None,
        }
    }
}

impl Default for ConsumerWorker {
    fn default() -> Self {
        Self {
            management: loopback(9465),
        }
    }
}

impl Default for DlqFunction {
    fn default() -> Self {
        Self {
            listen: loopback(8081),
            management: loopback(9466),
            console: ConsoleSettings::default(),
        }
    }
}

pub(super) fn fault(message: &'static str) -> ValidationError {
    ValidationError::new("out-of-bounds").with_message(message.into())
}

pub(super) fn between_1s_and_1min(span: &Span) -> Result<(), ValidationError> {
    let bounds = Duration::from_secs(1)..=Duration::from_secs(60);
    if bounds.contains(&span.0) {
        Ok(())
    } else {
        Err(fault("must be from 1s to 1min"))
    }
}

fn at_most_1min(span: &Span) -> Result<(), ValidationError> {
    if span.0 <= Duration::from_secs(60) {
        Ok(())
    } else {
        Err(fault("must be at most 1min"))
    }
}

fn at_least_1h(span: &Span) -> Result<(), ValidationError> {
    if span.0 >= Duration::from_secs(3600) {
        Ok(())
    } else {
        Err(fault("must be at least 1h"))
    }
}

/// Nothing younger leaves the audit: the database refuses it.
fn at_least_30_days(span: &Span) -> Result<(), ValidationError> {
    if span.0 >= 30 * DAY {
        Ok(())
    } else {
        Err(fault("must be at least 30days"))
    }
}

fn between_1s_and_1_day(span: &Span) -> Result<(), ValidationError> {
    if (Duration::from_secs(1)..=DAY).contains(&span.0) {
        Ok(())
    } else {
        Err(fault("must be from 1s to 1day"))
    }
}

fn between_10s_and_1_day(span: &Span) -> Result<(), ValidationError> {
    if (Duration::from_secs(10)..=DAY).contains(&span.0) {
        Ok(())
    } else {
        Err(fault("must be from 10s to 1day"))
    }
}

fn payload_keys(keys: &Secret) -> Result<(), ValidationError> {
    PayloadKeys::parse(keys.expose())
        .map(drop)
        .map_err(|error| ValidationError::new("malformed").with_message(error.to_string().into()))
}

fn gateway_keys(keys: &Secret) -> Result<(), ValidationError> {
    const MAX_KEYS: usize = 2;
    let lengths: Vec<_> = keys.listed().map(str::len).collect();
    if (1..=MAX_KEYS).contains(&lengths.len()) && lengths.iter().all(|length| *length >= IdKey::MIN_BYTES) {
        Ok(())
    } else {
        Err(fault(
            "must have at least 32 bytes, or be two such with a comma between",
        ))
    }
}

fn long_enough(key: &Secret) -> Result<(), ValidationError> {
    if key.expose().len() >= IdKey::MIN_BYTES {
        Ok(())
    } else {
        Err(fault("must have at least 32 bytes"))
    }
}
