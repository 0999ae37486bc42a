//! A write as it was received: its headers read, its body in memory, nothing decided yet.

use actix_web::{
    HttpMessage, HttpRequest,
    web::{Bytes, Payload},
};
use shared::{
    domain::IfMatch,
    http::{
        body::{MediaType, read_body},
        edge::RequestNames,
        forwarded,
        json::Members,
        problem::Problem,
        query,
    },
};

use crate::{conditions, idempotency_key::IdempotencyKey, prefer::Prefer};

/// A write as received.
#[derive(Debug)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path, not decoded.
    pub path: String,
    /// The body.
    pub body: Bytes,
    /// The idempotency key, if any.
    pub key: Option<IdempotencyKey>,
    /// `If-Match`, not read; empty if it was not there.
    pub if_match_text: String,
    /// `If-Match`.
    pub if_match: Option<IfMatch>,
    /// What the client would like.
    pub prefer: Prefer,
    /// The W3C trace context.
    pub traceparent: Option<String>,
    /// Where the service is reached, such as `http://localhost:8080`.
    pub origin: String,
}

impl Received {
    /// Reads headers and body.
    ///
    /// # Errors
    /// If any of them is not as the contract has it.
    pub async fn read(request: &HttpRequest, payload: Payload, media: MediaType) -> Result<Self, Problem> {
        query::none(request)?;
        let headers = request.headers();
        let key = IdempotencyKey::read(headers)?;
        let if_match_text = conditions::if_match_as_received(headers);
        let if_match = if_match_text.as_deref().map(conditions::if_match).transpose()?;
        let body = read_body(request, payload, media).await?;
        let traceparent = request
            .extensions()
            .get::<RequestNames>()
            .and_then(|names| names.traceparent().map(str::to_owned));
        Ok(Self {
            method: request.method().to_string(),
            path: request.uri().path().to_owned(),
            body,
            key,
            if_match_text: if_match_text.unwrap_or_default(),
            if_match,
            prefer: prefer(request),
            traceparent,
            origin: forwarded::origin(request),
        })
    }

    /// The members of the body.
    ///
    /// # Errors
    /// `malformed-request`.
    pub fn members(&self) -> Result<Members, Problem> {
        Members::read(&self.body)
    }
}

/// The preferences of a request.
pub fn prefer(request: &HttpRequest) -> Prefer {
    Prefer::read(request.headers().get_all("prefer"))
}
