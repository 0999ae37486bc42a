//! The gateway in front of producer-api, such as Azure API Management: what it says of callers is believed, since it knows a
//! secret.
//!
//! **Invariant:** without the secret nothing that a gateway could say is read.

use actix_web::http::header::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use super::{caller::Caller, challenge::Refusal, one, scope::Scopes};
use crate::settings::Secret;

const GATEWAY_KEY: HeaderName = HeaderName::from_static("x-contato-gateway-key");
const PRINCIPAL: HeaderName = HeaderName::from_static("x-contato-principal");
const SCOPES: HeaderName = HeaderName::from_static("x-contato-scopes");

/// The longest principal that a gateway names, in characters.
pub const MAX_PRINCIPAL_CHARS: usize = 200;

/// What shows a gateway: hashes of its secrets, more than one while they are replaced.
#[derive(Debug)]
pub(super) struct Gateway(Vec<[u8; 32]>);

impl Gateway {
    pub(super) fn new(keys: &Secret) -> Self {
        Self(keys.listed().map(digest).collect())
    }

    /// Whether the request came by way of the gateway.
    pub(super) fn sent(&self, headers: &HeaderMap) -> bool {
        let Ok(Some(key)) = one(headers, &GATEWAY_KEY, "") else {
            return false;
        };
        let sent = digest(key);
        let equal = |known: &[u8; 32]| known.ct_eq(&sent);
        let found = self
            .0
            .iter()
            .map(equal)
            .fold(Choice::from(0), |any, equal| any | equal);
        found.into()
    }

    /// Whom the gateway names, if anybody.
    pub(super) fn named(headers: &HeaderMap) -> Result<Caller, Refusal> {
        const TWICE: &str = "X-Contato-Principal and X-Contato-Scopes are sent once each.";
        const MALFORMED: &str = "X-Contato-Principal has 1 to 200 visible characters of ASCII.";
        let scopes = one(headers, &SCOPES, TWICE)?.unwrap_or_default();
        let principal = one(headers, &PRINCIPAL, TWICE)?.ok_or(Refusal::Missing)?;
        let visible = principal.bytes().all(|byte| byte.is_ascii_graphic());
        if !visible || !(1..=MAX_PRINCIPAL_CHARS).contains(&principal.len()) {
            return Err(Refusal::Ambiguous(MALFORMED));
        }
        let scopes = Scopes::of_words(scopes.split(' '));
        Ok(Caller::new(format!("gateway:{principal}"), scopes))
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
