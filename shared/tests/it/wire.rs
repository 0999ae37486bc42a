//! The wire format: every shape that was ever emitted is decoded for ever, and emitted as it was.
//!
//! `tests/wire/v1/` holds an example of each. A file in there is never changed.

use std::{collections::BTreeMap, fs, path::Path};

use chrono::DateTime;
use proptest::prelude::*;
use shared::{
    domain::{
        Action, Changes, Command, ContactId, Email, IdIssuer, IdKey, IfMatch, KeyHash, Name, NewContact,
        Operation, Phone, RequestHash, Stamp,
    },
    wire::{DeadLetter, Envelope, MAX_ENVELOPES, MAX_MESSAGE_BYTES, Payload, Reason, decode_message},
};

fn golden() -> BTreeMap<String, Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/v1");
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files
        .map(|path| {
            (
                path.file_stem().unwrap().to_str().unwrap().to_owned(),
                fs::read(path).unwrap(),
            )
        })
        .collect()
}

fn compact(json: &[u8]) -> String {
    // Order of members is part of what is compared.
    let value: Box<serde_json::value::RawValue> = serde_json::from_slice(json).unwrap();
    let mut text = String::new();
    let mut quoted = false;
    let mut escaped = false;
    for c in value.get().chars() {
        if !quoted && c.is_whitespace() {
            continue;
        }
        quoted ^= c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        text.push(c);
    }
    text
}

#[test]
fn golden_envelopes_are_read_and_written_as_they_stand() {
    let mut operations = Vec::new();
    for (name, bytes) in golden()
        .iter()
        .filter(|(name, _)| !name.starts_with("dead-letter"))
    {
        let elements = decode_message(bytes);
        assert!(!elements.is_empty());
        for element in elements {
            let envelope = element.envelope.unwrap_or_else(|error| panic!("{name}: {error}"));
            assert_eq!(
                String::from_utf8(envelope.encode()).unwrap(),
                compact(element.body),
                "{name}"
            );
            operations.push(envelope.command.action.operation());
        }
    }
    for operation in Operation::ALL {
        assert!(operations.contains(&operation), "no example of {operation}");
    }
}

#[test]
fn golden_dead_letters_are_read_and_written_as_they_stand() {
    let mut seen = 0;
    for (name, bytes) in golden()
        .iter()
        .filter(|(name, _)| name.starts_with("dead-letter"))
    {
        let letter = DeadLetter::decode(bytes).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(
            String::from_utf8(letter.encode()).unwrap(),
            compact(bytes),
            "{name}"
        );
        seen += 1;
    }
    assert_eq!(seen, 2, "a text payload and a binary one");
}

#[test]
fn the_examples_mean_what_they_say() {
    let golden = golden();
    let read = |name: &str| Envelope::decode(&golden[name]).unwrap();
    let Action::Create(contact) = read("create").command.action else {
        panic!()
    };
    assert_eq!(contact.name.as_str(), "Ana Souza");
    assert_eq!(contact.email, None);
    let Action::Update(changes) = read("update-some").command.action else {
        panic!()
    };
    assert_eq!((changes.name, changes.email), (None, None));
    assert_eq!(changes.phone, Some(None), "null clears");
    assert_eq!(read("update-all").command.if_match, Some(IfMatch::Any));
    let letter = DeadLetter::decode(&golden["dead-letter-binary"]).unwrap();
    assert_eq!(letter.payload, Payload(vec![0xff, 0x00, 0x7b]));
    assert_eq!(
        letter.failed_at,
        DateTime::parse_from_rfc3339("2026-11-22T08:00:00.123Z").unwrap()
    );
}

fn with(json: &str, change: impl Fn(&mut serde_json::Value)) -> Vec<u8> {
    let mut value: serde_json::Value = serde_json::from_str(json).unwrap();
    change(&mut value);
    serde_json::to_vec(&value).unwrap()
}

#[test]
fn poison_has_its_reason_and_tells_nothing_of_the_content() {
    let create = String::from_utf8(golden()["create"].clone()).unwrap();
    let set =
        |member: &'static str, to: serde_json::Value| with(&create, move |value| value[member] = to.clone());
    let contact = |member: &'static str, to: &'static str| {
        with(&create, move |value| value["contact"][member] = to.into())
    };
    let other = IdIssuer::new(IdKey::new(&[1; 32]).unwrap()).issue(9, 9).contact;
    for (reason, body) in [
        (Reason::Undecodable, b"".to_vec()),
        (Reason::Undecodable, b"not json, segredo".to_vec()),
        (Reason::Undecodable, vec![0xff, 0xfe]),
        (Reason::Undecodable, b"null".to_vec()),
        (Reason::Undecodable, b"[]".to_vec()),
        (Reason::Undecodable, br#"{"name":"segredo"}"#.to_vec()),
        (
            Reason::Undecodable,
            [b"[".repeat(100_000), b"]".repeat(100_000)].concat(),
        ),
        (Reason::Undecodable, set("id", "segredo".into())),
        (Reason::Undecodable, set("stamp", "segredo".into())),
        (Reason::Undecodable, set("segredo", 1.into())),
        (Reason::Undecodable, set("changes", serde_json::json!({}))),
        (Reason::Undecodable, set("ifMatch", "segredo".into())),
        (Reason::UnknownVersion, set("v", 2.into())),
        (Reason::UnknownOperation, set("operation", "segredo".into())),
        (Reason::Unstorable, contact("phone", "segredo")),
        (Reason::Unstorable, contact("name", "segredo\0")),
        (Reason::Unstorable, set("contactId", other.to_string().into())),
        (Reason::Unstorable, set("principal", "x".repeat(256).into())),
        (Reason::TooLarge, vec![b' '; MAX_MESSAGE_BYTES + 1]),
        (
            Reason::TooLarge,
            format!("[{}]", vec!["{}"; MAX_ENVELOPES + 1].join(",")).into_bytes(),
        ),
    ] {
        let elements = decode_message(&body);
        assert_eq!(elements.len(), 1);
        let error = elements[0].envelope.as_ref().unwrap_err();
        assert_eq!(error.reason, reason, "{error}");
        assert!(!error.detail.contains("segredo"), "{error}");
        // An array of one is its element; everything else is kept as it came.
        assert!(elements[0].body == body || elements[0].body == &body[1..body.len() - 1]);
    }
}

#[test]
fn poison_in_an_array_is_isolated() {
    let create = golden()["create"].clone();
    let body = [b"[".as_slice(), &create, b",{\"v\":9}, ", &create, b"]"].concat();
    let elements = decode_message(&body);
    let reasons: Vec<_> = elements
        .iter()
        .map(|element| element.envelope.as_ref().err().map(|error| error.reason))
        .collect();
    assert_eq!(reasons, [None, Some(Reason::UnknownVersion), None]);
    assert_eq!(elements[1].body, b"{\"v\":9}");
}

fn envelopes() -> impl Strategy<Value = Envelope> {
    let names = prop_oneof![
        Just("Ana Souza"),
        Just("Júlio César"),
        Just("O'Neill \"x\" \\ 李")
    ];
    let name = names.prop_map(|name| Name::parse(name).unwrap());
    let phone = proptest::option::of(Just(Phone::parse("11987654321").unwrap()));
    let email = proptest::option::of(Just(Email::parse("ana@example.com").unwrap()));
    let contact = (name.clone(), phone.clone(), email.clone())
        .prop_map(|(name, phone, email)| Action::Create(NewContact { name, phone, email }));
    let (name, phone, email) = (
        proptest::option::of(name),
        proptest::option::of(phone),
        proptest::option::of(email),
    );
    let changes =
        (name, phone, email).prop_map(|(name, phone, email)| Action::Update(Changes { name, phone, email }));
    let action = prop_oneof![contact, changes, Just(Action::Delete)];
    let tag = "[0-9a-f]{32}".prop_map(|text| text.parse().unwrap());
    let tags = proptest::collection::vec(tag, 1..=IfMatch::MAX_TAGS).prop_map(IfMatch::Tags);
    let condition = proptest::option::of(prop_oneof![Just(IfMatch::Any), tags]);
    let trace = proptest::option::of(Just(
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned(),
    ));
    (
        action,
        condition,
        0..1u64 << 47,
        any::<u64>(),
        any::<Option<[u8; 16]>>(),
        any::<[u8; 16]>(),
        "\\PC{0,20}",
        trace,
    )
        .prop_map(
            |(action, if_match, ms, random, key, request, principal, traceparent)| {
                let ids = IdIssuer::new(IdKey::new(&[7; 32]).unwrap());
                let issued = ids.issue(ms.max(1), random);
                let key_hash = key.map(|bytes| KeyHash::from_bytes(&bytes).unwrap());
                let contact_id: ContactId =
                    key_hash.map_or(issued.contact, |hash| ids.key().keyed_contact_id(hash));
                let command = Command {
                    id: issued.command,
                    contact_id,
                    stamp: Stamp::at_ms(ms),
                    if_match,
                    action,
                };
                let request_hash = RequestHash::from_bytes(&request).unwrap();
                Envelope {
                    command,
                    principal,
                    key_hash,
                    request_hash,
                    traceparent,
                }
            },
        )
}

proptest! {
    #[test]
    fn what_is_written_is_read(envelope in envelopes()) {
        prop_assert_eq!(Envelope::decode(&envelope.encode()), Ok(envelope));
    }

    #[test]
    fn any_payload_survives_in_a_dead_letter(payload: Vec<u8>, attempt: u32, replay: u32) {
        let letter = DeadLetter {
            reason: Reason::Undecodable,
            detail: "x".to_owned(),
            attempt,
            replay,
            failed_at: DateTime::from_timestamp_millis(1_763_800_000_123).unwrap(),
            worker: "w/1".to_owned(),
            traceparent: None,
            content_type: "application/json".to_owned(),
            payload: Payload(payload),
        };
        prop_assert_eq!(DeadLetter::decode(&letter.encode()), Ok(letter));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>) {
        decode_message(&bytes);
        let _ = DeadLetter::decode(&bytes);
    }
}
