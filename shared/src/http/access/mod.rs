//! Who may do what: tokens of an issuer, API keys, and what a gateway says.
//!
//! The listener looks at the credentials of every request but those for [`PUBLIC`] paths; handlers ask [`Caller::with`] for the
//! scope that they need. Where a listener has pages, people who have signed in come to these with a cookie ([`SignedIn`]).
//!
//! **Invariant:** a handler learns who calls only by [`Caller::with`], which refuses who may not; and where credentials are
//! required no other path than a public one is answered without. What lets somebody in to a page lets nobody in to the API, and
//! the other way round.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use actix_web::http::header::{self, HeaderMap, HeaderName};
use anyhow::{bail, ensure};

use crate::settings::{Auth, AuthMode, Secret};

mod at_issuer;
mod caller;
mod challenge;
mod discovery;
mod gateway;
mod jwks;
mod jwt;
pub mod key_file;
pub mod keys;
mod names;
mod scope;
mod visitor;
mod watched;

pub use at_issuer::{AtIssuer, Expected, Issued, NotSignedIn};
pub use caller::Caller;
pub(super) use caller::Identity;
pub use discovery::Endpoints;
pub use names::is_of_this_machine;
pub use scope::Scope;
pub use visitor::{SignedIn, Visitor};

use challenge::Refusal;
use gateway::Gateway;
use jwt::Tokens;
use keys::Keys;

/// The paths that are answered without credentials, and whatever is below the last.
pub const PUBLIC: [&str; 5] = ["/livez", "/readyz", "/health", "/openapi.json", super::docs::PATH];

/// The header that has an API key.
pub const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// How often files of keys and the age of an issuer's keys are looked at.
const LOOK_INTERVAL: Duration = Duration::from_secs(10);

/// What a listener asks of whoever sends it requests.
#[derive(Debug)]
pub struct Access {
    /// `None` where nobody has to say who they are.
    required: Option<Arc<Required>>,
    pages: Option<Arc<dyn SignedIn>>,
    /// Whether only names of this machine are answered to: where nobody has to say who they are, a name of someone else's that
    /// leads here would let their pages read and change everything.
    this_machine_only: bool,
}

/// What credentials are held against.
#[derive(Debug)]
struct Required {
    tokens: Option<Arc<Tokens>>,
    keys: Option<Keys>,
    gateway: Option<Gateway>,
}

/// The credentials of a request.
enum Credentials<'a> {
    Nothing,
    Token(&'a str),
    Key(&'a str),
    /// In a scheme that is none of ours.
    Other,
}

impl Access {
    /// What the settings say, for a listener at this address.
    ///
    /// # Errors
    /// If they are not safe, or say too little; the error says what to set.
    pub fn at_start(auth: &Auth, gateway: Option<&Secret>, listen: SocketAddr) -> anyhow::Result<Self> {
        let access = Self::for_people(auth, gateway, listen)?;
        if let Some(required) = &access.required {
            ensure!(
                required.tokens.is_some() || required.keys.is_some() || required.gateway.is_some(),
                "auth.mode=required and nothing to check credentials with: set auth.issuer and auth.audience for tokens, or auth.apiKeys for keys (contato key create)"
            );
        }
        Ok(access)
    }

    /// The same where people sign in to pages, so that there may be nothing that lets a program in.
    ///
    /// # Errors
    /// As [`at_start`](Self::at_start).
    pub fn for_people(auth: &Auth, gateway: Option<&Secret>, listen: SocketAddr) -> anyhow::Result<Self> {
        if auth.mode == AuthMode::None {
            ensure!(
                gateway.is_none(),
                "producerApi.gatewayKey needs auth.mode=required: without it nobody has to come by way of the gateway"
            );
            if !listen.ip().to_canonical().is_loopback() && !auth.none_beyond_loopback {
                bail!(
                    "{listen} can be reached from elsewhere, and auth.mode=none lets everybody read and change everything: set auth.mode=required (CONTATO__AUTH__MODE) with auth.issuer or auth.apiKeys, listen on 127.0.0.1, or, where something else decides who gets there, set auth.noneBeyondLoopback=true (CONTATO__AUTH__NONE_BEYOND_LOOPBACK)"
                );
            }
            return Ok(Self {
                required: None,
                pages: None,
                this_machine_only: !auth.none_beyond_loopback,
            });
        }
        let required = Required {
            tokens: Tokens::open(auth)?.map(Arc::new),
            keys: auth.api_keys.as_deref().map(Keys::open).transpose()?,
            gateway: gateway.map(Gateway::new),
        };
        let required = Arc::new(required);
        tokio::spawn(looked_at(Arc::downgrade(&required)));
        Ok(Self {
            required: Some(required),
            pages: None,
            this_machine_only: false,
        })
    }

    /// The same for a listener on which whatever is no path of the API is a page, which sees to it by itself that people
    /// sign in.
    #[must_use]
    pub fn with_pages(self, pages: Arc<dyn SignedIn>) -> Self {
        Self {
            pages: Some(pages),
            ..self
        }
    }

    /// The issuer of tokens, for people to sign in there; `None` if the settings name none.
    ///
    /// # Errors
    /// If a client cannot be made.
    pub fn issuer(&self, auth: &Auth) -> anyhow::Result<Option<AtIssuer>> {
        let tokens = self
            .required
            .as_ref()
            .and_then(|required| required.tokens.clone());
        match (tokens, &auth.issuer) {
            (Some(tokens), Some(issuer)) => AtIssuer::new(issuer, tokens).map(Some),
            (_, _) => Ok(None),
        }
    }

    /// Whether only names of this machine are answered to. Pages see to it by themselves ([`is_of_this_machine`]).
    pub fn is_for_this_machine_only(&self) -> bool {
        self.this_machine_only
    }

    /// Who sends a request with this path, not decoded, and these headers; `None` where it does not matter, and where nobody
    /// has signed in to a page.
    pub(super) async fn identify(&self, path: &str, headers: &HeaderMap) -> Option<Identity> {
        let Some(required) = &self.required else {
            let is_page = self.pages.is_some() && !is_of_the_api(path) && !begins_encoded(path);
            let is_refused =
                self.this_machine_only && !is_page && !is_public(path) && !is_of_this_machine(headers);
            return Some(Identity(match is_refused {
                true => Err(Refusal::AnotherName),
                false => Ok(Caller::anybody()),
            }));
        };
        if is_public(path) {
            return None;
        }
        match &self.pages {
            // The router would decode it, to a path of the API or to a page: nobody is known there.
            Some(_) if begins_encoded(path) => None,
            Some(pages) if !is_of_the_api(path) => pages.visitor(headers).await.identity(),
            Some(_) | None => Some(Identity(required.caller(headers).await)),
        }
    }
}

/// Whether a path is one of the API, whatever answers it: the router decodes no slash.
pub fn is_of_the_api(path: &str) -> bool {
    path == "/v1" || path.starts_with("/v1/")
}

/// Whether the first part of a path has something encoded in it. No page of ours is named so.
fn begins_encoded(path: &str) -> bool {
    path.split('/').nth(1).is_some_and(|part| part.contains('%'))
}

/// No path that begins so is routed to anything else: the router decodes no slash.
fn is_public(path: &str) -> bool {
    let below = |rest: &str| rest.starts_with('/');
    PUBLIC.contains(&path) || path.strip_prefix(super::docs::PATH).is_some_and(below)
}

impl Required {
    async fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        if self
            .gateway
            .as_ref()
            .is_some_and(|gateway| !gateway.sent(headers))
        {
            return Err(Refusal::PastTheGateway);
        }
        match credentials(headers)? {
            Credentials::Token(token) => match &self.tokens {
                Some(tokens) => tokens.caller(token).await,
                None => Err(Refusal::Invalid),
            },
            Credentials::Key(key) => self.keys.as_ref().ok_or(Refusal::Invalid)?.caller(key),
            Credentials::Other => Err(Refusal::Invalid),
            Credentials::Nothing if self.gateway.is_some() => Gateway::named(headers),
            Credentials::Nothing => Err(Refusal::Missing),
        }
    }

    fn look(&self) {
        if let Some(tokens) = &self.tokens {
            tokens.look();
        }
        if let Some(keys) = &self.keys {
            keys.look();
        }
    }
}

fn credentials(headers: &HeaderMap) -> Result<Credentials<'_>, Refusal> {
    const TWICE: &str = "Credentials are sent once: one Authorization or one X-Api-Key.";
    let authorization = one(headers, &header::AUTHORIZATION, TWICE)?;
    let key = one(headers, &X_API_KEY, TWICE)?;
    match (authorization, key) {
        (Some(_), Some(_)) => Err(Refusal::Ambiguous(TWICE)),
        (None, None) => Ok(Credentials::Nothing),
        (None, Some(key)) => Ok(Credentials::Key(key.trim())),
        (Some(authorization), None) => Ok(match authorization.trim().split_once(' ') {
            Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
                Credentials::Token(token.trim())
            }
            _ => Credentials::Other,
        }),
    }
}

/// The value of a header that is there at most once.
fn one<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
    twice: &'static str,
) -> Result<Option<&'a str>, Refusal> {
    let mut lines = headers.get_all(name);
    match (lines.next(), lines.next()) {
        (None, _) => Ok(None),
        (Some(line), None) => line.to_str().map(Some).map_err(|_| Refusal::Invalid),
        (Some(_), Some(_)) => Err(Refusal::Ambiguous(twice)),
    }
}

/// Looks at the files and the age of keys now and then, for as long as a listener needs them.
async fn looked_at(required: std::sync::Weak<Required>) {
    while let Some(required) = required.upgrade() {
        // An error would say that it panicked, or that the runtime ends.
        let _ = tokio::task::spawn_blocking(move || required.look()).await;
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

#[cfg(test)]
mod tests;
