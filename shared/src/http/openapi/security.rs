//! Who may use an operation, in the description of an API: the ways to say who one is, and the scopes that an operation needs.
//!
//! OpenAPI 3.1 lets any scheme have scopes; alternatives are told as requirements of which one has to hold.

use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};

use super::Needed;
use crate::http::{
    access::{Scope, X_API_KEY},
    problem::Code,
};

const TOKEN: &str = "token";
const KEY: &str = "key";

/// What an operation that needs a scope may refuse with, too.
pub(super) const PROBLEMS: [Code; 3] = [Code::Unauthenticated, Code::Forbidden, Code::KeysUnavailable];

/// The ways to say who one is.
pub(super) fn schemes() -> [(&'static str, SecurityScheme); 2] {
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .description(Some(
            "An access token of the issuer that the installation names, held against the best current practices (RFC8725). Its scopes stand in `scp`, `scope` or `roles`.",
        ));
    let key = ApiKeyValue::with_description("X-Api-Key", "A key that `contato key create` has made.");
    debug_assert!(key.name.eq_ignore_ascii_case(X_API_KEY.as_str()));
    [
        (TOKEN, SecurityScheme::Http(token.build())),
        (KEY, SecurityScheme::ApiKey(ApiKey::Header(key))),
    ]
}

/// One for each way, and for each scope where one is enough; none for an operation that is for everybody.
pub(super) fn requirements(needed: Needed) -> Vec<SecurityRequirement> {
    let either = |scopes: &[Scope]| {
        let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        [TOKEN, KEY].map(|way| SecurityRequirement::new(way, words.clone()))
    };
    match needed {
        Needed::OneOf(scopes) => scopes.chunks(1).flat_map(either).collect(),
        Needed::All(scopes) => either(scopes).to_vec(),
    }
}
