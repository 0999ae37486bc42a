//! Settings of all roles: built-in defaults, then an optional TOML file, then the environment.
//!
//! A setting `section.key` is the variable `CONTATO__SECTION__KEY`; a name in camelCase is written with underscores
//! (`store.readUrl` is `CONTATO__STORE__READ_URL`). With `_FILE` behind it, the variable names a file that holds the value,
//! such as a mounted secret; `broker.caFile` and `store.caFile` name files themselves. Unknown keys are errors. Durations
//! carry units (`5s`, `1min`, `30days`).

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationErrors, ValidationErrorsKind};

mod auth;
mod console;
mod environment;
mod sections;
mod servers;
mod traces;
mod values;

pub use auth::{Algorithms, Audience, Auth, AuthMode, JwksPlace, is_https_or_loopback};
pub use console::{ConsoleSettings, OidcSettings};
pub use sections::{
    AutomaticReplay, Batch, CanarySettings, ClockSettings, ConsumerWorker, DeadLetters, DlqFunction, Http,
    Ids, Log, LogFormat, ProducerApi, Retention, Shutdown,
};
pub use servers::{Broker, Store};
pub use traces::TracesSettings;
pub use values::{Delays, Networks, Origins, Reasons, Secret, SecretUrl, Span};

use crate::{broker::QueueOptions, camel_case::camel_case};

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
    /// How dead letters are kept, and which are sent again by themselves.
    #[validate(nested)]
    pub dead_letters: DeadLetters,
    /// How a service ends.
    #[validate(nested)]
    pub shutdown: Shutdown,
    /// What is logged and how.
    pub log: Log,
    /// Where spans go, and how many.
    #[validate(nested)]
    pub traces: TracesSettings,
    /// What surrounds every request to a public listener.
    #[validate(nested)]
    pub http: Http,
    /// Who may call the public listeners.
    #[validate(nested)]
    pub auth: Auth,
    /// A contact of nobody's that is written every so often, to see whether all works together.
    #[validate(nested)]
    pub canary: CanarySettings,
    /// The HTTP API for contacts.
    #[validate(nested)]
    pub producer_api: ProducerApi,
    /// The worker.
    pub consumer_worker: ConsumerWorker,
    /// The collector of dead letters.
    #[validate(nested)]
    pub dlq_function: DlqFunction,
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
        let key = format!("{path}{}", camel_case(field));
        match kind {
            ValidationErrorsKind::Struct(inner) => collect_faults(&format!("{key}."), inner, found),
            ValidationErrorsKind::List(_) => {}
            ValidationErrorsKind::Field(faults) => {
                // What is about several keys of a section begins with one of them itself.
                let subject = if field == "__all__" {
                    path.to_owned()
                } else {
                    key + " "
                };
                found.extend(faults.iter().map(|fault| {
                    format!(
                        "{subject}{}",
                        fault.message.as_deref().unwrap_or("is out of bounds")
                    )
                }));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The settings of these variables and nothing else.
    pub(super) fn load(variables: &[(&str, &str)]) -> Result<Settings, SettingsError> {
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
            ("CONTATO__HTTP__RATE_LIMIT", "600"),
            ("CONTATO__HTTP__MAX_REQUESTS", "64"),
            ("CONTATO__HTTP__TRUSTED_PROXIES", "10.0.0.0/8, fd00::/8,192.0.2.1"),
            (
                "CONTATO__HTTP__CORS_ORIGINS",
                "https://app.example, http://[::1]:3000,http://localhost",
            ),
            ("CONTATO__LOG__FORMAT", "json"),
        ])
        .unwrap();
        assert_eq!(settings.broker.publish_timeout.0, Duration::from_secs(2));
        assert_eq!(settings.broker.retry_delays.0[2], Duration::from_secs(60));
        assert_eq!((settings.broker.max_length, settings.batch.max), (Some(7), 12));
        assert_eq!(settings.log.format, LogFormat::Json);
        assert_eq!((settings.http.rate_limit, settings.http.max_requests), (600, 64));
        assert_eq!(
            settings.http.trusted_proxies.0[2],
            "192.0.2.1/32".parse().unwrap()
        );
        let shown = settings.to_masked_json();
        assert!(
            shown.contains("postgres://u:***@h/d") && !shown.contains("geheim"),
            "{shown}"
        );
        assert!(
            shown.contains("10.0.0.0/8,fd00::/8,192.0.2.1/32")
                && shown.contains("https://app.example,http://[::1]:3000,http://localhost"),
            "{shown}"
        );
    }

    #[test]
    fn origins_are_written_as_browsers_write_them() {
        for (origin, expected) in [
            ("*", "must name each origin"),
            ("https://*.example", "as browsers write them"),
            ("null", "such as https://app.example"),
            ("app.example", "such as https://app.example"),
            ("ftp://app.example", "such as https://app.example"),
            ("https://", "as browsers write them"),
            ("https://app.example/", "as browsers write them"),
            ("https://app.example/path", "as browsers write them"),
            ("https://user@app.example", "as browsers write them"),
            ("https://App.example", "as browsers write them"),
            ("https://app.example:port", "as browsers write them"),
            ("https://app.example:443", "without :80"),
            ("http://app.example:80", "without :80"),
        ] {
            let origins = format!("https://good.example,{origin}");
            let error = load(&[("CONTATO__HTTP__CORS_ORIGINS", &origins)])
                .unwrap_err()
                .to_string();
            assert!(
                error.contains(expected) && error.contains("http.corsOrigins"),
                "{origin}: {error}"
            );
        }
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
    fn an_issuer_is_spoken_to_over_https_or_on_this_machine() {
        for (url, safe) in [
            ("https://issuer.example/v2.0", true),
            ("http://localhost:8080", true),
            ("http://127.0.0.1:8080/", true),
            ("http://[::1]:8080", true),
            ("http://127.0.0.1.example", false),
            ("http://user@issuer.example#@localhost", false),
            ("file:///keys", false),
            ("issuer", false),
        ] {
            assert_eq!(is_https_or_loopback(url), safe, "{url}");
        }
    }

    #[test]
    fn the_gateways_keys_are_at_most_two_and_never_shown() {
        let key = |letter: &str| letter.repeat(32);
        let load = |keys: &str| load(&[("CONTATO__PRODUCER_API__GATEWAY_KEY", keys)]);
        let both = format!("{}, {}", key("a"), key("b"));
        let shown = load(&both).unwrap().to_masked_json();
        assert!(!shown.contains("aaaa"), "{shown}");
        for keys in [
            format!("{both},{}", key("c")),
            format!("{},b", key("a")),
            ",".to_owned(),
        ] {
            assert!(load(&keys).is_err(), "{keys}");
        }
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
            (
                "CONTATO__SHUTDOWN__DRAIN",
                "2min",
                "shutdown.drain must be at most 1min",
            ),
            (
                "CONTATO__CANARY__EVERY",
                "9s",
                "canary.every must be from 10s to 1day",
            ),
            (
                "CONTATO__HTTP__RATE_LIMIT",
                "0",
                "http.rateLimit must be from 1 to 1000000",
            ),
            (
                "CONTATO__HTTP__MAX_REQUESTS",
                "0",
                "http.maxRequests must be from 1 to 100000",
            ),
            (
                "CONTATO__HTTP__TRUSTED_PROXIES",
                "10.0.0.0/33",
                "must be networks with commas between",
            ),
            ("CONTATO__HTTP__TRUSTED_PROXIES", "proxy", "http.trustedProxies"),
            (
                "CONTATO__TRACES__ENDPOINT",
                "http://u:geheim@collector:4318",
                "traces.endpoint must have no user and no password",
            ),
            (
                "CONTATO__TRACES__ENDPOINT",
                "http://collector:4318?x=1",
                "traces.endpoint must end with the path",
            ),
            (
                "CONTATO__TRACES__ENDPOINT",
                "collector",
                "traces.endpoint must be the address of a collector",
            ),
            (
                "CONTATO__TRACES__ENDPOINT",
                "grpc://collector:4317",
                "traces.endpoint must begin with http:// or https://",
            ),
            (
                "CONTATO__TRACES__RATIO",
                "1.5",
                "traces.ratio must be from 0 to 1",
            ),
            ("CONTATO__AUTH__MODE", "maybe", "auth.mode"),
            (
                "CONTATO__AUTH__ISSUER",
                "http://issuer.example",
                "auth.issuer must be an https URL",
            ),
            (
                "CONTATO__AUTH__JWKS",
                "http://issuer.example/keys",
                "auth.jwks must be an https URL",
            ),
            ("CONTATO__AUTH__ALGORITHMS", "RS256,HS256", "auth.algorithms"),
            ("CONTATO__AUTH__ALGORITHMS", "none", "with a public key"),
            (
                "CONTATO__AUTH__LEEWAY",
                "2min",
                "auth.leeway must be at most 1min",
            ),
            (
                "CONTATO__DLQ_FUNCTION__CONSOLE__PUBLIC_URL",
                "http://console.example",
                "dlqFunction.console.publicUrl must be such as https://console.example",
            ),
            (
                "CONTATO__DLQ_FUNCTION__CONSOLE__PUBLIC_URL",
                "https://console.example/path",
                "dlqFunction.console.publicUrl must be",
            ),
            (
                "CONTATO__DLQ_FUNCTION__CONSOLE__OIDC__SCOPE",
                "profile",
                "dlqFunction.console.oidc.scope must have the word openid",
            ),
            (
                "CONTATO__DLQ_FUNCTION__CONSOLE__IDLE",
                "2days",
                "dlqFunction.console.idle must be from 1min to 1day",
            ),
            (
                "CONTATO__DLQ_FUNCTION__CONSOLE__LONGEST",
                "1s",
                "dlqFunction.console.longest must be from 1min to 7days",
            ),
            (
                "CONTATO__PRODUCER_API__GATEWAY_KEY",
                "geheim",
                "producerApi.gatewayKey must have at least 32 bytes",
            ),
        ] {
            let error = load(&[(variable, value)]).unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("geheim"),
                "{variable}={value}: {error}"
            );
        }
    }
}
