//! The console as a client of the issuer: the authorization code flow (OpenID Connect Core 1.0, section 3.1) with PKCE (RFC 7636),
//! by `oauth2`.
//!
//! **Invariant:** people are sent to the issuer's authorization endpoint only, and whom its tokens name is for
//! [`AtIssuer::caller`] to say.

use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet, EndpointSet,
    ExtraTokenFields, PkceCodeChallenge, PkceCodeVerifier, RedirectUrl, RequestTokenError,
    Scope as WantedScope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{
        BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType,
    },
};
use serde::{Deserialize, Serialize};
use shared::{
    http::access::{AtIssuer, Caller, Endpoints, Expected, Issued, NotSignedIn},
    settings::Secret,
};

use super::pages::SIGN_IN_CALLBACK;

/// The client.
#[derive(Debug)]
pub(crate) struct Client {
    pub(super) at: AtIssuer,
    pub(super) id: String,
    pub(super) secret: Option<Secret>,
    /// What is asked for, words with blanks between.
    pub(super) scope: String,
    /// Where people reach the console.
    pub(super) public_url: String,
}

/// What has to be there again when somebody comes back.
#[derive(Serialize, Deserialize)]
pub(crate) struct Begun {
    pub(crate) state: String,
    nonce: String,
    verifier: String,
    /// Where they wanted to go.
    pub(crate) back: String,
    /// Until when they may come back, in milliseconds since 1970.
    pub(crate) until_ms: u64,
}

/// Why nobody has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The issuer does not answer.
    Unreachable,
    /// The issuer does not take the code, or what it gave for it does not hold.
    Refused(&'static str),
}

/// What comes with an access token.
#[derive(Debug, Serialize, Deserialize)]
struct WithIdToken {
    id_token: Option<String>,
}

impl ExtraTokenFields for WithIdToken {}

type Answer = StandardTokenResponse<WithIdToken, BasicTokenType>;

type Flow = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

#[derive(Debug, thiserror::Error)]
#[error("the issuer cannot be asked")]
struct Unsent;

impl Client {
    /// Begins: where to send somebody who wants to go to `back` then. To be called on the process's runtime.
    ///
    /// # Errors
    /// If the issuer has not told where that is.
    pub(crate) async fn begin(&self, back: &str, until_ms: u64) -> Result<(String, Begun), Fault> {
        let endpoints = self.at.endpoints().await.ok_or(Fault::Unreachable)?;
        let (challenge, verifier) = PkceCodeChallenge::new_random_sha256();
        let nonce = CsrfToken::new_random().into_secret();
        let wanted = self.scope.split(' ').filter(|word| !word.is_empty());
        let (place, state) = self
            .flow(&endpoints)?
            .authorize_url(CsrfToken::new_random)
            .add_scopes(wanted.map(|word| WantedScope::new(word.to_owned())))
            .add_extra_param("nonce", &nonce)
            .set_pkce_challenge(challenge)
            .url();
        let begun = Begun {
            state: state.into_secret(),
            nonce,
            verifier: verifier.into_secret(),
            back: back.to_owned(),
            until_ms,
        };
        Ok((place.into(), begun))
    }

    /// Finishes: who has come back with a code. To be called on the process's runtime.
    ///
    /// # Errors
    /// If the issuer does not answer, or nobody has signed in.
    pub(crate) async fn finish(&self, begun: Begun, code: String) -> Result<Caller, Fault> {
        let endpoints = self.at.endpoints().await.ok_or(Fault::Unreachable)?;
        let at = self.at.clone();
        let send = move |request| send(at.clone(), request);
        let flow = self.flow(&endpoints)?;
        let answer = flow
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(PkceCodeVerifier::new(begun.verifier))
            .request_async(&send)
            .await;
        let answer = answer.map_err(|error| match error {
            RequestTokenError::Request(Unsent) => Fault::Unreachable,
            RequestTokenError::ServerResponse(_) => Fault::Refused("the issuer does not take the code"),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => {
                Fault::Refused("the issuer's answer cannot be read")
            }
        })?;
        let id_token = answer.extra_fields().id_token.as_deref();
        let issued = Issued {
            access_token: answer.access_token().secret(),
            id_token: id_token.ok_or(Fault::Refused("the issuer gave no ID token"))?,
        };
        let expected = Expected {
            client_id: &self.id,
            nonce: &begun.nonce,
        };
        self.at
            .caller(issued, expected)
            .await
            .map_err(|error| match error {
                NotSignedIn::KeysUnavailable => Fault::Unreachable,
                NotSignedIn::Invalid => Fault::Refused("a token of the issuer does not hold"),
            })
    }

    /// Where somebody signs out at the issuer, if it tells that (OpenID Connect RP-Initiated Logout 1.0). To be called on the
    /// process's runtime.
    pub(crate) async fn sign_out_place(&self) -> Option<String> {
        let place = self.at.endpoints().await?.end_session.clone()?;
        let mut place = reqwest::Url::parse(&place).ok()?;
        place.query_pairs_mut().append_pair("client_id", &self.id);
        Some(place.into())
    }

    fn flow(&self, endpoints: &Endpoints) -> Result<Flow, Fault> {
        let redirect = format!("{}{SIGN_IN_CALLBACK}", self.public_url.trim_end_matches('/'));
        // They were looked at when they were read; what is wrong with one yet is the issuer's.
        let url = |_| Fault::Unreachable;
        let flow = oauth2::Client::new(ClientId::new(self.id.clone()))
            .set_auth_uri(AuthUrl::new(endpoints.authorization.clone()).map_err(url)?)
            .set_token_uri(TokenUrl::new(endpoints.token.clone()).map_err(url)?)
            .set_redirect_uri(RedirectUrl::new(redirect).map_err(url)?);
        Ok(match &self.secret {
            Some(secret) => flow.set_client_secret(ClientSecret::new(secret.expose().to_owned())),
            None => flow,
        })
    }
}

async fn send(at: AtIssuer, request: oauth2::HttpRequest) -> Result<oauth2::HttpResponse, Unsent> {
    let request = reqwest::Request::try_from(request).map_err(|_| Unsent)?;
    let (status, headers, body) = at.send(request).await.map_err(|error| {
        tracing::warn!(
            error = format!("{error:#}"),
            "the issuer cannot be asked for tokens"
        );
        Unsent
    })?;
    let mut response = oauth2::HttpResponse::new(body);
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}
