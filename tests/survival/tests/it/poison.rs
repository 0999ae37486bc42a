//! Poison straight onto the queue: each ends as a dead letter with its reason and its bytes, and the good ones beside it are
//! applied.

use serde_json::{Value, json};
use shared::{
    store::dead_letters::DeadLetterFilter,
    wire::{MAX_ENVELOPES, Reason},
};
use survival::{Check, Request, Role, Stack, capture, contact, publish};

const MIB: usize = 1024 * 1024;

/// What is put on the queue, and the dead letters that it must become.
struct Poison {
    what: &'static str,
    body: Vec<u8>,
    dead: Vec<(Reason, Vec<u8>)>,
}

fn whole(what: &'static str, reason: Reason, body: impl Into<Vec<u8>>) -> Poison {
    let body = body.into();
    Poison {
        what,
        dead: vec![(reason, body.clone())],
        body,
    }
}

/// Every kind of it, made of envelopes that are good. Those in an array beside poison stay good.
fn poison(good: &[Vec<u8>]) -> Vec<Poison> {
    let changed = |member: &str, value: Value| {
        let mut envelope: Value = serde_json::from_slice(&good[0]).unwrap();
        envelope[member] = value;
        envelope.to_string()
    };
    let other: Value = serde_json::from_slice(&good[1]).unwrap();
    let array = |elements: &[&[u8]]| [b"[", elements.join(&b","[..]).as_slice(), b"]"].concat();
    let bad = changed("stamp", json!("yesterday")).into_bytes();
    vec![
        whole("not JSON", Reason::Undecodable, "nome=Zuleica"),
        whole("another shape", Reason::Undecodable, r#"{"name":"Zuleica"}"#),
        whole(
            "an unknown operation",
            Reason::UnknownOperation,
            changed("operation", json!("merge")),
        ),
        whole(
            "an unknown version",
            Reason::UnknownVersion,
            changed("v", json!(2)),
        ),
        whole(
            "invalid UTF-8",
            Reason::Undecodable,
            [b"{\"v\":1,\"id\":\"", &[0xff, 0xfe][..], b"\"}"].concat(),
        ),
        whole("empty", Reason::Undecodable, ""),
        whole("1 MiB of nesting, arrays", Reason::TooLarge, "[".repeat(MIB)),
        whole(
            "1 MiB of nesting, objects",
            Reason::TooLarge,
            r#"{"a":"#.repeat(MIB / 5),
        ),
        whole(
            "nesting that is not too large",
            Reason::Undecodable,
            "[".repeat(MIB / 8),
        ),
        whole(
            "an array over the limit",
            Reason::TooLarge,
            format!("[{}]", vec!["0"; MAX_ENVELOPES + 1].join(",")),
        ),
        whole(
            "another contact id than its command may have",
            Reason::Unstorable,
            changed("contactId", other["contactId"].clone()),
        ),
        Poison {
            what: "an array with one bad element",
            body: array(&[good[0].as_slice(), bad.as_slice(), good[1].as_slice()]),
            dead: vec![(Reason::Undecodable, bad)],
        },
    ]
}

// Red with what cannot be decoded dropped in place of dead-lettered (follow_up.rs): it was missing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_ends_with_its_reason_and_its_bytes_and_the_others_are_applied() {
    let stack = Stack::shared().await;
    let api = stack.start(Role::ProducerApi).await;
    let client = stack.api(api.origin());
    let broker = stack.broker().await;
    for number in 0..2 {
        client.accepted(Request::create(contact(number))).await;
    }
    let good = capture(broker.as_ref(), 2).await;
    let poison = poison(&good);
    // Good and bad side by side, as one batch finds them.
    for (number, bad) in (2..).zip(&poison) {
        client.accepted(Request::create(contact(number))).await;
        publish(broker.as_ref(), bad.body.clone()).await;
    }
    let _dlq = stack.start(Role::DlqFunction).await;
    let worker = stack.start(Role::ConsumerWorker).await;
    let dead = poison.iter().flat_map(|bad| &bad.dead);
    let check = Check {
        dead: dead.map(|(reason, _)| (None, *reason)).collect(),
    };
    check.hold(&stack).await;
    assert_eq!(stack.applied().await, stack.history.accepted());

    let mut found = Vec::new();
    let all = DeadLetterFilter::default();
    let keys = stack.payload_keys();
    for listed in stack.store.dead_letters_page(&all, None, 100).await.unwrap() {
        let stored = stack.store.dead_letter(listed.id).await.unwrap().unwrap();
        let payload = keys.open(stored.id, &stored.body.unwrap()).unwrap();
        found.push((stored.letter.reason, payload.0));
    }
    for bad in &poison {
        for expected in &bad.dead {
            assert!(
                found.contains(expected),
                "{}: not with its reason and bytes",
                bad.what
            );
        }
    }
    worker.stop().await;
    api.stop().await;
    broker.close().await;
}
