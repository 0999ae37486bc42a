//! JSON as requests have it: one object, each member once, not nested deep ([`MAX_DEPTH`]).
//!
//! No request of ours has objects inside, nor lists of anything but strings; of others only the well-formedness is looked at.

use std::{collections::BTreeMap, fmt};

use serde::{
    Deserializer, Serialize, Serializer,
    de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor},
};
use serde_json::error::Category;

use super::problem::{Fault, Problem};

/// The longest name of an unknown member that a pointer repeats, in characters.
const MAX_POINTER_NAME_CHARS: usize = 64;
/// How many objects and lists may be inside one another, the body's own object included.
pub const MAX_DEPTH: usize = 32;

/// One member of a request, or a query parameter.
#[derive(Clone, PartialEq, Eq)]
pub enum Field {
    /// Not there.
    Absent,
    /// `null`.
    Null,
    /// A string.
    Text(String),
    /// A whole number from zero on.
    Number(u64),
    /// `true` or `false`.
    Flag(bool),
    /// A list of strings.
    Texts(Vec<String>),
    /// Anything else.
    Other,
}

/// What a client sent stays out of logs.
impl fmt::Debug for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Field(..)")
    }
}

/// `validator` keeps the value beside each fault. It gets none, so that no answer can repeat it.
impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

/// The members of an object.
#[derive(Debug, Default)]
pub struct Members(BTreeMap<String, Field>);

impl Members {
    /// Reads a body.
    ///
    /// # Errors
    /// `malformed-request` if it is not one JSON object with each member once.
    pub fn read(body: &[u8]) -> Result<Self, Problem> {
        let mut json = serde_json::Deserializer::from_slice(body);
        let read = json.deserialize_map(Object { depth: MAX_DEPTH });
        read.and_then(|members| json.end().map(|()| members))
            .map_err(|error| malformed(&error))
    }

    /// Members of one's own, such as query parameters.
    pub fn from_pairs(pairs: impl IntoIterator<Item = (String, Field)>) -> Self {
        Self(pairs.into_iter().collect())
    }

    /// Takes a member out.
    pub fn take(&mut self, name: &str) -> Field {
        self.0.remove(name).unwrap_or(Field::Absent)
    }

    /// The faults of what nobody took: members that are not known.
    pub fn unknown(self) -> Vec<Fault> {
        let fault = |name: String| {
            let nameable = name.len() <= MAX_POINTER_NAME_CHARS
                && name
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
            // A name that does not look like one may be somebody's data.
            let pointer = if nameable {
                format!("/{name}")
            } else {
                String::new()
            };
            Fault::new(pointer, "unknown-member", "is not a member of this request")
        };
        self.0.into_keys().map(fault).collect()
    }
}

/// The place is ours to tell; what stands there is not.
fn malformed(error: &serde_json::Error) -> Problem {
    let said = error.to_string();
    let place = format!("line {}, column {}", error.line(), error.column());
    let what = match error.classify() {
        Category::Data if said.starts_with(DUPLICATE) => "an object has a member twice".into(),
        Category::Data if said.starts_with(TOO_DEEP) => format!("nested deeper than {MAX_DEPTH} levels"),
        Category::Data => "not a JSON object".into(),
        Category::Eof => "the JSON ends too early".into(),
        Category::Syntax | Category::Io => "not JSON in UTF-8".into(),
    };
    Problem::malformed(format!("The body cannot be read: {what} ({place})."))
}

const DUPLICATE: &str = "duplicate member";
const TOO_DEEP: &str = "nested too deep";

/// An object in which so many levels are allowed, its own included.
struct Object {
    depth: usize,
}

impl<'de> Visitor<'de> for Object {
    type Value = Members;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
        let value = Value::below(self.depth)?;
        let mut found = BTreeMap::new();
        while let Some(name) = map.next_key::<String>()? {
            if found.insert(name, map.next_value_seed(value)?).is_some() {
                return Err(A::Error::custom(DUPLICATE));
            }
        }
        Ok(Members(found))
    }
}

/// A value in which so many levels are allowed.
#[derive(Clone, Copy)]
struct Value {
    depth: usize,
}

impl Value {
    /// A value inside an object or a list.
    fn below<E: serde::de::Error>(depth: usize) -> Result<Self, E> {
        let depth = depth.checked_sub(1).ok_or_else(|| E::custom(TOO_DEEP))?;
        Ok(Self { depth })
    }
}

impl<'de> DeserializeSeed<'de> for Value {
    type Value = Field;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Field, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Value {
    type Value = Field;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Field, E> {
        Ok(Field::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Field, E> {
        Ok(Field::Flag(flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_u64<E>(self, number: u64) -> Result<Field, E> {
        Ok(Field::Number(number))
    }

    fn visit_f64<E>(self, _: f64) -> Result<Field, E> {
        Ok(Field::Other)
    }

    fn visit_str<E>(self, text: &str) -> Result<Field, E> {
        Ok(Field::Text(text.to_owned()))
    }

    fn visit_string<E>(self, text: String) -> Result<Field, E> {
        Ok(Field::Text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Field, A::Error> {
        let value = Self::below(self.depth)?;
        let mut texts = Some(Vec::new());
        while let Some(element) = list.next_element_seed(value)? {
            texts = match (texts, element) {
                (Some(mut texts), Field::Text(text)) => {
                    texts.push(text);
                    Some(texts)
                }
                _ => None,
            };
        }
        Ok(texts.map_or(Field::Other, Field::Texts))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Field, A::Error> {
        let object = Object { depth: self.depth };
        object.visit_map(map).map(|_| Field::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::problem::Code;

    #[test]
    fn members_are_told_apart() {
        let mut members = Members::read(
            br#"{"a": null, "b": "x", "c": 7, "d": -1, "e": [1], "f": {},
                "g": true, "h": ["x", "y"], "i": ["x", 1], "j": []}"#,
        )
        .unwrap();
        assert!(members.take("a") == Field::Null);
        assert!(members.take("b") == Field::Text("x".to_owned()));
        assert!(members.take("c") == Field::Number(7));
        assert!(members.take("g") == Field::Flag(true));
        assert!(members.take("h") == Field::Texts(vec!["x".to_owned(), "y".to_owned()]));
        assert!(members.take("j") == Field::Texts(Vec::new()));
        for name in ["d", "e", "f", "i"] {
            assert!(members.take(name) == Field::Other, "{name}");
        }
        assert!(members.take("a") == Field::Absent);
    }

    #[test]
    fn what_is_not_one_plain_object_is_malformed() {
        let deep = format!("{{\"a\": {}{}}}", "[".repeat(200), "]".repeat(200));
        for body in [
            "".as_bytes(),
            b"null",
            b"[]",
            b"\"text\"",
            b"{",
            b"{\"a\": 1} {}",
            b"{\"a\": 1, \"a\": 2}",
            b"{\"a\": {\"b\": 1, \"b\": 2}}",
            b"{\"a\": \"\xff\"}",
            b"{\"a\": \"\\ud800\"}",
            b"{'a': 1}",
            b"\xef\xbb\xbf{}",
            deep.as_bytes(),
        ] {
            let problem = Members::read(body).unwrap_err();
            assert_eq!(problem.code(), Code::MalformedRequest, "{body:?}");
        }
    }

    #[test]
    fn nesting_has_a_limit_that_is_named() {
        let lists = |levels: usize| format!("{{\"a\": {}1{}}}", "[".repeat(levels), "]".repeat(levels));
        let objects = |levels: usize| format!("{}1{}", "{\"a\":".repeat(levels), "}".repeat(levels));
        assert!(Members::read(lists(MAX_DEPTH - 1).as_bytes()).is_ok());
        assert!(Members::read(objects(MAX_DEPTH).as_bytes()).is_ok());
        for deep in [lists(MAX_DEPTH), objects(MAX_DEPTH + 1), lists(30_000)] {
            let problem = Members::read(deep.as_bytes()).unwrap_err();
            assert_eq!(problem.code(), Code::MalformedRequest);
            let document = serde_json::to_string(&problem.document(String::new(), None)).unwrap();
            assert!(document.contains("deeper than 32 levels"), "{document}");
        }
    }

    #[test]
    fn a_duplicate_is_called_so() {
        let problem = Members::read(b"{\"a\": 1, \"a\": 2}").unwrap_err();
        let document = serde_json::to_string(&problem.document(String::new(), None)).unwrap();
        assert!(document.contains("member twice"), "{document}");
    }

    #[test]
    fn unknown_members_are_named_unless_they_may_be_data() {
        let unknown = Members::read(br#"{"nickname": 1, "ana@example.com": 2}"#)
            .unwrap()
            .unknown();
        let pointers: Vec<_> = unknown.iter().map(|fault| fault.pointer.as_str()).collect();
        assert_eq!(pointers, ["", "/nickname"]);
    }
}
