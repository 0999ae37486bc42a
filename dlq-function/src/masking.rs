//! Personal data masked: what is shown of payloads wherever nobody has asked for it in the clear.

use serde_json::Value;

/// The members of an envelope that are no personal data and are shown as they are; all other texts and numbers are masked.
const SHOWN: [&str; 9] = [
    "v",
    "operation",
    "id",
    "contactId",
    "stamp",
    "keyHash",
    "requestHash",
    "ifMatch",
    "traceparent",
];
const MASK: &str = "***";

/// The payload with every value masked that may be personal; `None` if it is no JSON object.
pub(crate) fn masked(body: &[u8]) -> Option<Value> {
    let Value::Object(members) = serde_json::from_slice(body).ok()? else {
        return None;
    };
    // A member that an envelope does not have may have any name: it is counted, not shown.
    let known = |name: &str| SHOWN.contains(&name) || ["principal", "contact", "changes"].contains(&name);
    let unknown = members.keys().filter(|name| !known(name)).count();
    let mut shown: serde_json::Map<String, Value> = members
        .into_iter()
        .filter(|(name, _)| known(name))
        .map(|(name, value)| {
            let value = if SHOWN.contains(&name.as_str()) {
                short(value)
            } else {
                mask(value)
            };
            (name, value)
        })
        .collect();
    if unknown > 0 {
        shown.insert("(unknown members)".to_owned(), unknown.into());
    }
    Some(Value::Object(shown))
}

/// A value of a known member, unless it is not of the kind that the member has.
fn short(value: Value) -> Value {
    const LONGEST: usize = 128;
    let plain =
        |text: &str| text.len() <= LONGEST && text.chars().all(|c| c.is_ascii_hexdigit() || "-*".contains(c));
    let word = |text: &str| ["create", "update", "delete"].contains(&text);
    match value {
        Value::String(text) if plain(&text) || word(&text) => Value::String(text),
        Value::Array(values) if values.len() <= 16 => values.into_iter().map(short).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value,
        Value::String(_) | Value::Array(_) | Value::Object(_) => MASK.into(),
    }
}

fn mask(value: Value) -> Value {
    const FIELDS: [&str; 3] = ["name", "phone", "email"];
    match value {
        Value::Null => Value::Null,
        Value::Object(members) => members
            .into_iter()
            .filter(|(name, _)| FIELDS.contains(&name.as_str()))
            .map(|(name, value)| (name, if value.is_null() { Value::Null } else { MASK.into() }))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => MASK.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_personal_is_shown() {
        let body = br#"{"v":1,"operation":"Ana Souza","id":"0198","principal":"ana@example.com",
            "contact":{"name":"Ana","phone":null,"Ana Souza":1},"Souza":"x","stamp":["ana",{"a":"ana"}]}"#;
        let shown = masked(body).unwrap();
        let text = shown.to_string().to_lowercase();
        assert!(!text.contains("ana") && !text.contains("souza"), "{text}");
        assert_eq!(shown["id"], "0198");
        assert_eq!(shown["contact"]["name"], MASK);
        assert_eq!(shown["contact"]["phone"], Value::Null);
        assert_eq!(masked(b"not json"), None);
        assert_eq!(masked(b"[1]"), None);
    }
}
