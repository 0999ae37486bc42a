//! The kinds of values that settings have.

use std::{fmt, net::IpAddr, time::Duration};

use ipnet::IpNet;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

use crate::wire::Reason;

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

/// Reasons of dead letters with commas between, such as `store-refused,delivery-limit`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reasons(pub Vec<Reason>);

impl<'de> Deserialize<'de> for Reasons {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let known = || Reason::ALL.map(Reason::as_str).join(", ");
        let reasons: Option<Vec<_>> = listed(&text).map(Reason::from_code).collect();
        reasons
            .map(Self)
            .ok_or_else(|| D::Error::custom(format!("must be reasons with commas between, of {}", known())))
    }
}

impl Serialize for Reasons {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words: Vec<_> = self.0.iter().map(|reason| reason.as_str()).collect();
        serializer.serialize_str(&words.join(","))
    }
}

/// Networks with commas between, such as `10.0.0.0/8,fd00::/8`; a single address is a network of its own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Networks(pub Vec<IpNet>);

impl<'de> Deserialize<'de> for Networks {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let networks: Result<_, _> = listed(&text).map(network).collect();
        networks.map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Networks {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let networks: Vec<_> = self.0.iter().map(IpNet::to_string).collect();
        serializer.serialize_str(&networks.join(","))
    }
}

fn network(text: &str) -> Result<IpNet, &'static str> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    let network = text.parse().or_else(|_| address());
    network.map_err(|_| "must be networks with commas between, such as 10.0.0.0/8,fd00::/8")
}

/// Origins of web pages with commas between, such as `https://app.example,https://app.example:8443`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origins(pub Vec<String>);

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let origins: Result<_, _> = listed(&text).map(origin).collect();
        origins.map(Self).map_err(D::Error::custom)
    }
}

impl Serialize for Origins {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.join(","))
    }
}

/// An origin as browsers write it (RFC 6454, section 6.2): in lower case, without path, without the scheme's own port.
fn origin(text: &str) -> Result<String, &'static str> {
    if text == "*" {
        return Err("must name each origin: * would let every page on the web call");
    }
    let (host, own_port) = match text.split_once("://") {
        Some(("https", host)) => (host, ":443"),
        Some(("http", host)) => (host, ":80"),
        _ => return Err("must be origins such as https://app.example, with commas between"),
    };
    let usual = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-:[]".contains(&byte);
    let (name, port) = match host.rsplit_once(':') {
        Some((name, port)) if !port.ends_with(']') => (name, port.parse::<u16>().is_ok()),
        _ => (host, true),
    };
    if name.is_empty() || !port || !name.bytes().all(usual) {
        return Err("must be origins as browsers write them: scheme://host[:port], lower case, no path");
    }
    if host.ends_with(own_port) {
        return Err("must be origins as browsers write them: without :80 for http and :443 for https");
    }
    Ok(text.to_owned())
}

/// The parts of a list with commas between; an empty text has none.
pub(super) fn listed(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
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

    /// The secrets in it, with commas between.
    pub fn listed(&self) -> impl Iterator<Item = &str> {
        listed(self.expose())
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

    /// Whether it leads to this very machine, by loopback or a file.
    pub fn is_on_this_machine(&self) -> bool {
        reqwest::Url::parse(self.expose()).is_ok_and(|url| match url.host_str() {
            None | Some("") => true,
            Some(host) => is_loopback(host),
        })
    }

    /// The URL for the libraries that take it.
    pub fn secret(&self) -> &SecretString {
        &self.0
    }
}

/// Whether a host, as URLs have it, is this very machine.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host
            .trim_matches(['[', ']'])
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
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
            // No password where a parameter has an @.
            let user = credentials.split([':', '/', '?', '#']).next().unwrap_or_default();
            Some(format!("{scheme}://{user}:{MASK}@{}", parameters_masked(place)))
        });
        match masked {
            Some(masked) => f.write_str(&masked),
            None => f.write_str(&parameters_masked(url)),
        }
    }
}

/// A URL, or its end, with only those values of parameters that are known to be no secret: sqlx takes a password from one, too
/// (`?password=…`), whose name may be written in several ways.
fn parameters_masked(url: &str) -> String {
    const SHOWN: [&str; 7] = [
        "sslmode",
        "ssl-mode",
        "sslrootcert",
        "application_name",
        "mode",
        "heartbeat",
        "connection_timeout",
    ];
    let Some((place, parameters)) = url.split_once('?') else {
        return url.to_owned();
    };
    let parameters = parameters
        .split('&')
        .map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if !SHOWN.contains(&name) => format!("{name}={MASK}"),
            _ => parameter.to_owned(),
        });
    format!("{place}?{}", parameters.collect::<Vec<_>>().join("&"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password_wherever_that_stands() {
        for (url, shown) in [
            ("amqp://u:geheim@h:5672/v", "amqp://u:***@h:5672/v"),
            ("amqp://u:geheim@geheim/@h", "amqp://u:***@h"),
            (
                "postgres://h/d?user=u&password=geheim",
                "postgres://h/d?user=***&password=***",
            ),
            (
                "postgres://h/d?sslmode=require&p%61ssword=geheim",
                "postgres://h/d?sslmode=require&p%61ssword=***",
            ),
            ("postgres://h/d?password=geheim@x", "postgres://h:***@x"),
            (
                "postgres://u:geheim@h/d?sslmode=verify-full",
                "postgres://u:***@h/d?sslmode=verify-full",
            ),
            ("sqlite://data/c.db?mode=rwc", "sqlite://data/c.db?mode=rwc"),
        ] {
            assert_eq!(SecretUrl::new(url).to_string(), shown);
        }
    }
}
