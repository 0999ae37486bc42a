//! Settings of all roles: built-in defaults, then an optional TOML file, then the environment.
//!
//! A setting `section.key` is the variable `CONTATO__SECTION__KEY`; a name in camelCase is written with underscores
//! (`store.readUrl` is `CONTATO__STORE__READ_URL`). With `_FILE` behind it, the variable names a file that holds the value,
//! such as a mounted secret. Unknown keys are errors. Durations carry units (`5s`, `1min`, `30days`).

use std::{
    collections::HashMap,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

mod environment;
mod values;

pub use values::{Delays, Secret, SecretUrl, Span};

use crate::{broker::QueueOptions, domain::IdKey, wire::MAX_ENVELOPES};

/// Where the settings of every role stand. Each role reads what concerns it.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// Ids of commands and contacts.
    #[validate(nested)]
    pub ids: Ids,
    /// The queue.
    #[validate(nested)]
    pub broker: Broker,
    /// SQL.
    #[validate(nested)]
    pub store: Store,
    /// How far clocks may differ.
    #[validate(nested)]
    pub clock: ClockSettings,
    /// Batches of the worker.
    #[validate(nested)]
    pub batch: Batch,
    /// How long things are kept.
    #[validate(nested)]
    pub retention: Retention,
    /// How a service ends.
    #[validate(nested)]
    pub shutdown: Shutdown,
    /// What is logged and how.
    pub log: Log,
    /// The HTTP API for contacts.
    #[validate(nested)]
    pub producer_api: ProducerApi,
    /// The worker.
    pub consumer_worker: ConsumerWorker,
    /// The collector of dead letters.
    pub dlq_function: DlqFunction,
}

/// `ids`: the secret behind the ids.
#[derive(Clone, Debug, Default, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Ids {
    /// At least 32 bytes, the same for every replica of every role, set once and never rotated. On embedded storage one is
    /// made at the first start and kept beside the data.
    #[validate(custom(function = "long_enough"))]
    pub key: Option<Secret>,
}

/// `broker`: where commands wait.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Broker {
    /// `amqp://user:password@host:5672/vhost`, `amqps://…`, or `embedded:PATH` for the embedded queue.
    #[validate(custom(function = "of_a_broker"))]
    pub url: SecretUrl,
    /// How long a publish may take until it is answered as unconfirmed.
    #[validate(custom(function = "between_1s_and_1min"))]
    pub publish_timeout: Span,
    /// After how many returned deliveries the broker gives a message up. Crash protection only; part of the queue's
    /// declaration.
    #[validate(range(min = 1, max = 1000, message = "must be from 1 to 1000"))]
    pub delivery_limit: u32,
    /// The most commands that wait; beyond it writes are answered 503. No bound without it. Part of the queue's declaration.
    #[validate(range(min = 1, message = "must be at least 1"))]
    pub max_length: Option<u64>,
    /// How long the three retry tiers wait. Part of the queues' declaration.
    pub retry_delays: Delays,
    /// Goes before the names of the exchange and the queues, for several installations on one virtual host.
    #[validate(length(max = 64, message = "must have at most 64 characters"))]
    pub prefix: String,
}

/// `store`: where contacts are kept.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Store {
    /// `postgres://user:password@host:5432/database` or `sqlite://PATH`.
    #[validate(custom(function = "of_a_database"))]
    pub url: SecretUrl,
    /// A standby that answers the reads; `url` does without it.
    #[validate(custom(function = "of_a_database"))]
    pub read_url: Option<SecretUrl>,
    /// The most connections of each pool.
    #[validate(range(min = 1, max = 1000, message = "must be from 1 to 1000"))]
    pub max_connections: u32,
    /// How long one operation may take, waiting for a connection included.
    #[validate(custom(function = "between_1s_and_1min"))]
    pub timeout: Span,
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
}

/// `shutdown`: how a service ends.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Shutdown {
    /// How long work in hand may take after SIGTERM or Ctrl-C.
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

/// `producerApi`: the HTTP API for contacts.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ProducerApi {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it tells its metrics and health.
    pub management: SocketAddr,
    /// How many requests may wait for their command (`Prefer: wait`) at once; more are answered 202 without waiting.
    #[validate(range(min = 1, max = 100_000, message = "must be from 1 to 100000"))]
    pub max_waiting: usize,
}

/// `consumerWorker`: the worker.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsumerWorker {
    /// Where it tells its metrics and health.
    pub management: SocketAddr,
}

/// `dlqFunction`: the collector of dead letters.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DlqFunction {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Where it tells its metrics and health.
    pub management: SocketAddr,
}

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

impl Default for Broker {
    fn default() -> Self {
        let queues = QueueOptions::default();
        Self {
            url: SecretUrl::new("embedded:data/queue.db"),
            publish_timeout: Span(queues.publish_timeout),
            delivery_limit: queues.delivery_limit,
            max_length: None,
            retry_delays: Delays(queues.retry_delays),
            prefix: String::new(),
        }
    }
}

impl Default for Store {
    fn default() -> Self {
        Self {
            url: SecretUrl::new("sqlite://data/contato.db"),
            read_url: None,
            max_connections: 10,
            timeout: Span(Duration::from_secs(10)),
        }
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
            commands: Span(Duration::from_secs(30 * 24 * 60 * 60)),
        }
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self {
            deadline: Span(Duration::from_secs(20)),
        }
    }
}

/// What libraries say of their own start and end is no news.
const DEFAULT_FILTER: &str = "info,actix_server=warn,sea_orm_migration=warn";

impl Default for Log {
    fn default() -> Self {
        Self {
            format: LogFormat::Auto,
            filter: DEFAULT_FILTER.to_owned(),
        }
    }
}

impl Default for ProducerApi {
    fn default() -> Self {
        Self {
            listen: loopback(8080),
            management: loopback(9464),
            max_waiting: 1000,
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
        }
    }
}

impl Store {
    /// Whether the database is an embedded one.
    pub fn is_sqlite(&self) -> bool {
        self.url.expose().starts_with("sqlite:")
    }
}

/// Why the settings cannot be used. Names the key and the reason, never the value of a secret.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// A file cannot be read, or a value has the wrong type, or a key is unknown.
    #[error("{0}")]
    Unreadable(String),
    /// A value is out of its bounds.
    #[error("invalid settings: {0}")]
    Invalid(String),
}

impl Settings {
    /// Reads the settings: defaults, the file if one is named, then the given environment.
    ///
    /// # Errors
    /// For the first unreadable or unknown key, or all values out of bounds.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let unreadable = |error: config::ConfigError| SettingsError::Unreadable(error.to_string());
        let mut builder = config::Config::builder();
        if let Some(path) = file {
            builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
        }
        let overrides: HashMap<String, String> = environment::settings(environment)?;
        for (key, value) in overrides {
            builder = builder.set_override(&key, value).map_err(unreadable)?;
        }
        let settings: Self = builder
            .build()
            .and_then(config::Config::try_deserialize)
            .map_err(unreadable)?;
        settings
            .validate()
            .map_err(|errors| SettingsError::Invalid(faults(&errors)))?;
        Ok(settings)
    }

    /// The settings as TOML, secrets masked.
    pub fn to_masked_json(&self) -> String {
        serde_json::to_string_pretty(self).expect("settings are strings, numbers and structs")
    }

    /// How the broker's queues are set up.
    pub fn queue_options(&self) -> QueueOptions {
        QueueOptions {
            retry_delays: self.broker.retry_delays.0,
            delivery_limit: self.broker.delivery_limit,
            max_length: self.broker.max_length,
            publish_timeout: self.broker.publish_timeout.0,
        }
    }

    /// The file of the embedded queue, if that is the broker.
    pub fn embedded_queue(&self) -> Option<PathBuf> {
        self.broker
            .url
            .expose()
            .strip_prefix("embedded:")
            .map(PathBuf::from)
    }
}

fn faults(errors: &ValidationErrors) -> String {
    let mut found = Vec::new();
    collect_faults("", errors, &mut found);
    found.sort();
    found.join("; ")
}

fn collect_faults(path: &str, errors: &ValidationErrors, found: &mut Vec<String>) {
    for (field, kind) in errors.errors() {
        let key = format!("{path}{}", environment::camel_case(field));
        match kind {
            ValidationErrorsKind::Struct(inner) => collect_faults(&format!("{key}."), inner, found),
            ValidationErrorsKind::List(_) => {}
            ValidationErrorsKind::Field(faults) => {
                found.extend(faults.iter().map(|fault| {
                    format!("{key} {}", fault.message.as_deref().unwrap_or("is out of bounds"))
                }));
            }
        }
    }
}

fn of_a_broker(url: &SecretUrl) -> Result<(), ValidationError> {
    if url.has_scheme(&["amqp://", "amqps://", "embedded:"]) {
        return Ok(());
    }
    Err(fault("must begin with amqp://, amqps:// or embedded:"))
}

fn of_a_database(url: &SecretUrl) -> Result<(), ValidationError> {
    if url.has_scheme(&["postgres://", "postgresql://", "sqlite://"]) {
        return Ok(());
    }
    Err(fault("must begin with postgres:// or sqlite://"))
}

fn fault(message: &'static str) -> ValidationError {
    ValidationError::new("out-of-bounds").with_message(message.into())
}

fn between_1s_and_1min(span: &Span) -> Result<(), ValidationError> {
    let bounds = Duration::from_secs(1)..=Duration::from_secs(60);
    if bounds.contains(&span.0) {
        Ok(())
    } else {
        Err(fault("must be from 1s to 1min"))
    }
}

fn at_least_1h(span: &Span) -> Result<(), ValidationError> {
    if span.0 >= Duration::from_secs(3600) {
        Ok(())
    } else {
        Err(fault("must be at least 1h"))
    }
}

fn long_enough(key: &Secret) -> Result<(), ValidationError> {
    if key.expose().len() >= IdKey::MIN_BYTES {
        Ok(())
    } else {
        Err(fault("must have at least 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
        let variables = variables
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        Settings::load(None, variables)
    }

    #[test]
    fn nothing_set_is_fine() {
        let settings = load(&[("PATH", "/bin"), ("CONTATO_TEST_X", "1")]).unwrap();
        assert_eq!(settings.batch.max, 500);
        assert_eq!(settings.embedded_queue(), Some(PathBuf::from("data/queue.db")));
    }

    #[test]
    fn the_environment_sets_every_kind_of_value() {
        let settings = load(&[
            ("CONTATO__STORE__READ_URL", "postgres://u:geheim@h/d"),
            ("CONTATO__BROKER__PUBLISH_TIMEOUT", "2s"),
            ("CONTATO__BROKER__RETRY_DELAYS", "1s, 2s,1min"),
            ("CONTATO__BROKER__MAX_LENGTH", "7"),
            ("CONTATO__BATCH__MAX", "12"),
            ("CONTATO__PRODUCER_API__LISTEN", "127.0.0.1:0"),
            ("CONTATO__LOG__FORMAT", "json"),
        ])
        .unwrap();
        assert_eq!(settings.broker.publish_timeout.0, Duration::from_secs(2));
        assert_eq!(settings.broker.retry_delays.0[2], Duration::from_secs(60));
        assert_eq!((settings.broker.max_length, settings.batch.max), (Some(7), 12));
        assert_eq!(settings.log.format, LogFormat::Json);
        let shown = settings.to_masked_json();
        assert!(
            shown.contains("postgres://u:***@h/d") && !shown.contains("geheim"),
            "{shown}"
        );
    }

    #[test]
    fn secrets_are_read_from_files_and_never_shown() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "0123456789abcdef0123456789abcdef\n").unwrap();
        let settings = load(&[("CONTATO__IDS__KEY_FILE", file.path().to_str().unwrap())]).unwrap();
        assert_eq!(
            settings.ids.key.as_ref().unwrap().expose(),
            "0123456789abcdef0123456789abcdef"
        );
        assert!(!format!("{settings:?}{}", settings.to_masked_json()).contains("0123456789"));
    }

    #[test]
    fn errors_name_the_key_and_the_reason() {
        for (variable, value, expected) in [
            ("CONTATO__BATCH__MAX", "501", "batch.max must be from 1 to 500"),
            ("CONTATO__BATCH__MAX", "many", "batch.max"),
            ("CONTATO__BATCH__MAXIMUM", "5", "maximum"),
            ("CONTATO__BROKER__PUBLISH_TIMEOUT", "5", "broker.publishTimeout"),
            (
                "CONTATO__BROKER__PUBLISH_TIMEOUT",
                "2min",
                "broker.publishTimeout must be from 1s to 1min",
            ),
            (
                "CONTATO__IDS__KEY",
                "short",
                "ids.key must have at least 32 bytes",
            ),
            ("CONTATO__IDS__KEY_FILE", "/nowhere", "CONTATO__IDS__KEY_FILE"),
            (
                "CONTATO__STORE__URL",
                "amqp://u:geheim@h/d",
                "store.url must begin with postgres://",
            ),
            (
                "CONTATO__BROKER__URL",
                "sqlite://x",
                "broker.url must begin with amqp://",
            ),
            ("CONTATO__BROKER__RETRY_DELAYS", "1s,2s", "broker.retryDelays"),
        ] {
            let error = load(&[(variable, value)]).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("geheim"),
                "{variable}={value}: {error}"
            );
        }
    }
}
