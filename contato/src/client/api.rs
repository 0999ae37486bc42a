//! The API as a client sees it: where it is, who asks, and answers that are either what was asked for or a [`Failure`].

use std::{env, fs, time::Duration};

use reqwest::{
    Method, RequestBuilder, Response, Url,
    header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    redirect,
};

use super::failure::{Failure, Refusal};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How often one request is sent before it is given up.
const MAX_TRIES: u32 = 8;
/// The longest pause between two tries.
const PAUSE_MAX: Duration = Duration::from_secs(60);

const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");
const X_GATEWAY_KEY: HeaderName = HeaderName::from_static("x-contato-gateway-key");

/// Where the API is.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Server {
    /// Where the API is.
    #[arg(
        long,
        env = "CONTATO_URL",
        default_value = "http://127.0.0.1:8080",
        value_name = "URL"
    )]
    url: Url,
}

impl Server {
    pub(super) fn url(&self) -> &Url {
        &self.url
    }
}

/// The API.
#[derive(Debug)]
pub(super) struct Api {
    http: reqwest::Client,
    base: Url,
}

/// The tries of one request.
#[derive(Debug, Default)]
pub(super) struct Tries(u32);

impl Tries {
    /// How long to wait before the request is sent again, if it is worth it.
    pub(super) fn pause(&mut self, failure: &Failure) -> Option<Duration> {
        self.0 += 1;
        let doubled = Duration::from_secs(1) * 2_u32.saturating_pow(self.0 - 1);
        let pause = failure.retry_after().unwrap_or(doubled).min(PAUSE_MAX);
        (failure.passes() && self.0 < MAX_TRIES).then_some(pause)
    }
}

impl Api {
    /// The API at a URL, asked by whom the variables name.
    pub(super) fn new(server: &Server) -> Result<Self, Failure> {
        if server.url.cannot_be_a_base() || server.url.host().is_none() {
            return Err(Failure::Usage(
                "--url (CONTATO_URL) must be a URL such as https://contacts.example".into(),
            ));
        }
        Ok(Self {
            http: http(credentials()?).map_err(Failure::Lost)?,
            base: server.url.clone(),
        })
    }

    /// The URL of a resource.
    pub(super) fn url(&self, segments: &[&str]) -> Url {
        below(&self.base, segments)
    }

    /// A request.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url)
    }

    /// Sends a request, again for as long as it may succeed later. Whatever it does is done once, however often it is sent.
    pub(super) async fn send_again(&self, request: impl Fn() -> RequestBuilder) -> Result<Response, Failure> {
        let mut tries = Tries::default();
        loop {
            let failure = match self.send(request()).await {
                Ok(response) => return Ok(response),
                Err(failure) => failure,
            };
            let Some(pause) = tries.pause(&failure) else {
                return Err(failure);
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Sends a request. Whatever is no success is a failure.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(lost)?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(Failure::Refused(Refusal {
            status: response.status(),
            retry_after: retry_after(&response),
            problem: response.json().await.ok(),
        }))
    }
}

/// A client that sends these headers with every request.
pub(crate) fn http(headers: HeaderMap) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .default_headers(headers)
        .connect_timeout(CONNECT_TIMEOUT)
        // A credential is for this server alone.
        .redirect(redirect::Policy::none())
        .user_agent(concat!("contato/", env!("CARGO_PKG_VERSION")))
        .build()
}

/// A URL with more segments behind it.
pub(crate) fn below(base: &Url, segments: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments);
    }
    url
}

/// A failure without the URL, which has the filters in it.
pub(super) fn lost(error: reqwest::Error) -> Failure {
    Failure::Lost(error.without_url())
}

/// When to come again.
pub(super) fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds))
}

fn credentials() -> Result<HeaderMap, Failure> {
    let (key, token) = (secret("CONTATO_API_KEY")?, secret("CONTATO_TOKEN")?);
    let mut headers = HeaderMap::new();
    match (key, token) {
        (Some(_), Some(_)) => {
            return Err(Failure::Usage(
                "CONTATO_API_KEY and CONTATO_TOKEN are both set; one is enough".into(),
            ));
        }
        (Some(key), None) => drop(headers.insert(X_API_KEY, hidden("CONTATO_API_KEY", &key)?)),
        (None, Some(token)) => {
            let token = hidden("CONTATO_TOKEN", &format!("Bearer {token}"))?;
            headers.insert(AUTHORIZATION, token);
        }
        (None, None) => {}
    }
    if let Some(keys) = secret("CONTATO_GATEWAY_KEY")? {
        // The file may be the API's own, which has two while one replaces the other.
        let key = keys.split(',').next().unwrap_or_default().trim();
        headers.insert(X_GATEWAY_KEY, hidden("CONTATO_GATEWAY_KEY", key)?);
    }
    Ok(headers)
}

/// What a variable, or the file that another names, says.
fn secret(variable: &str) -> Result<Option<String>, Failure> {
    let of_file = format!("{variable}_FILE");
    match (env::var(variable), env::var(&of_file)) {
        (Ok(_), Ok(_)) => Err(Failure::Usage(format!(
            "{variable} and {of_file} are both set; one is enough"
        ))),
        (Ok(secret), Err(_)) => Ok(Some(secret)),
        (Err(_), Ok(path)) => match fs::read_to_string(path) {
            Ok(secret) => Ok(Some(secret.trim().to_owned())),
            Err(error) => Err(Failure::Usage(format!("{of_file} cannot be read: {error}"))),
        },
        (Err(_), Err(_)) => Ok(None),
    }
}

fn hidden(variable: &str, value: &str) -> Result<HeaderValue, Failure> {
    let mut value = HeaderValue::from_str(value)
        .map_err(|_| Failure::Usage(format!("{variable} has characters that no header can have")))?;
    value.set_sensitive(true);
    Ok(value)
}
