//! The kinds of values that settings have.

use std::{fmt, time::Duration};

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

const MASK: &str = "***";

/// A duration with its unit, such as `5s`, `1min`, `30days`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span(pub Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        span(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&humantime::format_duration(self.0))
    }
}

fn span(text: &str) -> Result<Span, String> {
    humantime::parse_duration(text.trim())
        .map(Span)
        .map_err(|error| format!("must be a duration with its unit, such as 5s: {error}"))
}

/// How long the three retry tiers wait: three durations with commas between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delays(pub [Duration; 3]);

impl<'de> Deserialize<'de> for Delays {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let spans: Result<Vec<_>, _> = text
            .split(',')
            .map(|part| span(part).map(|span| span.0))
            .collect();
        let delays: Result<[Duration; 3], _> = spans.map_err(D::Error::custom)?.try_into();
        delays
            .map(Self)
            .map_err(|_| D::Error::custom("must be three durations, such as 1s,10s,1min"))
    }
}

impl Serialize for Delays {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let delays = self.0.map(|delay| humantime::format_duration(delay).to_string());
        serializer.serialize_str(&delays.join(","))
    }
}

/// A secret. Never shown.
#[derive(Clone, Debug, Deserialize)]
pub struct Secret(SecretString);

impl Secret {
    /// Takes a secret.
    pub fn new(text: impl Into<String>) -> Self {
        Self(SecretString::from(text.into()))
    }

    /// The secret.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

/// A URL of a broker or a database; its password is never shown.
#[derive(Clone)]
pub struct SecretUrl(SecretString);

impl SecretUrl {
    /// Takes a URL.
    pub fn new(url: impl Into<String>) -> Self {
        Self(SecretString::from(url.into()))
    }

    /// The URL with its password.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Whether it begins with one of these.
    pub fn has_scheme(&self, schemes: &[&str]) -> bool {
        schemes.iter().any(|scheme| self.expose().starts_with(scheme))
    }

    /// The URL for the libraries that take it.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

impl<'de> Deserialize<'de> for SecretUrl {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = self.expose();
        let masked = url.split_once("://").and_then(|(scheme, rest)| {
            let (credentials, place) = rest.rsplit_once('@')?;
            let user = credentials.split_once(':').map_or(credentials, |(user, _)| user);
            Some(format!("{scheme}://{user}:{MASK}@{place}"))
        });
        f.write_str(masked.as_deref().unwrap_or(url))
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
