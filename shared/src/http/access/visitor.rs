//! Who is at a page. Pages are for people, who sign in and then come with a cookie; the API is for programs.

use actix_web::{HttpMessage, HttpRequest, http::header::HeaderMap};
use async_trait::async_trait;

use super::{
    caller::{Caller, Identity},
    challenge::Refusal,
};

/// Who is at a page.
#[derive(Clone, Debug)]
pub enum Visitor {
    /// Nobody who has signed in.
    Nobody,
    /// Somebody who has.
    Known(Caller),
    /// Somebody who had, and has to do so again.
    Ended,
    /// That cannot be told now.
    Unsure,
}

/// Who has signed in on the pages of a listener.
#[async_trait]
pub trait SignedIn: std::fmt::Debug + Send + Sync {
    /// Whom the headers of a request belong to.
    async fn visitor(&self, headers: &HeaderMap) -> Visitor;
}

impl Visitor {
    /// Who sends a request, as the listener found.
    pub fn of(request: &HttpRequest) -> Self {
        match request.extensions().get::<Identity>() {
            Some(Identity(Ok(caller))) => Self::Known(caller.clone()),
            Some(Identity(Err(Refusal::SessionEnded))) => Self::Ended,
            Some(Identity(Err(Refusal::SessionUnsure))) => Self::Unsure,
            Some(Identity(Err(_))) | None => Self::Nobody,
        }
    }

    pub(super) fn identity(self) -> Option<Identity> {
        match self {
            Self::Nobody => None,
            Self::Known(caller) => Some(Identity(Ok(caller))),
            Self::Ended => Some(Identity(Err(Refusal::SessionEnded))),
            Self::Unsure => Some(Identity(Err(Refusal::SessionUnsure))),
        }
    }
}
