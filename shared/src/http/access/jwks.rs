//! The keys that an issuer signs tokens with (RFC 7517): from a file, or fetched from the issuer.
//!
//! **Invariant:** keys come from where the settings say, never from where a token says; and whatever tokens come, they are
//! fetched at most once in [`Intervals::refetch`] for them.

use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use jsonwebtoken::{
    Algorithm, AlgorithmFamily, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;

use super::{
    challenge::Refusal,
    discovery::{self, Description, FETCH_TIMEOUT},
    watched::Watched,
};
use crate::{
    runtime::ProcessRuntime,
    settings::{Auth, JwksPlace},
};

/// How often keys are fetched at the most, and at the least.
#[derive(Clone, Copy, Debug)]
struct Intervals {
    /// Between two fetches for tokens with unknown keys.
    refetch: Duration,
    /// Between two tries as long as there were never keys.
    first: Duration,
    /// The age at which keys are fetched again, so that one that was removed ends.
    age: Duration,
}

impl Default for Intervals {
    fn default() -> Self {
        Self {
            refetch: Duration::from_secs(60),
            first: Duration::from_secs(5),
            age: Duration::from_secs(3600),
        }
    }
}

/// A key, and what it may have signed.
#[derive(Debug)]
pub(super) struct Key {
    id: Option<String>,
    algorithms: Vec<Algorithm>,
    pub(super) verifies: DecodingKey,
}

/// The keys of one document; those that verify nothing are left out.
#[derive(Debug)]
pub(super) struct KeySet(Vec<Arc<Key>>);

impl KeySet {
    fn parse(document: &[u8]) -> anyhow::Result<Self> {
        #[derive(Deserialize)]
        struct Document {
            keys: Vec<Value>,
        }
        let document: Document =
            serde_json::from_slice(document).context("no JSON Web Key Set (RFC 7517)")?;
        let keys: Vec<_> = document.keys.into_iter().filter_map(key).collect();
        ensure!(!keys.is_empty(), "no key in it can check signatures");
        Ok(Self(keys))
    }

    /// The one key that may have signed. A token without the name of its key could be of any.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<Key>> {
        let fits = |key: &&Arc<Key>| {
            key.algorithms.contains(&algorithm) && id.is_none_or(|id| key.id.as_deref() == Some(id))
        };
        let mut fitting = self.0.iter().filter(fits);
        match (fitting.next(), fitting.next()) {
            (Some(key), None) => Some(key.clone()),
            (_, _) => None,
        }
    }
}

fn key(value: Value) -> Option<Arc<Key>> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let algorithms = algorithms(&jwk);
    if algorithms.is_empty() {
        return None;
    }
    Some(Arc::new(Key {
        verifies: DecodingKey::from_jwk(&jwk).ok()?,
        id: jwk.common.key_id,
        algorithms,
    }))
}

/// What a key may sign by its own words: kind, curve, use, operations, algorithm. Secrets sign nothing for us.
fn algorithms(jwk: &Jwk) -> Vec<Algorithm> {
    let common = &jwk.common;
    let signs = common
        .public_key_use
        .as_ref()
        .is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common
            .key_operations
            .as_ref()
            .is_none_or(|operations| operations.contains(&KeyOperations::Verify));
    let of_kind = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => AlgorithmFamily::Rsa.algorithms(),
        AlgorithmParameters::EllipticCurve(key) => match key.curve {
            EllipticCurve::P256 => &[Algorithm::ES256][..],
            EllipticCurve::P384 => &[Algorithm::ES384],
            _ => &[],
        },
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => &[],
    };
    let of_kind = of_kind.iter().copied().filter(|_| signs);
    of_kind
        .filter(|algorithm| {
            common
                .key_algorithm
                .is_none_or(|only| only == KeyAlgorithm::from(*algorithm))
        })
        .collect()
}

/// Where the keys are.
#[derive(Debug)]
pub(super) enum Jwks {
    /// In a file.
    File(Watched<KeySet>),
    /// At an issuer.
    Issuer(Arc<Issuer>),
}

impl Jwks {
    /// What the settings say. An issuer may be down.
    ///
    /// # Errors
    /// If a file cannot be read, or a client cannot be made.
    pub(super) fn open(auth: &Auth, issuer: &str) -> anyhow::Result<Self> {
        let place = match &auth.jwks {
            Some(JwksPlace::File(path)) => return Self::file(path),
            Some(JwksPlace::Url(url)) => Place::Document(url.clone()),
            None => Place::Discovery(issuer.to_owned()),
        };
        Ok(Self::Issuer(Arc::new(Issuer::new(place, Intervals::default())?)))
    }

    fn file(path: &Path) -> anyhow::Result<Self> {
        let file = Watched::open(path, KeySet::parse).context("auth.jwks cannot be used")?;
        Ok(Self::File(file))
    }

    /// The key that may have signed a token.
    pub(super) async fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, Refusal> {
        match self {
            Self::File(file) => file.said().find(id, algorithm).ok_or(Refusal::Invalid),
            Self::Issuer(issuer) => issuer.find(id, algorithm).await,
        }
    }

    /// Notices what has changed and what has become old. Blocks for as long as a small file takes.
    pub(super) fn look(&self) {
        match self {
            Self::File(file) => file.look(),
            Self::Issuer(issuer) => issuer.look(),
        }
    }
}

/// What to fetch.
#[derive(Debug)]
enum Place {
    /// What the issuer's own description names (OpenID Connect Discovery 1.0, section 4).
    Discovery(String),
    /// A document.
    Document(String),
}

/// Why keys are fetched.
#[derive(Clone, Copy, Debug)]
enum Why {
    /// There are none, or they are old.
    Due,
    /// A token names another.
    Unknown,
}

/// When fetches last began, by why.
#[derive(Debug, Default)]
struct Begun {
    due: Option<Instant>,
    unknown: Option<Instant>,
}

/// An issuer and its keys as they were when it last answered.
#[derive(Debug)]
pub(super) struct Issuer {
    place: Place,
    client: reqwest::Client,
    runtime: ProcessRuntime,
    intervals: Intervals,
    known: RwLock<Option<(Arc<KeySet>, Instant)>>,
    /// Held during a fetch: whoever needs one meanwhile waits for that one.
    begun: Mutex<Begun>,
}

impl Issuer {
    fn new(place: Place, intervals: Intervals) -> anyhow::Result<Self> {
        Ok(Self {
            place,
            client: discovery::client()?,
            runtime: ProcessRuntime::current(),
            intervals,
            known: RwLock::default(),
            begun: Mutex::default(),
        })
    }

    fn known(&self) -> Option<(Arc<KeySet>, Instant)> {
        self.known.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn find(self: &Arc<Self>, id: Option<&str>, algorithm: Algorithm) -> Result<Arc<Key>, Refusal> {
        let find = || self.known().map(|(keys, _)| keys.find(id, algorithm));
        let why = match find() {
            Some(Some(key)) => return Ok(key),
            Some(None) => Why::Unknown,
            None => Why::Due,
        };
        // A fetch that has begun is finished also when its client has gone: nobody can make another begin by going.
        let issuer = self.clone();
        self.runtime.run(async move { issuer.fetch(why).await }).await;
        match find() {
            Some(Some(key)) => Ok(key),
            Some(None) => Err(Refusal::Invalid),
            None => Err(Refusal::KeysUnavailable),
        }
    }

    fn look(self: &Arc<Self>) {
        let old = self
            .known()
            .is_none_or(|(_, since)| since.elapsed() >= self.intervals.age);
        if old {
            let issuer = self.clone();
            self.runtime.spawn(async move { issuer.fetch(Why::Due).await });
        }
    }

    /// Fetches the keys, unless that was tried just before.
    async fn fetch(&self, why: Why) {
        let mut begun = self.begun.lock().await;
        let last = match why {
            Why::Due => &mut begun.due,
            Why::Unknown => &mut begun.unknown,
        };
        let interval = match self.known() {
            Some(_) => self.intervals.refetch,
            None => self.intervals.first,
        };
        if last.is_some_and(|last| last.elapsed() < interval) {
            return;
        }
        *last = Some(Instant::now());
        let fetched = tokio::time::timeout(FETCH_TIMEOUT, self.key_set()).await;
        match fetched.context("it took too long").flatten() {
            Ok(keys) => {
                let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
                *known = Some((Arc::new(keys), Instant::now()));
            }
            Err(error) => {
                tracing::warn!(
                    error = format!("{error:#}"),
                    "the issuer's keys cannot be fetched; those known before count"
                );
            }
        }
    }

    async fn key_set(&self) -> anyhow::Result<KeySet> {
        let url = match &self.place {
            Place::Document(url) => url.clone(),
            Place::Discovery(issuer) => Description::fetch(&self.client, issuer).await?.jwks_uri,
        };
        KeySet::parse(&discovery::get(&self.client, &url).await?)
    }
}

#[cfg(test)]
mod tests;
