//! Sessions of the console: from the cookie to who has signed in, and back.
//!
//! **Invariant:** SQL has the hash of a cookie alone, and a cookie that was there before somebody signed in is never that of
//! their session.

use actix_web::http::header::HeaderMap;
use async_trait::async_trait;
use chrono::TimeDelta;
use sha2::{Digest, Sha256};
use shared::{
    clock::Clock,
    http::access::{Caller, Scope, SignedIn, Visitor},
    role::Parts,
    runtime::ProcessRuntime,
    settings::ConsoleSettings,
    store::{
        Store, StoreError,
        sessions::{Found, SessionBounds, TokenHash},
    },
};

use super::visit;

/// The sessions.
#[derive(Clone, Debug)]
pub(crate) struct Sessions {
    store: Store,
    clock: Clock,
    bounds: SessionBounds,
    runtime: ProcessRuntime,
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
    pub(crate) fn new(settings: &ConsoleSettings, parts: &Parts) -> Self {
        Self {
            store: parts.store.clone(),
            clock: parts.clock.clone(),
            bounds: bounds(settings),
            runtime: ProcessRuntime::current(),
        }
    }

    /// Begins a session under a new cookie, and ends the one that the browser had.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub(super) async fn open(&self, before: Option<&str>, caller: &Caller) -> Result<String, StoreError> {
        let cookie = visit::new_cookie();
        let token = hash(&cookie);
        let words: Vec<_> = caller.scopes().map(Scope::as_str).collect();
        let (principal, words) = (caller.principal().to_owned(), words.join(" "));
        let (store, now) = (self.store.clone(), self.clock.now());
        let before = before.map(hash);
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
        let (store, token) = (self.store.clone(), hash(cookie));
        self.runtime
            .run(async move { store.close_session(&token).await })
            .await
    }

    async fn look(&self, token: TokenHash, by_person: bool) -> Visitor {
        let now = self.clock.now();
        let session = match self.store.session(&token, &self.bounds, now).await {
            Ok(Found::Session(session)) => session,
            Ok(Found::Ended) => return Visitor::Ended,
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
        let Some(cookie) = visit::cookie(headers) else {
            return Visitor::Nobody;
        };
        let (sessions, token) = (self.clone(), hash(&cookie));
        let by_person = !visit::asks_for_a_part(headers);
        self.runtime
            .run(async move { sessions.look(token, by_person).await })
            .await
    }
}

/// The hash that SQL knows a cookie by.
fn hash(cookie: &str) -> TokenHash {
    Sha256::digest(visit::bytes(cookie).unwrap_or_default()).into()
}
