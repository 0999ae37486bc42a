//! Small things that a client keeps for us and can neither read nor change: cursors, how far a sign-in has come.
//!
//! **Invariant:** what was sealed for a purpose is opened for no other. It is encrypted and authenticated (AES-GCM-SIV,
//! RFC 8452) under a key of the purpose that follows from `ids.key`, which all replicas share.

use aes_gcm_siv::{
    Aes256GcmSiv, Nonce,
    aead::{Aead, KeyInit, Payload},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

use crate::domain::IdKey;

/// Seals bytes into a text for URLs and cookies. `scope` goes with it, and is not in it.
pub fn seal(ids: &IdKey, purpose: &str, scope: &str, bytes: &[u8]) -> String {
    let payload = Payload {
        msg: bytes,
        aad: scope.as_bytes(),
    };
    let sealed = cipher(ids, purpose).encrypt(&nonce(), payload);
    BASE64.encode(sealed.expect("it is far shorter than 64 GiB"))
}

/// Opens a text; `None` if it was not made here for this purpose and scope.
pub fn open(ids: &IdKey, purpose: &str, scope: &str, text: &str) -> Option<Vec<u8>> {
    let sealed = BASE64.decode(text).ok()?;
    let payload = Payload {
        msg: &sealed,
        aad: scope.as_bytes(),
    };
    cipher(ids, purpose).decrypt(&nonce(), payload).ok()
}

fn cipher(ids: &IdKey, purpose: &str) -> Aes256GcmSiv {
    Aes256GcmSiv::new(&ids.derived_key(purpose).into())
}

/// Always the same: with this cipher that tells only whether two texts hold the same, which their owner may know.
fn nonce() -> Nonce {
    Nonce::default()
}
