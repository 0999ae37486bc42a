//! Signing in at the issuer of tokens, as far as it is about tokens: what came of it is held against the rules of the API.

use std::sync::Arc;

use super::{
    caller::Caller,
    challenge::Refusal,
    discovery::{self, Discovery, Endpoints},
    jwt::Tokens,
};

/// The issuer of tokens, as whoever lets people sign in there needs it. What it does is done on the runtime of whoever asks.
#[derive(Clone, Debug)]
pub struct AtIssuer {
    issuer: Arc<str>,
    tokens: Arc<Tokens>,
    discovery: Arc<Discovery>,
}

/// What an issuer gives for a code.
#[derive(Clone, Copy)]
pub struct Issued<'a> {
    /// What says what its bearer may do.
    pub access_token: &'a str,
    /// What says who has signed in, where and for whom.
    pub id_token: &'a str,
}

/// What the ID token has to be for.
#[derive(Clone, Copy)]
pub struct Expected<'a> {
    /// The client that people were sent to the issuer by.
    pub client_id: &'a str,
    /// What they were sent with.
    pub nonce: &'a str,
}

/// Why nobody has signed in by what an issuer gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSignedIn {
    /// A token does not hold, or they are not of one person.
    #[error("a token does not hold")]
    Invalid,
    /// The issuer's keys could not be had yet.
    #[error("the issuer's keys could not be had yet")]
    KeysUnavailable,
}

impl From<Refusal> for NotSignedIn {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::KeysUnavailable => Self::KeysUnavailable,
            Refusal::Missing
            | Refusal::Invalid
            | Refusal::Expired
            | Refusal::PastTheGateway
            | Refusal::AnotherName
            | Refusal::Ambiguous(_)
            | Refusal::SessionEnded
            | Refusal::SessionUnsure => Self::Invalid,
        }
    }
}

impl AtIssuer {
    pub(super) fn new(issuer: &str, tokens: Arc<Tokens>) -> anyhow::Result<Self> {
        Ok(Self {
            issuer: issuer.into(),
            tokens,
            discovery: Arc::new(Discovery::new(issuer)?),
        })
    }

    /// The issuer, as its tokens have it.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where people sign in; `None` if the issuer has not told it yet.
    pub async fn endpoints(&self) -> Option<Arc<Endpoints>> {
        self.discovery.endpoints().await
    }

    /// Sends the issuer a request, follows nothing and reads at most `MAX_DOCUMENT_BYTES`.
    ///
    /// # Errors
    /// If it is not answered in time.
    pub async fn send(
        &self,
        request: reqwest::Request,
    ) -> anyhow::Result<(reqwest::StatusCode, reqwest::header::HeaderMap, Vec<u8>)> {
        let response = self.discovery.client().execute(request).await?;
        let (status, headers) = (response.status(), response.headers().clone());
        Ok((status, headers, discovery::body(response).await?))
    }

    /// Who has signed in: the access token says who and what they may do, by the rules of the API, and the ID token that it
    /// was here and now.
    ///
    /// # Errors
    /// If one of them does not hold.
    pub async fn caller(&self, issued: Issued<'_>, expected: Expected<'_>) -> Result<Caller, NotSignedIn> {
        Ok(self.tokens.signed_in(issued, expected).await?)
    }
}
