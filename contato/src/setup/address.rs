//! Who signs in where: a URL taken apart. Its password is shown nowhere, nor is it in an error.

use anyhow::{Context, ensure};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};

/// What a URL says.
#[derive(Clone, Debug)]
pub(super) struct Login {
    pub(super) user: String,
    pub(super) password: SecretString,
    /// What stands after the first slash: a virtual host, or a database. `None` without a slash.
    pub(super) place: Option<String>,
}

/// The default virtual host.
const DEFAULT_VHOST: &str = "/";

impl Login {
    /// Takes a URL apart. `what` is what errors call it.
    pub(super) fn parse(url: &str, what: &str) -> anyhow::Result<Self> {
        // The parser's own error would not quote it, but says nothing that helps either.
        let url = Url::parse(url.trim()).ok();
        let url = url.with_context(|| format!("{what} is not a URL"))?;
        let decoded = |part: &str| {
            let text = percent_decode_str(part).decode_utf8();
            text.map(String::from)
                .ok()
                .with_context(|| format!("{what} is not UTF-8"))
        };
        let path = url.path();
        Ok(Self {
            user: decoded(url.username())?,
            password: decoded(url.password().unwrap_or_default())?.into(),
            place: path.strip_prefix('/').map(decoded).transpose()?,
        })
    }

    /// Whoever signs in needs a name and a password.
    pub(super) fn complete(self, what: &str) -> anyhow::Result<Self> {
        ensure!(
            !self.user.is_empty() && !self.password.expose_secret().is_empty(),
            "{what} needs a name and a password: scheme://NAME:PASSWORD@host…"
        );
        Ok(self)
    }

    /// The virtual host that an AMQP URL names.
    pub(super) fn vhost(&self) -> &str {
        self.place.as_deref().unwrap_or(DEFAULT_VHOST)
    }

    /// The virtual host that KEDA reads out of the URL of a management API: a lone slash is none.
    pub(super) fn vhost_for_keda(&self) -> &str {
        self.place
            .as_deref()
            .filter(|place| !place.is_empty())
            .unwrap_or(DEFAULT_VHOST)
    }

    /// The URL of another, with this name and password.
    pub(super) fn on(&self, url: &str, what: &str) -> anyhow::Result<String> {
        let mut url = Url::parse(url.trim())
            .ok()
            .with_context(|| format!("{what} is not a URL"))?;
        let set = url
            .set_username(&encoded(&self.user))
            .and_then(|()| url.set_password(Some(&encoded(self.password.expose_secret()))));
        ensure!(set.is_ok(), "{what} names no host");
        // Drivers let these win over what stands before the host.
        let others = |key: &str| !matches!(key, "user" | "password");
        let query: Vec<_> = url
            .query_pairs()
            .into_owned()
            .filter(|(key, _)| others(key))
            .collect();
        url.set_query(None);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url.into())
    }
}

/// A name as a part of a URL (RFC 3986, section 2.1).
pub(super) fn encoded(name: &str) -> String {
    utf8_percent_encode(name, NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_taken_apart_as_the_drivers_do() {
        for (url, user, password, vhost) in [
            ("amqp://a:b@host/%2f", "a", "b", "/"),
            (
                "amqps://a%40b:c%2Fd%25@host:5671/contato\n",
                "a@b",
                "c/d%",
                "contato",
            ),
            ("amqp://a:b@host", "a", "b", "/"),
            ("amqp://a:b@host/", "a", "b", ""),
        ] {
            let login = Login::parse(url, "it").unwrap().complete("it").unwrap();
            assert_eq!(
                (login.user.as_str(), login.password.expose_secret(), login.vhost()),
                (user, password, vhost),
                "{url}"
            );
        }
        let keda = Login::parse("http://keda:k@host:15672/", "it").unwrap();
        assert_eq!(keda.vhost_for_keda(), "/");
    }

    #[test]
    fn what_is_incomplete_is_refused_without_a_word_of_it() {
        for url in [
            "amqp//a:geheim@host",
            "amqp://:geheim@host",
            "amqp://geheim@host",
            "geheim",
        ] {
            let error = Login::parse(url, "x/broker-url").and_then(|login| login.complete("x/broker-url"));
            let error = format!("{:#}", error.unwrap_err());
            assert!(
                error.contains("x/broker-url") && !error.contains("geheim"),
                "{error}"
            );
        }
    }

    #[test]
    fn another_signs_in_at_the_same_place() {
        let login = Login::parse("postgres://r%40:p%25%2F@elsewhere/d", "it").unwrap();
        let url = login
            .on("postgres://o:x@[::1]:5/d?sslmode=require&user=o&password=x", "it")
            .unwrap();
        assert_eq!(url, "postgres://r%40:p%25%2F@[::1]:5/d?sslmode=require");
    }
}
