//! The headers of answers. Those that every answer carries stand once, among the components.

use serde_json::{Value, json};
use utoipa::{
    PartialSchema,
    openapi::{Header, Ref, ResponseBuilder, header::HeaderBuilder},
};

use super::schema::{SecondsNumber, text};
use crate::{
    http::{cursor, edge::MAX_REQUEST_ID_CHARS, listener::MAX_URI_BYTES},
    schema_types,
};

/// The longest value of a header that the document allows; the whole section has a bound of its own.
pub const HEADER_VALUE_MAX_CHARS: usize = 1024;

/// The longest field of the rate limit, in characters.
const RATE_LIMIT_MAX_CHARS: usize = 100;
/// The longest `Link`, in characters: two targets, each with a cursor.
const LINK_MAX_CHARS: usize = 2 * (MAX_URI_BYTES + cursor::MAX_CHARS);
/// The longest `WWW-Authenticate`, in characters.
const CHALLENGE_MAX_CHARS: usize = 200;
/// The longest origin of a page, in characters.
const ORIGIN_MAX_CHARS: usize = 300;

/// The names of the headers of every answer.
const EVERYWHERE: [&str; 4] = [
    "RateLimit",
    "RateLimit-Policy",
    "X-Request-Id",
    "Access-Control-Allow-Origin",
];

/// The headers that an answer may do without, whatever its status.
const OPTIONAL: [&str; 5] = [
    "Access-Control-Allow-Origin",
    "Link",
    "Preference-Applied",
    "Retry-After",
    "Vary",
];

schema_types! {
    RateLimitText = text(1, RATE_LIMIT_MAX_CHARS).pattern(Some(r#"^"default";r=\d+;t=\d+$"#));
    RateLimitPolicyText = text(1, RATE_LIMIT_MAX_CHARS).pattern(Some(r#"^"default";q=\d+;w=\d+$"#));
    RequestIdText = text(1, MAX_REQUEST_ID_CHARS).pattern(Some("^[A-Za-z0-9._-]+$"));
    LinkText = text(1, LINK_MAX_CHARS)
        .pattern(Some(r#"^</v1/[^>]+>; rel="(next|prev)"(, </v1/[^>]+>; rel="prev")?$"#));
    ChallengeText = text(1, CHALLENGE_MAX_CHARS).pattern(Some(r#"^[A-Za-z]+ realm="contato""#));
    OriginText = text(1, ORIGIN_MAX_CHARS).pattern(Some("^https?://[^/]+$"));
}

/// A header of an answer: its schema and a sentence.
pub fn header_of<T: PartialSchema>(description: &str) -> Header {
    HeaderBuilder::new()
        .schema(Some(T::schema()))
        .description(Some(description))
        .build()
}

/// `Link`.
pub fn link() -> (&'static str, Header) {
    (
        "Link",
        header_of::<LinkText>("The neighbouring pages (RFC 8288), where there are any."),
    )
}

/// The headers that many answers carry, by name.
pub(super) fn components() -> [(&'static str, Header); 6] {
    [
        (
            "RateLimit",
            header_of::<RateLimitText>(
                "How many requests are left (r) and the seconds until the quota is whole again (t): draft-ietf-httpapi-ratelimit-headers.",
            ),
        ),
        (
            "RateLimit-Policy",
            header_of::<RateLimitPolicyText>("The quota: so many requests (q) in so many seconds (w)."),
        ),
        (
            "X-Request-Id",
            header_of::<RequestIdText>("The name of the request: the client's, if it sent a usable one."),
        ),
        (
            "Access-Control-Allow-Origin",
            header_of::<OriginText>("For a page of an origin that `http.corsOrigins` lists."),
        ),
        (
            "WWW-Authenticate",
            header_of::<ChallengeText>("What credentials the service takes (RFC 6750, section 3)."),
        ),
        (
            "Retry-After",
            header_of::<SecondsNumber>("The seconds to wait before the next try."),
        ),
    ]
}

/// With what every answer carries.
pub(super) fn everywhere(response: ResponseBuilder) -> ResponseBuilder {
    EVERYWHERE.into_iter().fold(response, |response, name| {
        response.header_ref(name, reference(name))
    })
}

/// A reference to one of [`components`].
pub(super) fn reference(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// Says of the headers that they are always there, unless they are optional: the types of `utoipa` cannot.
pub(super) fn require(document: &mut Value) {
    match document {
        Value::Object(members) => {
            if let Some(Value::Object(headers)) = members.get_mut("headers") {
                for (name, header) in headers.iter_mut() {
                    let is_reference = header.get("$ref").is_some();
                    if !is_reference && !OPTIONAL.contains(&name.as_str()) {
                        header["required"] = json!(true);
                    }
                }
            }
            members.values_mut().for_each(require);
        }
        Value::Array(elements) => elements.iter_mut().for_each(require),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
