//! What the metadata of an invocation says of a message's properties. A bonus: hosts leave some of it out and write the rest in
//! several ways, so nothing that processing needs is here only, and what cannot be read has its default.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, value::RawValue};
use shared::broker::{BrokerReason, Message};

/// The longest text of a property, in bytes.
const TEXT_MAX_BYTES: usize = 255;

/// The message of these bytes with its properties, and why the broker moved it to the dead letters, if the broker did.
pub(super) fn message(body: Vec<u8>, metadata: Option<&RawValue>) -> (Message, Option<BrokerReason>) {
    let properties = metadata
        .and_then(|metadata| serde_json::from_str::<Value>(metadata.get()).ok())
        .and_then(|metadata| member(&metadata, "BasicProperties").cloned())
        .map(unwrapped)
        .unwrap_or_default();
    let headers = member(&properties, "Headers").cloned().unwrap_or_default();
    let number = |name: &str, default: u32| {
        let number = member(&headers, name).and_then(Value::as_u64);
        number
            .and_then(|number| number.try_into().ok())
            .unwrap_or(default)
    };
    let text = |name: &str| {
        let text = member(&properties, name).and_then(Value::as_str);
        let fits = |text: &&str| text.len() <= TEXT_MAX_BYTES;
        text.filter(fits).unwrap_or_default().to_owned()
    };
    let message = Message {
        body,
        kind: text("Type"),
        message_id: text("MessageId"),
        content_type: text("ContentType"),
        attempt: number("contato-attempt", 1).max(1),
        replay: number("contato-replay", 0),
        traceparent: None,
    };
    (message, broker_reason(&headers))
}

/// As a consumer of ours reads it: the newest reason first.
fn broker_reason(headers: &Value) -> Option<BrokerReason> {
    let reason = member(headers, "x-last-death-reason")
        .or_else(|| member(member(headers, "x-death")?.get(0)?, "reason"))
        .or_else(|| member(headers, "x-first-death-reason"))?;
    let word = reason.as_str()?;
    // The client that the host has makes bytes of texts in headers, and JSON makes base64 of bytes.
    of_word(word.as_bytes())
        .or_else(|| of_word(&BASE64.decode(word).ok()?))
        .or(Some(BrokerReason::Other))
}

fn of_word(word: &[u8]) -> Option<BrokerReason> {
    match word {
        b"delivery_limit" => Some(BrokerReason::DeliveryLimit),
        b"expired" => Some(BrokerReason::Expired),
        b"rejected" => Some(BrokerReason::Rejected),
        _ => None,
    }
}

/// A member by its name, in whatever case.
fn member<'a>(object: &'a Value, name: &str) -> Option<&'a Value> {
    let members = object.as_object()?;
    let found = members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value).filter(|value| !value.is_null())
}

/// What is JSON in a string is what that says.
fn unwrapped(value: Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(&text).unwrap_or_default(),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(metadata: &Value) -> (Message, Option<BrokerReason>) {
        let text = metadata.to_string();
        message(b"x".to_vec(), Some(serde_json::from_str(&text).unwrap()))
    }

    #[test]
    fn reasons_are_read_as_texts_and_as_bytes_the_newest_first() {
        let reason = |headers: Value| read(&json!({ "BasicProperties": { "Headers": headers } })).1;
        let bytes = |text: &str| BASE64.encode(text);
        let first = ("x-first-death-reason", bytes("expired"));
        assert_eq!(reason(json!({})), None);
        assert_eq!(reason(json!({ first.0: first.1 })), Some(BrokerReason::Expired));
        assert_eq!(
            reason(json!({ first.0: "expired", "x-death": [{ "reason": bytes("delivery_limit") }] })),
            Some(BrokerReason::DeliveryLimit)
        );
        assert_eq!(
            reason(json!({ first.0: "expired", "x-last-death-reason": "rejected" })),
            Some(BrokerReason::Rejected)
        );
        assert_eq!(reason(json!({ first.0: "maxlen" })), Some(BrokerReason::Other));
        assert_eq!(reason(json!({ first.0: null, "x-death": 7 })), None);
    }

    #[test]
    fn what_cannot_be_read_has_its_default() {
        let headers = json!({ "contato-attempt": 3, "contato-replay": 2 });
        let properties =
            json!({ "contentType": "application/json", "Type": "t", "MessageId": "m", "Headers": headers });
        for properties in [properties.clone(), properties.to_string().into()] {
            let (message, _) = read(&json!({ "BasicProperties": properties }));
            assert_eq!((message.attempt, message.replay), (3, 2));
            assert_eq!((message.kind.as_str(), message.message_id.as_str()), ("t", "m"));
            assert_eq!(message.content_type, "application/json");
        }
        let odd = json!({ "Type": 7, "MessageId": "m".repeat(256), "Headers": { "contato-attempt": -1 } });
        for metadata in [
            json!({}),
            json!(7),
            json!({ "BasicProperties": odd }),
            json!({ "BasicProperties": "x" }),
        ] {
            let (message, reason) = read(&metadata);
            assert_eq!((message.attempt, message.replay, reason), (1, 0, None));
            assert!(message.kind.is_empty() && message.message_id.is_empty());
        }
        assert_eq!(message(Vec::new(), None).0.attempt, 1);
    }
}
