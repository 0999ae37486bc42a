//! The section `auth`: who may call.

use std::{path::PathBuf, time::Duration};

use jsonwebtoken::{Algorithm, AlgorithmFamily};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use validator::{Validate, ValidationError};

use super::{
    sections::fault,
    values::{Span, is_loopback, listed},
};

/// The longest that clocks of issuers may differ from ours.
const MAX_LEEWAY: Duration = Duration::from_secs(60);

/// `auth`: who may call the public listeners.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Auth {
    /// Whether callers need credentials.
    pub mode: AuthMode,
    /// Lets a listener with `mode` `none` be reached from elsewhere, where something else decides who gets there.
    pub none_beyond_loopback: bool,
    /// The issuer of tokens, exactly as their `iss` has it. Its keys are found by OpenID Connect Discovery.
    #[validate(custom(function = "https_url"))]
    pub issuer: Option<String>,
    /// The issuer's keys (JSON Web Key Set) in a file or at a URL, instead of by discovery.
    #[validate(custom(function = "https_place"))]
    pub jwks: Option<JwksPlace>,
    /// What tokens must be for: one of these stands in their `aud`.
    pub audience: Audience,
    /// The algorithms that tokens may be signed with; asymmetric ones only.
    pub algorithms: Algorithms,
    /// How far the clocks of issuers may differ from ours.
    #[validate(custom(function = "at_most_max_leeway"))]
    pub leeway: Span,
    /// The file of API keys, as `contato key` writes it.
    pub api_keys: Option<PathBuf>,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            mode: AuthMode::None,
            none_beyond_loopback: false,
            issuer: None,
            jwks: None,
            audience: Audience::default(),
            algorithms: Algorithms(vec![Algorithm::RS256, Algorithm::ES256]),
            leeway: Span(Duration::from_secs(30)),
            api_keys: None,
        }
    }
}

/// Whether callers need credentials.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum AuthMode {
    /// Whoever gets to the listener may do everything.
    #[default]
    None,
    /// Tokens, keys, or what a gateway says.
    Required,
}

/// What tokens may be for, with commas between.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Audience(pub Vec<String>);

impl<'de> Deserialize<'de> for Audience {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(Self(listed(&text).map(str::to_owned).collect()))
    }
}

impl Serialize for Audience {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.join(","))
    }
}

/// Where a JSON Web Key Set is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JwksPlace {
    /// In a file.
    File(PathBuf),
    /// At a URL.
    Url(String),
}

impl<'de> Deserialize<'de> for JwksPlace {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Ok(if text.contains("://") {
            Self::Url(text)
        } else {
            Self::File(text.into())
        })
    }
}

impl Serialize for JwksPlace {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::File(path) => serializer.collect_str(&path.display()),
            Self::Url(url) => serializer.serialize_str(url),
        }
    }
}

/// Algorithms of signatures with commas between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithms(pub Vec<Algorithm>);

impl<'de> Deserialize<'de> for Algorithms {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const RULE: &str = "must be algorithms with a public key, such as RS256,ES256, with commas between";
        let text = String::deserialize(deserializer)?;
        let asymmetric = |word: &str| {
            let known = word.parse::<Algorithm>().ok();
            known.filter(|known| known.family() != AlgorithmFamily::Hmac)
        };
        let found: Option<Vec<_>> = listed(&text).map(asymmetric).collect();
        let found = found.filter(|found| !found.is_empty());
        found.map(Self).ok_or_else(|| D::Error::custom(RULE))
    }
}

impl Serialize for Algorithms {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let words: Vec<_> = self.0.iter().map(|algorithm| format!("{algorithm:?}")).collect();
        serializer.serialize_str(&words.join(","))
    }
}

/// Whether what is fetched from a URL cannot be changed on its way: https, or this machine.
pub fn is_https_or_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else {
        return false;
    };
    match url.scheme() {
        "https" => true,
        "http" => url.host_str().is_some_and(is_loopback),
        _ => false,
    }
}

fn https_url(url: &str) -> Result<(), ValidationError> {
    if is_https_or_loopback(url) {
        return Ok(());
    }
    Err(fault("must be an https URL (http only on this machine)"))
}

fn https_place(place: &JwksPlace) -> Result<(), ValidationError> {
    match place {
        JwksPlace::File(_) => Ok(()),
        JwksPlace::Url(url) => https_url(url),
    }
}

fn at_most_max_leeway(leeway: &Span) -> Result<(), ValidationError> {
    if leeway.0 <= MAX_LEEWAY {
        return Ok(());
    }
    Err(fault("must be at most 1min"))
}
