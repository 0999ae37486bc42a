//! From the value that the host made of a message back to the message's bytes.
//!
//! The host has three ways. Bytes become base64. A text becomes JSON, so that a message that is JSON is a string in a string. What
//! the host has read as an object becomes that object, written anew; of a dead letter of ours nothing is lost then, since the bytes
//! that count are a string inside. `function.json` asks for bytes; which way a host goes is worked out from what is there.
//!
//! **Invariant:** no value is without bytes: what fits none of the ways is taken as it stands.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::value::RawValue;

/// The bytes of the message.
pub(super) fn original(value: &RawValue) -> Vec<u8> {
    let Some(text) = string(value.get()) else {
        return value.get().as_bytes().to_vec();
    };
    match string(&text) {
        Some(inner) => inside(inner),
        // Text that is base64 by chance could be text: it is not lost, since encoding what comes out gives it again.
        None => base64(&text).unwrap_or_else(|| text.into_bytes()),
    }
}

/// The bytes of a string that stood in a string. There the host has texts, so that base64 counts only for what is surely meant.
fn inside(text: String) -> Vec<u8> {
    match base64(&text) {
        Some(bytes) if is_structured(&bytes) => bytes,
        _ => text.into_bytes(),
    }
}

/// What a text says that is one JSON string and nothing else.
fn string(text: &str) -> Option<String> {
    serde_json::from_str(text).ok()
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let bytes = BASE64.decode(text).ok()?;
    (!bytes.is_empty()).then_some(bytes)
}

/// Whether the bytes are a JSON object or array, as all messages of ours are.
fn is_structured(bytes: &[u8]) -> bool {
    serde_json::from_slice::<&RawValue>(bytes).is_ok_and(|value| value.get().starts_with(['{', '[']))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &serde_json::Value) -> Vec<u8> {
        let text = value.to_string();
        original(serde_json::from_str(&text).unwrap())
    }

    #[test]
    fn every_way_leads_back_to_the_bytes() {
        let message = br#"{"v":1,"body":"{\"name\":\"Jos\u00e9 \\\"Z\\\"\"}"}"#;
        let text = std::str::from_utf8(message).unwrap();
        let bytes = BASE64.encode(message);
        let in_string = |text: &str| serde_json::to_string(text).unwrap();
        for value in [text.to_owned(), in_string(text), bytes.clone(), in_string(&bytes)] {
            assert_eq!(read(&value.clone().into()), message, "{value}");
        }
        // Re-serialised: the same members and values.
        let object: serde_json::Value = serde_json::from_slice(message).unwrap();
        assert_eq!(read(&object), object.to_string().into_bytes());
    }

    #[test]
    fn poison_is_taken_as_it_stands() {
        let broken = b"\xff\xfe\x00";
        assert_eq!(read(&BASE64.encode(broken).into()), broken);
        for text in ["not json", "{\"v\":", "", "olá"] {
            assert_eq!(read(&text.into()), text.as_bytes(), "{text}");
            let in_string = serde_json::to_string(text).unwrap();
            assert_eq!(read(&in_string.into()), text.as_bytes(), "{text}");
        }
        // Base64 by chance, in a string that is a text to the host.
        assert_eq!(read(&"\"test\"".into()), b"test");
        for (value, bytes) in [("null", "null"), ("17", "17"), ("[1, {}]", "[1, {}]")] {
            let value: &RawValue = serde_json::from_str(value).unwrap();
            assert_eq!(original(value), bytes.as_bytes());
        }
        let deep = format!("{}{}", "[".repeat(5000), "]".repeat(5000));
        let value: &RawValue = serde_json::from_str(&deep).unwrap();
        assert_eq!(original(value), deep.as_bytes());
    }
}
