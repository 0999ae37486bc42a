//! `broker` and `store`: the servers behind contato, and whom to trust there.
//!
//! **Invariant:** a file of authorities that would trust nobody, or that nothing would look at, is an error at start: whoever
//! set it believes that certificates are checked.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use super::{
    sections::{between_1s_and_1min, fault},
    values::{Delays, SecretUrl, Span},
};
use crate::{
    broker::QueueOptions,
    tls::{authorities, sslmode, sslrootcert},
};

/// `broker`: where commands wait.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
#[validate(schema(function = "broker_is_checked"))]
pub struct Broker {
    /// `amqp://user:password@host:5672/vhost`, `amqps://…`, or `embedded:PATH` for the embedded queue.
    #[validate(custom(function = "of_a_broker"))]
    pub url: SecretUrl,
    /// A file of authorities (PEM) that are trusted for an `amqps://` URL besides the system's, such as a private one. Read
    /// again for every connection, so that it can be replaced while a service runs.
    #[validate(custom(function = "of_authorities"))]
    pub ca_file: Option<PathBuf>,
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
#[validate(schema(function = "store_is_checked"))]
pub struct Store {
    /// `postgres://user:password@host:5432/database` or `sqlite://PATH`. With `?sslmode=verify-full` the server has to show a
    /// certificate for its name from an authority that is trusted.
    #[validate(custom(function = "of_a_database"))]
    pub url: SecretUrl,
    /// A standby that answers the reads; `url` does without it.
    #[validate(custom(function = "of_a_database"))]
    pub read_url: Option<SecretUrl>,
    /// A file of authorities (PEM) that are trusted for both URLs besides the system's. With it, a URL without `sslmode` means
    /// `verify-full`. Read again for every connection.
    #[validate(custom(function = "of_authorities"))]
    pub ca_file: Option<PathBuf>,
    /// The most connections of each pool: a process has one for writes and one for reads. Exports have two of their own.
    #[validate(range(min = 1, max = 1000, message = "must be from 1 to 1000"))]
    pub max_connections: u32,
    /// How long one operation may take, waiting for a connection included.
    #[validate(custom(function = "between_1s_and_1min"))]
    pub timeout: Span,
}

impl Default for Broker {
    fn default() -> Self {
        let queues = QueueOptions::default();
        Self {
            url: SecretUrl::new("embedded:data/queue.db"),
            ca_file: None,
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
            ca_file: None,
            max_connections: 10,
            timeout: Span(Duration::from_secs(10)),
        }
    }
}

impl Store {
    /// Whether the database is an embedded one.
    pub fn is_sqlite(&self) -> bool {
        self.url.expose().starts_with("sqlite:")
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

fn spoken(message: String) -> ValidationError {
    ValidationError::new("tls").with_message(message.into())
}

fn of_authorities(file: &Path) -> Result<(), ValidationError> {
    authorities(file)
        .map(drop)
        .map_err(|reason| spoken(format!("names {}, which {reason}", file.display())))
}

fn broker_is_checked(broker: &Broker) -> Result<(), ValidationError> {
    if broker.ca_file.is_none() || broker.url.has_scheme(&["amqps://"]) {
        return Ok(());
    }
    Err(fault(
        "caFile is set, but broker.url does not begin with amqps://",
    ))
}

fn store_is_checked(store: &Store) -> Result<(), ValidationError> {
    if store.ca_file.is_none() {
        return Ok(());
    }
    let urls = [
        ("store.url", Some(&store.url)),
        ("store.readUrl", store.read_url.as_ref()),
    ];
    for (key, url) in urls {
        if let Some(reason) = url.and_then(unchecked) {
            return Err(spoken(format!("caFile is set, but {key} {reason}")));
        }
    }
    Ok(())
}

/// Why no certificate would be held against the file.
fn unchecked(url: &SecretUrl) -> Option<String> {
    if url.has_scheme(&["sqlite://"]) {
        return Some("is a file".to_owned());
    }
    if sslrootcert(url.expose()).is_some() {
        return Some("names one, too (sslrootcert): keep one".to_owned());
    }
    match sslmode(url.expose())?.as_str() {
        "verify-full" | "verify-ca" => None,
        other => Some(format!(
            "says sslmode={other}, which checks no certificate: use verify-full"
        )),
    }
}

#[cfg(test)]
mod tests {
    use crate::settings::tests::load;

    #[test]
    fn authorities_are_named_by_a_file() {
        let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/another-ca.pem");
        let settings = load(&[
            ("CONTATO__BROKER__URL", "amqps://u:geheim@h/%2f"),
            ("CONTATO__BROKER__CA_FILE", ca),
            ("CONTATO__STORE__URL", "postgres://u:geheim@h/d"),
            (
                "CONTATO__STORE__READ_URL",
                "postgres://u:geheim@h/d?sslmode=verify-ca",
            ),
            ("CONTATO__STORE__CA_FILE", ca),
        ])
        .unwrap();
        assert_eq!(settings.broker.ca_file, Some(ca.into()));
        assert_eq!(settings.store.ca_file, Some(ca.into()));
        let shown = settings.to_masked_json();
        assert_eq!(
            shown.matches(&format!("\"caFile\": \"{ca}\"")).count(),
            2,
            "{shown}"
        );
        assert!(!shown.contains("geheim"), "{shown}");
    }

    #[test]
    fn authorities_that_nobody_would_look_at_are_an_error() {
        let ca = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/another-ca.pem");
        let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
        let broken = tempfile::NamedTempFile::new().unwrap();
        let broken_pem = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        std::fs::write(broken.path(), broken_pem).unwrap();
        let broken = broken.path().to_str().unwrap();
        let sql = "postgres://u:geheim@h/d";
        let checked = format!("{sql}?sslmode=verify-full");
        for (section, url, file, expected) in [
            (
                "BROKER",
                "amqps://h",
                "/nowhere",
                "broker.caFile names /nowhere, which cannot be read: No such file",
            ),
            ("BROKER", "amqps://h", manifest, "which holds no certificate"),
            ("STORE", sql, manifest, "which holds no certificate"),
            ("STORE", sql, broken, "holds a certificate that cannot be used"),
            (
                "BROKER",
                "amqp://u:geheim@h",
                ca,
                "broker.caFile is set, but broker.url does not begin with amqps://",
            ),
            (
                "STORE",
                "sqlite://x",
                ca,
                "store.caFile is set, but store.url is a file",
            ),
            (
                "STORE",
                "postgres://u:geheim@h/d?sslmode=require",
                ca,
                "store.caFile is set, but store.url says sslmode=require, which checks no certificate",
            ),
            (
                "STORE",
                "postgres://u:geheim@h/d?sslmode=verify-full&sslrootcert=/x",
                ca,
                "store.caFile is set, but store.url names one, too",
            ),
        ] {
            let error = load(&[
                (&format!("CONTATO__{section}__URL"), url),
                (&format!("CONTATO__{section}__CA_FILE"), file),
            ]);
            let error = error.unwrap_err().to_string();
            assert!(
                error.contains(expected) && !error.contains("geheim"),
                "{url}: {error}"
            );
        }
        let error = load(&[
            ("CONTATO__STORE__URL", checked.as_str()),
            (
                "CONTATO__STORE__READ_URL",
                "postgres://u:geheim@s/d?sslmode=prefer",
            ),
            ("CONTATO__STORE__CA_FILE", ca),
        ]);
        let error = error.unwrap_err().to_string();
        assert!(
            error.contains("store.readUrl says sslmode=prefer") && !error.contains("geheim"),
            "{error}"
        );
    }
}
