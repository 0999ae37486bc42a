//! Personal data masked: what is shown of payloads and contacts wherever nobody has asked for it in the clear.
//!
//! **Invariant:** of a value no more is shown than helps to tell a typing mistake: the first letter of a name, the last two digits
//! of a telephone number, the first two characters of an e-mail address. What is not what it should be is not shown at all.

use serde_json::Value;
use shared::domain::{Email, Name};

/// The members of an envelope that are no personal data and are shown as they are; all other texts and numbers are masked.
pub(crate) const SHOWN: [&str; 9] = [
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

/// A name, of which the first letter is shown unless it is half of the name.
pub(crate) fn name(text: &str) -> String {
    const FEWEST: usize = 3;
    let parsed = Name::parse(text).ok();
    let first = parsed.as_ref().and_then(|name| {
        let mut characters = name.as_str().chars();
        let first = characters.next().filter(|first| first.is_alphabetic());
        first.filter(|_| characters.count() + 1 >= FEWEST)
    });
    first.map_or_else(|| MASK.to_owned(), |first| format!("{first}{MASK}"))
}

/// A telephone number, of which the last two digits are shown if it has enough of them.
pub(crate) fn phone(text: &str) -> String {
    const FEWEST_DIGITS: usize = 8;
    const LONGEST: usize = 40;
    let usual = |c: char| c.is_ascii_digit() || " +-().".contains(c);
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    if digits.len() < FEWEST_DIGITS || text.len() > LONGEST || !text.chars().all(usual) {
        return MASK.to_owned();
    }
    format!("{MASK}{}", &digits[digits.len() - 2..])
}

/// An e-mail address, of which two characters are shown if there are enough before the at sign; never the domain, which may be
/// a person's name.
pub(crate) fn email(text: &str) -> String {
    const FEWEST: usize = 5;
    let Ok(email) = Email::parse(text) else {
        return MASK.to_owned();
    };
    let local = email.as_str().rsplit_once('@').map_or("", |(local, _)| local);
    let first: String = local.chars().take(2).collect();
    if local.chars().count() < FEWEST || !first.chars().all(char::is_alphanumeric) {
        return format!("{MASK}@…");
    }
    format!("{first}{MASK}@…")
}

/// A value of a field of a contact.
fn field(name_of_field: &str, value: Value) -> Value {
    match (name_of_field, value) {
        (_, Value::Null) => Value::Null,
        ("name", Value::String(text)) => name(&text).into(),
        ("phone", Value::String(text)) => phone(&text).into(),
        ("email", Value::String(text)) => email(&text).into(),
        _ => MASK.into(),
    }
}

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
            .map(|(name, value)| {
                let value = field(&name, value);
                (name, value)
            })
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
        assert_eq!(shown["contact"]["name"], "A***");
        assert_eq!(shown["principal"], MASK, "who asked is not a name of a contact");
        assert_eq!(shown["contact"]["phone"], Value::Null);
        assert_eq!(masked(b"not json"), None);
        assert_eq!(masked(b"[1]"), None);
    }
    /// To see it red: show what is no name, no number or no address as if it were one.
    #[test]
    fn no_more_is_shown_than_helps() {
        type Mask = fn(&str) -> String;
        let cases: [(Mask, &str, &str); 27] = [
            (name, "Ana Souza", "A***"),
            (name, "  Ágata ", "Á***"),
            (name, "A\u{301}gata", "Á***"),
            (name, "李小龍", "李***"),
            (name, "Oi", MASK),
            (name, "A", MASK),
            (name, "", MASK),
            (name, "👩‍🚀 Ana", MASK),
            (name, "\u{301}Ana", MASK),
            (name, "<b>Ana</b>", MASK),
            (name, "&lt;Ana", MASK),
            (name, "Ana\u{7}", MASK),
            (name, "12-34", MASK),
            (phone, "+5511987654321", "***21"),
            (phone, "(11) 98765-4321", "***21"),
            (phone, "1234567", MASK),
            (phone, "+55 11 98765-4321 Ana", MASK),
            (phone, "٠١٢٣٤٥٦٧٨٩", MASK),
            (phone, "", MASK),
            (email, "ana.souza@example.com", "an***@…"),
            (email, "anaso@example.com", "an***@…"),
            (email, "anas@example.com", "***@…"),
            (email, "a.souza@example.com", "***@…"),
            (email, "<b>ana</b>@example.com", MASK),
            (email, "ana.souza", MASK),
            (email, "👩‍🚀👩‍🚀👩‍🚀@example.com", MASK),
            (email, "\"ana souza\"@example.com", "***@…"),
        ];
        for (mask, text, shown) in cases {
            assert_eq!(mask(text), shown, "{text}");
        }
        let body = br#"{"contact":{"name":["Ana"],"phone":5511987654321,"email":{"ana":1}}}"#;
        let shown = masked(body).unwrap();
        for field in ["name", "phone", "email"] {
            assert_eq!(shown["contact"][field], MASK);
        }
    }

    /// However long a value is, at most two of its characters are in what is shown.
    #[test]
    fn what_is_shown_does_not_grow() {
        for length in [1, 2, 3, 8, 40, 100, 500] {
            let letters = "ã".repeat(length);
            assert!(name(&letters).chars().count() <= 4);
            assert!(phone(&"9".repeat(length)).chars().count() <= 5);
            assert!(email(&format!("{letters}@example.com")).chars().count() <= 7);
        }
    }
}
