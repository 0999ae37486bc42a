//! What an issuer says of itself (OpenID Connect Discovery 1.0), and fetching from it within bounds.
//!
//! **Invariant:** nothing is fetched from where a redirect leads, and what an issuer names is https, or on this machine.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};
use reqwest::redirect::Policy;
use serde::Deserialize;
use tokio::sync::Mutex;

use crate::settings::is_https_or_loopback;

/// How long fetching may take, from the first byte to the last.
pub const FETCH_TIMEOUT: Duration = Duration::from_secs(5);
/// The largest document that is fetched, in bytes.
pub const MAX_DOCUMENT_BYTES: usize = 256 * 1024;

/// How old a description may be that people are sent to an issuer by.
const DESCRIPTION_AGE: Duration = Duration::from_secs(3600);
/// Between two tries to fetch it.
const TRY_INTERVAL: Duration = Duration::from_secs(5);

/// A client that follows nothing and waits for nothing.
///
/// # Errors
/// If it cannot be made.
pub(super) fn client() -> anyhow::Result<reqwest::Client> {
    reqwest::Client::builder()
        .timeout(FETCH_TIMEOUT)
        .redirect(Policy::none())
        .user_agent("contato")
        .build()
        .context("no HTTP client can be made")
}

/// Fetches a document.
///
/// # Errors
/// If it is not answered, or is too large.
pub(super) async fn get(client: &reqwest::Client, url: &str) -> anyhow::Result<Vec<u8>> {
    let get = async {
        let response = client
            .get(url)
            .header("accept", "application/json")
            .send()
            .await?;
        let status = response.status();
        if status != reqwest::StatusCode::OK {
            bail!("it answers {status}");
        }
        body(response).await
    };
    get.await.with_context(|| format!("fetching {url}"))
}

/// Reads an answer to its end.
///
/// # Errors
/// If it is too large, or breaks off.
pub(super) async fn body(mut response: reqwest::Response) -> anyhow::Result<Vec<u8>> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        ensure!(
            body.len() + chunk.len() <= MAX_DOCUMENT_BYTES,
            "it has more than {MAX_DOCUMENT_BYTES} bytes"
        );
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

/// What an issuer says of itself, as far as it matters here.
#[derive(Debug, Deserialize)]
pub(super) struct Description {
    issuer: String,
    pub(super) jwks_uri: String,
    authorization_endpoint: Option<String>,
    token_endpoint: Option<String>,
    end_session_endpoint: Option<String>,
}

impl Description {
    /// Fetches what an issuer says of itself.
    ///
    /// # Errors
    /// If it is not answered, or is another's.
    pub(super) async fn fetch(client: &reqwest::Client, issuer: &str) -> anyhow::Result<Self> {
        let url = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let document = get(client, &url).await?;
        let description: Self = serde_json::from_slice(&document).context("no description of an issuer")?;
        ensure!(
            description.issuer == issuer,
            "it describes another issuer than auth.issuer"
        );
        safe("jwks_uri", &description.jwks_uri)?;
        Ok(description)
    }

    fn endpoints(self) -> anyhow::Result<Endpoints> {
        let authorization = self
            .authorization_endpoint
            .context("it has no authorization_endpoint")?;
        let token = self.token_endpoint.context("it has no token_endpoint")?;
        safe("authorization_endpoint", &authorization)?;
        safe("token_endpoint", &token)?;
        Ok(Endpoints {
            authorization,
            token,
            end_session: self.end_session_endpoint.filter(|url| is_https_or_loopback(url)),
        })
    }
}

fn safe(name: &str, url: &str) -> anyhow::Result<()> {
    ensure!(is_https_or_loopback(url), "its {name} is not https");
    Ok(())
}

/// Where people sign in at an issuer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoints {
    /// Where they are sent.
    pub authorization: String,
    /// Where a code that they bring back becomes tokens.
    pub token: String,
    /// Where they sign out, if that is told.
    pub end_session: Option<String>,
}

/// The endpoints of an issuer as they were when it last answered.
#[derive(Debug)]
pub(super) struct Discovery {
    issuer: String,
    client: reqwest::Client,
    /// Held during a fetch: whoever needs one meanwhile waits for that one.
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    endpoints: Option<(Arc<Endpoints>, Instant)>,
    tried: Option<Instant>,
}

impl Discovery {
    pub(super) fn new(issuer: &str) -> anyhow::Result<Self> {
        Ok(Self {
            issuer: issuer.to_owned(),
            client: client()?,
            known: Mutex::default(),
        })
    }

    pub(super) fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// The endpoints; `None` if the issuer has not told them yet.
    pub(super) async fn endpoints(&self) -> Option<Arc<Endpoints>> {
        let mut known = self.known.lock().await;
        let fresh = known
            .endpoints
            .as_ref()
            .filter(|(_, since)| since.elapsed() < DESCRIPTION_AGE);
        if let Some((endpoints, _)) = fresh {
            return Some(endpoints.clone());
        }
        if known.tried.is_none_or(|tried| tried.elapsed() >= TRY_INTERVAL) {
            known.tried = Some(Instant::now());
            let fetched = Description::fetch(&self.client, &self.issuer).await;
            match fetched.and_then(Description::endpoints) {
                Ok(endpoints) => known.endpoints = Some((Arc::new(endpoints), Instant::now())),
                Err(error) => {
                    let error = format!("{error:#}");
                    tracing::warn!(
                        error,
                        "the issuer's endpoints cannot be fetched; those known before count"
                    );
                }
            }
        }
        known.endpoints.as_ref().map(|(endpoints, _)| endpoints.clone())
    }
}
