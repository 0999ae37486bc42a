//! Tokens of an issuer: JSON Web Tokens (RFC 7519) by `jsonwebtoken`, held against the best current practices of RFC 8725.
//!
//! **Invariant:** the algorithm is one of the settings' and one that the key itself is for; nothing in a token says where its key
//! is.

use anyhow::Context;
use jsonwebtoken::{Algorithm, Validation, decode, decode_header, errors::ErrorKind};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    at_issuer::{Expected, Issued},
    caller::Caller,
    challenge::Refusal,
    jwks::Jwks,
    scope::Scopes,
};
use crate::{http::listener::MAX_HEADER_BYTES, settings::Auth, wire::MAX_PRINCIPAL_CHARS};

/// What checks tokens.
#[derive(Debug)]
pub(super) struct Tokens {
    jwks: Jwks,
    /// One for each algorithm.
    validations: Vec<(Algorithm, Validation)>,
}

/// The claims that count. An issuer that is a list is none.
#[derive(Deserialize)]
struct Claims {
    sub: String,
    #[serde(rename = "iss")]
    _iss: String,
    scp: Option<Words>,
    scope: Option<Words>,
    roles: Option<Words>,
    #[serde(flatten)]
    person: Person,
}

/// What says who somebody is to whatever client: Entra ID gives another `sub` to each.
#[derive(Deserialize)]
struct Person {
    oid: Option<Value>,
    tid: Option<Value>,
}

/// The claims of an ID token (OpenID Connect Core 1.0, section 2).
#[derive(Deserialize)]
struct IdClaims {
    sub: String,
    aud: Words,
    azp: Option<String>,
    nonce: Option<String>,
    #[serde(flatten)]
    person: Person,
}

impl Person {
    fn is(&self, other: &Self) -> bool {
        let known = |person: &Self| person.oid.is_some() && person.tid.is_some();
        known(self) && self.oid == other.oid && self.tid == other.tid
    }
}

/// Words with blanks between, or a list: issuers differ.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    Text(String),
    List(Vec<String>),
}

impl Words {
    fn each(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Text(text) => Box::new(text.split(' ')),
            Self::List(words) => Box::new(words.iter().map(String::as_str)),
        }
    }
}

impl Tokens {
    /// What the settings say; `None` if they name no issuer.
    ///
    /// # Errors
    /// If they say half of it, or a file cannot be read.
    pub(super) fn open(auth: &Auth) -> anyhow::Result<Option<Self>> {
        if auth.issuer.is_none() && auth.jwks.is_none() {
            return Ok(None);
        }
        let issuer = auth.issuer.as_deref().context(
            "auth.jwks needs auth.issuer, too: the exact value of iss in tokens (CONTATO__AUTH__ISSUER)",
        )?;
        anyhow::ensure!(
            !auth.audience.0.is_empty(),
            "auth.issuer needs auth.audience, too: the value of aud in tokens that are for contato (CONTATO__AUTH__AUDIENCE)"
        );
        let validation = |algorithm: Algorithm| {
            let mut validation = Validation::new(algorithm);
            validation.leeway = auth.leeway.0.as_secs();
            validation.validate_nbf = true;
            validation.set_issuer(&[issuer]);
            validation.set_audience(&auth.audience.0);
            validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
            (algorithm, validation)
        };
        Ok(Some(Self {
            jwks: Jwks::open(auth, issuer)?,
            validations: auth.algorithms.0.iter().copied().map(validation).collect(),
        }))
    }

    /// Whom a token names.
    pub(super) async fn caller(&self, token: &str) -> Result<Caller, Refusal> {
        caller(&self.claims::<Claims>(token, None).await?)
    }

    /// Whom an access token names, if the ID token beside it says that the same person has signed in as expected
    /// (OpenID Connect Core 1.0, section 3.1.3.7).
    pub(super) async fn signed_in(
        &self,
        issued: Issued<'_>,
        expected: Expected<'_>,
    ) -> Result<Caller, Refusal> {
        let access: Claims = self.claims(issued.access_token, None).await?;
        let id: IdClaims = self.claims(issued.id_token, Some(expected.client_id)).await?;
        let nonce = id.nonce.as_deref().unwrap_or_default();
        let is_ours = match &id.azp {
            Some(party) => party == expected.client_id,
            None => id.aud.each().count() == 1,
        };
        let same_person = id.sub == access.sub || id.person.is(&access.person);
        if bool::from(nonce.as_bytes().ct_eq(expected.nonce.as_bytes())) && is_ours && same_person {
            caller(&access)
        } else {
            Err(Refusal::Invalid)
        }
    }

    /// What a token says that is for our audience, or for another.
    async fn claims<T: DeserializeOwned>(&self, token: &str, audience: Option<&str>) -> Result<T, Refusal> {
        if token.len() > MAX_HEADER_BYTES {
            return Err(Refusal::Invalid);
        }
        let header = decode_header(token).map_err(|_| Refusal::Invalid)?;
        let algorithm = header.alg;
        let known = self.validations.iter().find(|(known, _)| *known == algorithm);
        // Nothing that a token could ask to be understood (RFC 7515, section 4.1.11) is understood.
        let (_, validation) = known.filter(|_| header.crit.is_none()).ok_or(Refusal::Invalid)?;
        let key = self.jwks.find(header.kid.as_deref(), algorithm).await?;
        let decoded = match audience {
            None => decode::<T>(token, &key.verifies, validation),
            Some(audience) => {
                let mut validation = validation.clone();
                validation.set_audience(&[audience]);
                decode::<T>(token, &key.verifies, &validation)
            }
        };
        let claims = decoded.map_err(|error| match error.kind() {
            ErrorKind::ExpiredSignature => Refusal::Expired,
            _ => Refusal::Invalid,
        })?;
        Ok(claims.claims)
    }

    /// Notices changes of the keys.
    pub(super) fn look(&self) {
        self.jwks.look();
    }
}

fn caller(claims: &Claims) -> Result<Caller, Refusal> {
    let granted = [&claims.scp, &claims.scope, &claims.roles];
    // A token that grants nothing, not even to others, tells who signed in where: an ID token.
    if granted.iter().all(|words| words.is_none()) || claims.sub.is_empty() {
        return Err(Refusal::Invalid);
    }
    let words = granted.into_iter().flatten().flat_map(Words::each);
    Ok(Caller::new(principal(&claims.sub), Scopes::of_words(words)))
}

/// `token:` and the subject; one that no message could carry, or no log line, is hashed.
fn principal(subject: &str) -> String {
    let principal = format!("token:{subject}");
    if principal.chars().count() <= MAX_PRINCIPAL_CHARS && !subject.chars().any(char::is_control) {
        return principal;
    }
    let hash = Sha256::digest(subject.as_bytes());
    let hex: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("token:sha256:{hex}")
}
