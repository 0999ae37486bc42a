//! API keys: `contato_{id}_{secret}`, and the document that knows them by their hashes.
//!
//! A secret has 256 random bits, so that a plain hash of it tells nothing and costs nothing.
//!
//! **Invariant:** the document has no secret.

use std::{collections::HashMap, fmt, path::Path};

use anyhow::{Context, ensure};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::{
    caller::Caller,
    challenge::Refusal,
    scope::{Scope, Scopes},
    watched::Watched,
};

/// What every key begins with, so that scanners of sources find one that went astray.
const PREFIX: &str = "contato_";
const HASH_PREFIX: &str = "sha256:";
/// The longest name of a key, in characters.
pub const NAME_MAX_CHARS: usize = 100;

/// The hash of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret.as_bytes()).into())
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(..)")
    }
}

impl Serialize for SecretHash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let hex: String = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_str(&format!("{HASH_PREFIX}{hex}"))
    }
}

impl<'de> Deserialize<'de> for SecretHash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = text.strip_prefix(HASH_PREFIX).and_then(from_hex);
        bytes
            .map(Self)
            .ok_or_else(|| D::Error::custom("a hash is sha256: and 64 hexadecimal digits"))
    }
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 2 * bytes.len() || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// A key as the document has it. A member that is not known is an error: what was meant to end a key must not be overlooked.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyEntry {
    /// Its name in requests.
    pub id: String,
    /// What its owner calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The hash of its secret.
    pub hash: SecretHash,
    /// What it may do; words of later versions are ignored.
    pub scopes: Vec<String>,
    /// When it was made.
    pub created_at: DateTime<Utc>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<DateTime<Utc>>,
    /// When somebody ended it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<DateTime<Utc>>,
}

/// The document of all keys.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyDocument {
    /// The keys.
    pub keys: Vec<KeyEntry>,
}

impl KeyDocument {
    /// Reads a document.
    ///
    /// # Errors
    /// If it is none, or two keys have one id.
    pub fn parse(document: &[u8]) -> anyhow::Result<Self> {
        let document: Self = serde_json::from_slice(document).context("no document of keys")?;
        let mut ids: Vec<_> = document.keys.iter().map(|key| &key.id).collect();
        ids.sort_unstable();
        ids.dedup();
        ensure!(ids.len() == document.keys.len(), "two keys have one id");
        Ok(document)
    }

    /// Makes a key; gives its entry and what its owner sends, which is known to nobody afterwards.
    pub fn add(
        &mut self,
        name: Option<String>,
        scopes: &[Scope],
        now: DateTime<Utc>,
        expires_at: Option<DateTime<Utc>>,
    ) -> (KeyEntry, String) {
        let id = loop {
            let id = format!("{:08x}", rand::random::<u32>());
            if self.keys.iter().all(|key| key.id != id) {
                break id;
            }
        };
        let secret = URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>());
        let entry = KeyEntry {
            name,
            hash: SecretHash::of(&secret),
            scopes: scopes.iter().map(|scope| scope.as_str().to_owned()).collect(),
            created_at: now,
            expires_at,
            revoked_at: None,
            id: id.clone(),
        };
        self.keys.push(entry.clone());
        (entry, format!("{PREFIX}{id}_{secret}"))
    }
}

/// The keys by their ids.
#[derive(Debug)]
struct KeyTable(HashMap<String, KeyEntry>);

impl KeyTable {
    fn parse(document: &[u8]) -> anyhow::Result<Self> {
        let keys = KeyDocument::parse(document)?.keys;
        Ok(Self(keys.into_iter().map(|key| (key.id.clone(), key)).collect()))
    }

    fn caller(&self, text: &str, now: DateTime<Utc>) -> Result<Caller, Refusal> {
        let parts = text.strip_prefix(PREFIX).and_then(|rest| rest.split_once('_'));
        let (id, secret) = parts.ok_or(Refusal::Invalid)?;
        let key = self.0.get(id).ok_or(Refusal::Invalid)?;
        let same: bool = key.hash.0.ct_eq(&SecretHash::of(secret).0).into();
        if !same || key.revoked_at.is_some() {
            return Err(Refusal::Invalid);
        }
        if key.expires_at.is_some_and(|end| end <= now) {
            return Err(Refusal::Expired);
        }
        let scopes = Scopes::of_words(key.scopes.iter().map(String::as_str));
        Ok(Caller::new(format!("key:{id}"), scopes))
    }
}

/// What checks keys.
#[derive(Debug)]
pub(super) struct Keys(Watched<KeyTable>);

impl Keys {
    /// Reads the document.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let file = Watched::open(path, KeyTable::parse).with_context(|| {
            let path = path.display();
            format!("auth.apiKeys cannot be used (make the file with: contato key create --file {path} --scope contacts.read)")
        })?;
        Ok(Self(file))
    }

    /// Whose key it is.
    pub(super) fn caller(&self, text: &str) -> Result<Caller, Refusal> {
        self.0.said().caller(text, Utc::now())
    }

    /// Notices changes of the document.
    pub(super) fn look(&self) {
        self.0.look();
    }
}

#[cfg(test)]
mod tests {
    use chrono::Duration;

    use super::*;

    #[test]
    fn a_key_is_known_until_it_ends() {
        let now = Utc::now();
        let mut document = KeyDocument::default();
        let end = now + Duration::days(1);
        let (entry, key) = document.add(None, &[Scope::ContactsRead], now, Some(end));
        let (other, other_key) = document.add(Some("another".to_owned()), &Scope::ALL, now, None);
        let of = |document: &KeyDocument| KeyTable::parse(&serde_json::to_vec(document).unwrap()).unwrap();
        let table = of(&document);
        let ana = table.caller(&key, now).unwrap();
        assert_eq!(ana.principal(), format!("key:{}", entry.id));
        assert!(ana.may(Scope::ContactsRead) && !ana.may(Scope::ContactsWrite));
        assert_eq!(table.caller(&key, end).unwrap_err(), Refusal::Expired);
        let longer = format!("{key}A");
        let secret = other_key.rsplit_once('_').unwrap().1;
        let of_another = format!("{PREFIX}{}_{secret}", entry.id);
        for text in [
            "",
            "contato",
            "contato_",
            &entry.id,
            &key[..key.len() - 1],
            &longer,
            &of_another,
        ] {
            assert_eq!(table.caller(text, now).unwrap_err(), Refusal::Invalid, "{text}");
        }
        document.keys[1].revoked_at = Some(now);
        assert_eq!(
            of(&document).caller(&other_key, now).unwrap_err(),
            Refusal::Invalid
        );
        let written = serde_json::to_string(&document).unwrap();
        assert!(
            !written.contains(secret) && written.contains(&other.id),
            "{written}"
        );
    }

    #[test]
    fn documents_with_what_is_not_known_are_refused() {
        let hash = format!("sha256:{}", "0a".repeat(32));
        let key = |more: &str| {
            format!(
                r#"{{"id":"a","hash":"{hash}","scopes":["contacts.read","later"],"createdAt":"2026-01-01T00:00:00Z"{more}}}"#
            )
        };
        let document = |keys: &str| format!("{{\"keys\":[{keys}]}}");
        let twice = format!("{},{}", key(""), key(""));
        for (text, good) in [
            (document(&key("")), true),
            (document(&key(r#","expiresAt":"2026-01-01T00:00:00Z""#)), true),
            (document(&key(r#","expireAt":"2026-01-01T00:00:00Z""#)), false),
            (document(&key("").replace("sha256:0a", "sha256:0")), false),
            (document(&key("").replace("sha256:", "sha1:")), false),
            (document(&twice), false),
            ("[]".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(KeyDocument::parse(text.as_bytes()).is_ok(), good, "{text}");
        }
    }
}
