//! The function `contato-dlq`.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use dlq_function::azure;
use serde_json::{Value, json};
use shared::{
    broker::Queue,
    domain::Operation,
    role::{Parts, open_store},
    settings::Settings,
    store::dead_letters::{DeadLetterFilter, StoredDeadLetter},
    wire::Reason,
};
use test_support::{Pair, on_both_pairs};

use super::Host;
use crate::{
    cli::{code, dlq, json},
    dead_letters::{Desk, letter},
};

on_both_pairs!(
    every_encoding_is_stored_and_twice_is_once,
    poison_comes_back_to_its_bytes,
    arrays_are_split_and_the_brokers_reason_is_read,
    while_sql_is_down_it_is_parked_and_can_be_put_back,
    sql_that_is_not_reachable_is_no_loss,
    without_sql_and_broker_the_host_keeps_it,
);

/// The values that the host may make of a message, if it is a text.
fn encodings(message: &[u8]) -> Vec<(&'static str, Value)> {
    let text = std::str::from_utf8(message).unwrap();
    let in_string = |text: &str| Value::String(serde_json::to_string(text).unwrap());
    let bytes = BASE64.encode(message);
    vec![
        ("string", text.into()),
        ("string in a string", in_string(text)),
        ("base64", bytes.clone().into()),
        ("base64 in a string", in_string(&bytes)),
    ]
}

fn stored(new: usize, known: usize) -> (u16, String) {
    let log = format!("dead letters stored: {new}, known already: {known}");
    (
        200,
        format!(r#"{{"Outputs":{{}},"Logs":["{log}"],"ReturnValue":null}}"#),
    )
}

fn parked() -> (u16, String) {
    let log = "parked in contato.dlq.parking, since SQL cannot be used: `dlq-function parking restore` brings it back";
    (
        200,
        format!(r#"{{"Outputs":{{}},"Logs":["{log}"],"ReturnValue":null}}"#),
    )
}

async fn all(pair: &Pair) -> Vec<StoredDeadLetter> {
    let everything = DeadLetterFilter::default();
    pair.parts
        .store
        .dead_letters_page(&everything, None, 100)
        .await
        .unwrap()
}

/// The bytes that are kept of a dead letter.
async fn payload(pair: &Pair, listed: &StoredDeadLetter) -> Vec<u8> {
    let found = pair.parts.store.dead_letter(listed.id).await.unwrap().unwrap();
    pair.payload_keys()
        .open(found.id, &found.body.unwrap())
        .unwrap()
        .0
}

async fn every_encoding_is_stored_and_twice_is_once(pair: Pair) {
    let host = Host::start(&pair).await;
    let create = pair.create("José \"Zé\" D'Ávila \\ Souza");
    let message = letter(&pair, create.encode()).encode();
    let object: Value = serde_json::from_slice(&message).unwrap();
    let mut values = encodings(&message);
    values.push(("object", object));
    for (nth, (name, value)) in values.iter().enumerate() {
        let (new, known) = if nth == 0 { (1, 0) } else { (0, 1) };
        let answer = host.dead_letter(value, json!({})).await;
        assert_eq!(answer, stored(new, known), "{name}");
    }
    // Each by itself, too; what is inside may be a text or none.
    let bodies = ["{\"v\":7,\"x\":\"Ánä\\n\"}".as_bytes(), b"\xff\xfe{"];
    for body in bodies {
        for nth in 0..4 {
            let mut again = letter(&pair, body.to_vec());
            again.replay = 10 + u32::try_from(nth).unwrap();
            let (name, value) = &encodings(&again.encode())[nth];
            assert_eq!(host.dead_letter(value, json!({})).await, stored(1, 0), "{name}");
        }
    }
    let mut kept = Vec::new();
    for one in &all(&pair).await {
        kept.push(payload(&pair, one).await);
    }
    let count = |bytes: &[u8]| kept.iter().filter(|kept| *kept == bytes).count();
    assert_eq!(kept.len(), 9);
    assert_eq!(
        [count(&create.encode()), count(bodies[0]), count(bodies[1])],
        [1, 4, 4]
    );
    let recorded = pair
        .parts
        .store
        .command(create.command.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(recorded.operation, Operation::Create);
    host.running.stop().await;
}

async fn poison_comes_back_to_its_bytes(pair: Pair) {
    let host = Host::start(&pair).await;
    let poison = "not json: Ana Souza";
    for (nth, (name, value)) in encodings(poison.as_bytes())[..3].iter().enumerate() {
        let (new, known) = if nth == 0 { (1, 0) } else { (0, 1) };
        let answer = host.dead_letter(value, json!(null)).await;
        assert_eq!(answer, stored(new, known), "{name}");
    }
    let broken = b"\xff\xfe\x00\x01";
    assert_eq!(
        host.dead_letter(&BASE64.encode(broken).into(), json!({})).await,
        stored(1, 0)
    );
    // What the host read as something that is no dead letter of ours.
    for value in [
        json!({ "Ana": 1 }),
        json!(["Ana"]),
        json!(17),
        json!(null),
        json!(""),
    ] {
        assert_eq!(host.dead_letter(&value, json!({})).await, stored(1, 0), "{value}");
    }
    let found = all(&pair).await;
    assert_eq!(found.len(), 7);
    let mut bytes = Vec::new();
    for one in &found {
        assert_eq!(one.letter.reason, Reason::Undecodable);
        assert!(!one.letter.detail.contains("Ana"));
        bytes.push(payload(&pair, one).await);
    }
    for expected in [
        poison.as_bytes(),
        broken,
        b"{\"Ana\":1}",
        b"\"Ana\"",
        b"17",
        b"null",
        b"",
    ] {
        assert!(bytes.iter().any(|found| found == expected), "{expected:?}");
    }
    host.running.stop().await;
}

async fn arrays_are_split_and_the_brokers_reason_is_read(pair: Pair) {
    let host = Host::start(&pair).await;
    let (one, two) = (pair.create("Ana"), pair.create("Bia"));
    let array = [
        b"[".as_slice(),
        &one.encode(),
        b",{\"v\":7},",
        &two.encode(),
        b"]",
    ]
    .concat();
    let headers = json!({
        "x-first-death-reason": BASE64.encode("expired"), "x-last-death-reason": BASE64.encode("delivery_limit"),
        "contato-attempt": 3, "contato-replay": 2,
    });
    let answer = host
        .dead_letter(&BASE64.encode(&array).into(), headers.clone())
        .await;
    assert_eq!(answer, stored(3, 0));
    let answer = host
        .dead_letter(&serde_json::from_slice(&array).unwrap(), headers)
        .await;
    assert_eq!(answer, stored(0, 3), "as an object, too");
    for one in all(&pair).await {
        let letter = one.letter;
        assert_eq!(
            (letter.reason, letter.attempt, letter.replay),
            (Reason::DeliveryLimit, 3, 2)
        );
    }
    host.running.stop().await;
}

/// To see it red: answer 503 instead of parking.
async fn while_sql_is_down_it_is_parked_and_can_be_put_back(pair: Pair) {
    let host = Host::start(&pair).await;
    pair.sql("ALTER TABLE dead_letters RENAME TO hidden").await;
    let (ours, raw) = (pair.create("Ana Souza"), pair.create("Bia Souza"));
    let message = letter(&pair, ours.encode()).encode();
    assert_eq!(
        host.dead_letter(&BASE64.encode(&message).into(), json!({})).await,
        parked()
    );
    let limit = json!({ "x-last-death-reason": "delivery_limit" });
    assert_eq!(
        host.dead_letter(&BASE64.encode(raw.encode()).into(), limit).await,
        parked()
    );
    assert_eq!(pair.parts.broker.depth(Queue::Parking).await.unwrap(), 2);

    // Without SQL nothing is put back.
    let refused = dlq(&pair, &["parking", "restore", "--yes"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(code(&refused), 1, "{said}");
    assert!(
        said.contains("nothing was put back: SQL cannot be used"),
        "{said}"
    );
    assert_eq!(pair.parts.broker.depth(Queue::Parking).await.unwrap(), 2);
    pair.sql("ALTER TABLE hidden RENAME TO dead_letters").await;
    let restored = dlq(&pair, &["parking", "restore", "--yes", "--json"]);
    assert_eq!(json(&restored), json!({ "waiting": 2, "restored": 2 }));

    let desk = Desk::open(&pair).await;
    let listed = desk.listed("state=open", 2).await;
    for (envelope, reason) in [(ours, "store-refused"), (raw, "delivery-limit")] {
        let id = envelope.command.id.to_string();
        let found = listed
            .iter()
            .find(|found| found["commandId"] == id.as_str())
            .unwrap();
        assert_eq!(found["reason"], reason, "no reason is lost on the way");
    }
    desk.running.stop().await;
    host.running.stop().await;
}

/// The handler starts all the same.
async fn sql_that_is_not_reachable_is_no_loss(pair: Pair) {
    let variables = pair
        .environment()
        .into_iter()
        .map(|(name, value)| match name.as_str() {
            "CONTATO__STORE__URL" => (name, "postgres://nobody@127.0.0.1:1/nothing".to_owned()),
            "CONTATO__STORE__TIMEOUT" => (name, "1s".to_owned()),
            _ => (name, value),
        });
    let settings = Settings::load(None, variables).unwrap();
    let store = open_store(&settings).await.unwrap();
    let parts = Parts {
        store,
        ..pair.parts.clone()
    };
    let host = Host::with(&pair, parts).await;
    let message = letter(&pair, pair.create("Ana Souza").encode()).encode();
    assert_eq!(
        host.dead_letter(&BASE64.encode(&message).into(), json!({})).await,
        parked()
    );
    assert_eq!(pair.parts.broker.depth(Queue::Parking).await.unwrap(), 1);
    host.running.stop().await;
}

async fn without_sql_and_broker_the_host_keeps_it(pair: Pair) {
    let host = Host::start(&pair).await;
    pair.sql("ALTER TABLE dead_letters RENAME TO hidden").await;
    pair.parts.broker.close().await;
    let message = letter(&pair, pair.create("Ana Souza").encode()).encode();
    let (status, answer) = host.dead_letter(&BASE64.encode(&message).into(), json!({})).await;
    assert_eq!(status, 500, "{answer}");
    assert!(
        answer.contains("still the host's") && !answer.contains("Souza"),
        "{answer}"
    );
    pair.sql("ALTER TABLE hidden RENAME TO dead_letters").await;
    let answer = host.dead_letter(&BASE64.encode(&message).into(), json!({})).await;
    assert_eq!(answer, stored(1, 0), "the broker is not needed to store");
    host.running.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_invocation_is_refused() {
    let pair = Pair::embedded().await;
    let host = Host::start(&pair).await;
    for (body, what) in [
        ("", "no invocation"),
        ("Ana", "no invocation"),
        ("[]", "no invocation"),
        (r#"{"Metadata":{}}"#, "no invocation"),
        (r#"{"Data":{},"Metadata":{}}"#, "no Data.deadLetter"),
        (
            r#"{"Data":{"message":"Ana"},"Metadata":{}}"#,
            "no Data.deadLetter",
        ),
    ] {
        let (status, answer) = host.post(azure::DEAD_LETTERS_PATH, body).await;
        assert_eq!(status, 400, "{answer}");
        assert!(answer.contains(what) && !answer.contains("Ana"), "{answer}");
    }
    let (status, answer) = host
        .post(azure::CONTACTS_PATH, r#"{"Data":{},"Metadata":{}}"#)
        .await;
    assert_eq!(status, 400);
    assert!(answer.contains("no Data.req"), "{answer}");
    // The largest that is taken, and one byte more.
    let shell = r#"{"Data":{"deadLetter":" "}}"#.len();
    let fill = |bytes: usize| format!(r#"{{"Data":{{"deadLetter":"{} "}}}}"#, "x".repeat(bytes - shell));
    let (status, answer) = host
        .post(azure::DEAD_LETTERS_PATH, fill(azure::MAX_INVOCATION_BYTES + 1))
        .await;
    assert_eq!(status, 413, "{answer}");
    let (status, answer) = host
        .post(azure::DEAD_LETTERS_PATH, fill(azure::MAX_INVOCATION_BYTES))
        .await;
    assert_eq!(status, 200, "{answer}");
    assert_eq!(host.post("/elsewhere", "{}").await.0, 404);
    let ready = host.client.get(format!("http://{}/", host.address));
    assert_eq!(ready.send().await.unwrap().status(), 200);
    host.running.stop().await;
}

/// The largest dead letter that a worker wraps, in the encoding that makes it longest, fits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_largest_dead_letter_of_ours_fits() {
    let pair = Pair::embedded().await;
    let host = Host::start(&pair).await;
    let message = letter(&pair, vec![1; shared::wire::MAX_MESSAGE_BYTES]).encode();
    let twice = serde_json::to_string(std::str::from_utf8(&message).unwrap()).unwrap();
    assert_eq!(host.dead_letter(&twice.into(), json!({})).await, stored(1, 0));
    host.running.stop().await;
}
