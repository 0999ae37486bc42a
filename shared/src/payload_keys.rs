//! The keys under which the payloads of dead letters are kept: AES-256-GCM (NIST SP 800-38D), each payload under a random
//! nonce of 96 bits and bound to its dead letter, so that a payload moved to another row cannot be read.
//!
//! The first key encrypts, all of them decrypt: a key is replaced by putting a new one before it, and taken away once nothing
//! is kept under it any more. One key is good for 2^32 payloads.

use std::{fmt, sync::Arc};

use aes_gcm::{
    Aes256Gcm, Nonce,
    aead::{Aead, KeyInit, Payload as Sealing},
};
use uuid::Uuid;

use crate::wire::Payload;

/// How many bytes a key has.
const KEY_BYTES: usize = 32;
/// How many bytes a nonce has, which goes before the ciphertext.
const NONCE_BYTES: usize = 12;
/// The longest id of a key, in characters.
const ID_MAX_CHARS: usize = 32;
/// The most keys: the one in use, and those that older payloads are kept under.
const KEYS_MAX: usize = 8;

/// The keys, in the order in which they were given.
#[derive(Clone)]
pub struct PayloadKeys(Arc<[Key]>);

struct Key {
    id: String,
    cipher: Aes256Gcm,
}

/// A payload as SQL keeps it.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedPayload {
    /// The id of the key; `None` for what an older version stored plainly.
    pub key: Option<String>,
    /// Nonce and ciphertext, or the plain bytes.
    pub bytes: Vec<u8>,
}

/// Why keys cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "must be one to 8 keys with commas between, each an id (1 to 32 letters, digits, dots, hyphens), a colon and 64 hexadecimal digits, such as 2026-11:… (make one with `openssl rand -hex 32`)"
)]
pub struct KeysError;

/// Why a payload cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Locked {
    /// Its key is not among those that are set.
    #[error("it is encrypted with the key {0}, which deadLetters.keys does not have")]
    KeyMissing(String),
    /// The key is not the one that its id belonged to, or the row was changed.
    #[error("it cannot be decrypted with the key {0} of deadLetters.keys")]
    Altered(String),
}

impl PayloadKeys {
    /// Reads keys as the settings have them: `id:hexadecimal,…`.
    ///
    /// # Errors
    /// If they are not of this form, or two have one id.
    pub fn parse(text: &str) -> Result<Self, KeysError> {
        let keys: Vec<Key> = text.split(',').map(Key::parse).collect::<Result<_, _>>()?;
        let twice = |(place, key): (usize, &Key)| keys[..place].iter().any(|other| other.id == key.id);
        if keys.len() > KEYS_MAX || keys.iter().enumerate().any(twice) {
            return Err(KeysError);
        }
        Ok(Self(keys.into()))
    }

    /// The id of the key that encrypts.
    pub fn current(&self) -> &str {
        &self.0[0].id
    }

    /// The ids of the keys that only decrypt.
    pub fn others(&self) -> impl Iterator<Item = &str> {
        self.0[1..].iter().map(|key| key.id.as_str())
    }

    /// Encrypts a payload for a dead letter.
    pub fn seal(&self, dead_letter: Uuid, payload: &Payload) -> SealedPayload {
        let key = &self.0[0];
        let nonce: [u8; NONCE_BYTES] = rand::random();
        let sealing = Sealing {
            msg: &payload.0,
            aad: dead_letter.as_bytes(),
        };
        let sealed = key.cipher.encrypt(&Nonce::from(nonce), sealing);
        let mut bytes = nonce.to_vec();
        bytes.extend(sealed.expect("a message is far shorter than 64 GiB"));
        SealedPayload {
            key: Some(key.id.clone()),
            bytes,
        }
    }

    /// Decrypts the payload of a dead letter.
    ///
    /// # Errors
    /// If its key is missing or does not fit.
    pub fn open(&self, dead_letter: Uuid, sealed: &SealedPayload) -> Result<Payload, Locked> {
        let Some(id) = &sealed.key else {
            return Ok(Payload(sealed.bytes.clone()));
        };
        let key = self.0.iter().find(|key| key.id == *id);
        let key = key.ok_or_else(|| Locked::KeyMissing(id.clone()))?;
        let opened = sealed.bytes.split_first_chunk().and_then(|(nonce, ciphertext)| {
            let sealing = Sealing {
                msg: ciphertext,
                aad: dead_letter.as_bytes(),
            };
            let nonce: &[u8; NONCE_BYTES] = nonce;
            key.cipher.decrypt(&Nonce::from(*nonce), sealing).ok()
        });
        opened.map(Payload).ok_or_else(|| Locked::Altered(id.clone()))
    }
}

impl Key {
    fn parse(text: &str) -> Result<Self, KeysError> {
        let (id, secret) = text.trim().split_once(':').ok_or(KeysError)?;
        let id_holds = (1..=ID_MAX_CHARS).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
        let secret_holds =
            secret.len() == 2 * KEY_BYTES && secret.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !id_holds || !secret_holds {
            return Err(KeysError);
        }
        let bytes: Result<Vec<u8>, _> = (0..secret.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&secret[at..at + 2], 16))
            .collect();
        let cipher = Aes256Gcm::new_from_slice(&bytes.map_err(|_| KeysError)?).map_err(|_| KeysError)?;
        Ok(Self {
            id: id.to_owned(),
            cipher,
        })
    }
}

/// Only the ids of keys are shown.
impl fmt::Debug for PayloadKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|key| &key.id)).finish()
    }
}

impl fmt::Debug for SealedPayload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedPayload({:?}, {} bytes)", self.key, self.bytes.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(id: &str, digit: char) -> String {
        format!("{id}:{}", digit.to_string().repeat(2 * KEY_BYTES))
    }

    #[test]
    fn what_was_sealed_is_opened_for_its_dead_letter_alone() {
        let keys = PayloadKeys::parse(&key("a", '1')).unwrap();
        let (this, other) = (Uuid::now_v7(), Uuid::now_v7());
        let payload = Payload(b"Ana Souza".to_vec());
        let sealed = keys.seal(this, &payload);
        assert!(!sealed.bytes.windows(3).any(|three| three == b"Ana"));
        assert_eq!(keys.open(this, &sealed), Ok(payload.clone()));
        assert_eq!(keys.open(other, &sealed), Err(Locked::Altered("a".to_owned())));
        assert_ne!(
            keys.seal(this, &payload).bytes,
            sealed.bytes,
            "a nonce of its own"
        );
        let mut altered = sealed.clone();
        altered.bytes[20] ^= 1;
        assert_eq!(keys.open(this, &altered), Err(Locked::Altered("a".to_owned())));
        altered.bytes.truncate(3);
        assert_eq!(keys.open(this, &altered), Err(Locked::Altered("a".to_owned())));
    }

    #[test]
    fn a_key_is_replaced_by_one_before_it() {
        let old = PayloadKeys::parse(&key("a", '1')).unwrap();
        let both = PayloadKeys::parse(&format!("{}, {}", key("b", '2'), key("a", '1'))).unwrap();
        let new = PayloadKeys::parse(&key("b", '2')).unwrap();
        let id = Uuid::now_v7();
        let payload = Payload(b"{}".to_vec());
        let before = old.seal(id, &payload);
        assert_eq!(both.open(id, &before), Ok(payload.clone()));
        let after = both.seal(id, &payload);
        assert_eq!(after.key.as_deref(), Some(both.current()));
        assert_eq!(new.open(id, &after), Ok(payload.clone()));
        assert_eq!(new.open(id, &before), Err(Locked::KeyMissing("a".to_owned())));
        let plain = SealedPayload {
            key: None,
            bytes: b"{}".to_vec(),
        };
        assert_eq!(new.open(id, &plain), Ok(payload));
        assert!(!format!("{both:?}").contains("22"));
    }

    #[test]
    fn keys_are_read_strictly() {
        let twice = format!("{},{}", key("a", '1'), key("a", '2'));
        let many: Vec<_> = (0..9).map(|n| key(&n.to_string(), '1')).collect();
        let odd = [
            "",
            "a",
            "a:",
            "a:12",
            ":11",
            &key("a b", '1'),
            &key("a", 'g'),
            &twice,
            &many.join(","),
        ];
        for text in odd {
            assert_eq!(PayloadKeys::parse(text).err(), Some(KeysError), "{text}");
        }
    }
}
