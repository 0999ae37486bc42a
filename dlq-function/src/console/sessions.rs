//! Sessions of the console: from the cookie to who has signed in, and back.
//!
//! A cookie of a session is random for the most part; the rest follows from that under a key of ours, so that SQL is not asked
//! for what anybody makes up, or for readers who have not signed in.
//!
//! **Invariant:** SQL has the hash of a cookie alone, a cookie that was there before somebody signed in is never that of their
//! session, and whoever is no longer on the list of operators as they were is out.

use actix_web::http::header::HeaderMap;
use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use chrono::TimeDelta;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use shared::{
    clock::Clock,
    domain::IdKey,
    http::access::{Caller, Scope, SignedIn, Visitor},
    role::Parts,
    runtime::ProcessRuntime,
    settings::ConsoleSettings,
    store::{
        Store, StoreError,
        sessions::{Found, Session, SessionBounds, TokenHash},
    },
};

use super::{
    operators::{self, Operators},
    visit,
};

/// How much of a cookie is random, in bytes.
const RANDOM_BYTES: usize = 24;

/// The sessions.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    store: Store,
    clock: Clock,
    bounds: SessionBounds,
    runtime: ProcessRuntime,
    ids: IdKey,
    operators: Option<Operators>,
}

/// When sessions end, by the settings.
pub(crate) fn bounds(settings: &ConsoleSettings) -> SessionBounds {
    let span = |span| TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    SessionBounds {
        idle: span(settings.idle.0),
        longest: span(settings.longest.0),
    }
}

impl Sessions {
    pub(super) fn new(settings: &ConsoleSettings, parts: &Parts, operators: Option<Operators>) -> Self {
        Self {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            bounds: bounds(settings),
            runtime: ProcessRuntime::current(),
            ids: parts.id_key.clone(),
            operators,
        }
    }

    /// Begins a session under a new cookie, and ends the one that the browser had.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub(super) async fn open(&self, before: Option<&str>, caller: &Caller) -> Result<String, StoreError> {
        let bytes = new_cookie(&self.ids);
        let cookie = BASE64.encode(bytes);
        let token = hash(&bytes);
        let principal = caller.principal().to_owned();
        let scopes = caller.scopes().map(|scope| scope.as_str());
        let words: Vec<&str> = scopes.chain(self.mark(&principal)).collect();
        let words = words.join(" ");
        let (store, now) = (self.store.clone(), self.clock.now());
        let before = before.and_then(visit::bytes).map(|bytes| hash(&bytes));
        let open = async move {
            store.open_session(&token, &principal, &words, now).await?;
            match before {
                Some(before) => store.close_session(&before).await,
                None => Ok(()),
            }
        };
        self.runtime.run(open).await?;
        Ok(cookie)
    }

    /// Ends the session of a cookie, if it has one.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub(super) async fn close(&self, cookie: &str) -> Result<(), StoreError> {
        let Some(bytes) = visit::bytes(cookie) else {
            return Ok(());
        };
        let (store, token) = (self.store.clone(), hash(&bytes));
        self.runtime
            .run(async move { store.close_session(&token).await })
            .await
    }

    /// What the line of an operator was when they signed in stands beside their scopes, and is none.
    fn mark(&self, principal: &str) -> Option<&str> {
        self.operators.as_ref()?.mark(principal)
    }

    /// Whether somebody may still be who they signed in as.
    fn stands(&self, session: &Session) -> bool {
        if !session.principal.starts_with(operators::PRINCIPAL) {
            return true;
        }
        let mark = self.mark(&session.principal);
        mark.is_some_and(|mark| session.scopes.split(' ').any(|word| word == mark))
    }

    async fn look(&self, token: TokenHash, by_person: bool) -> Visitor {
        let now = self.clock.now();
        let session = match self.store.session(&token, &self.bounds, now).await {
            Ok(Found::Session(session)) if self.stands(&session) => session,
            Ok(Found::Session(_) | Found::Ended) => return Visitor::Ended,
            Ok(Found::Nothing) => return Visitor::Nobody,
            Err(error) => {
                tracing::warn!(
                    error.kind = error.kind(),
                    error.code = error.code(),
                    "it cannot be told who has signed in"
                );
                return Visitor::Unsure;
            }
        };
        if by_person && session.is_to_touch(now) {
            // It goes on all the same; the next request tries again.
            if let Err(error) = self.store.touch_session(&token, now).await {
                tracing::info!(error.kind = error.kind(), "a session could not be noted to go on");
            }
        }
        let scopes = session.scopes.split(' ').filter_map(Scope::from_word);
        Visitor::Known(Caller::signed_in(&session.principal, scopes))
    }
}

#[async_trait]
impl SignedIn for Sessions {
    async fn visitor(&self, headers: &HeaderMap) -> Visitor {
        let bytes = visit::cookie(headers).and_then(|cookie| visit::bytes(&cookie));
        let Some(bytes) = bytes.filter(|bytes| is_of_a_session(&self.ids, bytes)) else {
            return Visitor::Nobody;
        };
        let (sessions, token) = (self.clone(), hash(&bytes));
        let by_person = !visit::asks_for_a_part(headers);
        self.runtime
            .run(async move { sessions.look(token, by_person).await })
            .await
    }
}

/// The hash that SQL knows a cookie by.
fn hash(bytes: &[u8; 32]) -> TokenHash {
    Sha256::digest(bytes).into()
}

/// A cookie of a new session.
fn new_cookie(ids: &IdKey) -> [u8; 32] {
    let mut bytes: [u8; 32] = rand::random();
    let (random, rest) = bytes.split_at_mut(RANDOM_BYTES);
    let tag = made_by_us(ids, random).finalize().into_bytes();
    rest.copy_from_slice(&tag[..rest.len()]);
    bytes
}

/// Whether a cookie was made for a session here.
fn is_of_a_session(ids: &IdKey, bytes: &[u8; 32]) -> bool {
    let (random, rest) = bytes.split_at(RANDOM_BYTES);
    made_by_us(ids, random).verify_truncated_left(rest).is_ok()
}

fn made_by_us(ids: &IdKey, random: &[u8]) -> Hmac<Sha256> {
    let key = ids.derived_key("console session 1");
    let mut mac = Hmac::new_from_slice(&key).expect("a key of any length will do");
    mac.update(random);
    mac
}
