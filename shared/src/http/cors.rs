//! Which pages of other origins may call from a browser (CORS, Fetch standard, section 3.3), by `actix-cors`.
//!
//! **Invariant:** only origins that the settings name, never `*`, never with cookies. Without a named origin no answer has a
//! CORS field, and `OPTIONS` is a method that no resource has.

use actix_cors::{Cors, CorsError};
use actix_web::middleware::Condition;

use super::problem::{Code, Problem};
use crate::settings::Origins;

/// How long a browser may keep what a preflight said, in seconds: two hours, the most that browsers take.
pub const MAX_AGE_SECONDS: usize = 7200;

/// The methods that routes have.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
/// The request fields that a page may set.
const REQUEST_FIELDS: [&str; 11] = [
    "content-type",
    "accept",
    "authorization",
    "x-api-key",
    "idempotency-key",
    "if-match",
    "if-none-match",
    "prefer",
    "traceparent",
    "tracestate",
    "x-request-id",
];
/// The response fields that a page may read.
const RESPONSE_FIELDS: [&str; 12] = [
    "location",
    "operation-location",
    "etag",
    "link",
    "preference-applied",
    "ratelimit",
    "ratelimit-policy",
    "retry-after",
    "x-request-id",
    "accept-patch",
    "allow",
    "www-authenticate",
];

/// The middleware for these origins.
pub fn middleware(origins: &Origins) -> Condition<Cors> {
    let mut cors = Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(REQUEST_FIELDS)
        .expose_headers(RESPONSE_FIELDS)
        .max_age(MAX_AGE_SECONDS);
    for origin in &origins.0 {
        cors = cors.allowed_origin(origin);
    }
    Condition::new(!origins.0.is_empty(), cors)
}

/// A preflight that was refused, as a problem.
pub fn refusal(error: &CorsError) -> Problem {
    let detail = match error {
        CorsError::OriginNotAllowed => "Pages of this origin may not call the service.",
        CorsError::MethodNotAllowed => "Pages may not use the method that the preflight asks for.",
        CorsError::HeadersNotAllowed => "Pages may not set a field that the preflight asks for.",
        _ => return Problem::malformed("The preflight cannot be read."),
    };
    Problem::new(Code::Forbidden, detail)
}
