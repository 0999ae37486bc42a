//! `docs/asyncapi.json` against the code: its examples are the golden files, its closed lists are the code's. That its
//! queues are those that are declared stands beside the declaration (`src/broker/rabbitmq/topology.rs`); that the examples
//! keep to their schemas is checked by `scripts/check-api`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::{Value, json};
use shared::{
    broker::{CONTENT_TYPE_JSON, Queue},
    domain::{IfMatch, Operation},
    wire::{
        DeadLetter, MAX_ENVELOPES, MAX_PRINCIPAL_CHARS, MAX_TRACEPARENT_CHARS, MESSAGE_TYPE_BATCH, Reason,
        VERSION,
    },
};

fn read(path: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn document() -> Value {
    read("../docs/asyncapi.json")
}

/// The name of the message that a golden file is an example of.
fn message_of(file: &Value) -> String {
    match file {
        Value::Array(_) => MESSAGE_TYPE_BATCH.to_owned(),
        _ if file["reason"].is_string() => DeadLetter::MESSAGE_TYPE.to_owned(),
        _ => format!("contato.{}", file["operation"].as_str().unwrap()),
    }
}

#[test]
fn the_examples_are_the_golden_files_each_at_its_message() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire/v1");
    let golden: BTreeMap<String, (String, Value)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let name = entry.unwrap().file_name().into_string().unwrap();
            let file = read(&format!("tests/wire/v1/{name}"));
            let stem = name.strip_suffix(".json").unwrap().to_owned();
            (stem, (message_of(&file), file))
        })
        .collect();
    let document = document();
    let mut examples = BTreeMap::new();
    for message in document["components"]["messages"].as_object().unwrap().values() {
        for example in message["examples"].as_array().into_iter().flatten() {
            let name = example["name"].as_str().unwrap().to_owned();
            let told = (
                message["name"].as_str().unwrap().to_owned(),
                example["payload"].clone(),
            );
            assert!(examples.insert(name.clone(), told).is_none(), "{name} twice");
        }
    }
    assert_eq!(
        examples.keys().collect::<Vec<_>>(),
        golden.keys().collect::<Vec<_>>()
    );
    for (name, example) in &examples {
        assert_eq!(example, &golden[name], "{name}");
    }
}

#[test]
fn the_closed_lists_and_bounds_are_those_of_the_code() {
    let document = document();
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["reason"]["enum"], json!(Reason::ALL.map(Reason::as_str)));
    for operation in Operation::ALL {
        let envelope = &schemas[operation.as_str()]["properties"];
        assert_eq!(envelope["operation"]["const"], operation.as_str());
        assert_eq!(envelope["v"]["const"], VERSION);
        assert_eq!(envelope["principal"]["maxLength"], MAX_PRINCIPAL_CHARS);
    }
    assert_eq!(schemas["deadLetter"]["properties"]["v"]["const"], VERSION);
    assert_eq!(schemas["batch"]["maxItems"], MAX_ENVELOPES);
    let of_a_batch = Operation::ALL
        .map(|operation| json!({ "$ref": format!("#/components/schemas/{}", operation.as_str()) }));
    assert_eq!(schemas["batch"]["items"]["oneOf"], json!(of_a_batch));
    assert_eq!(
        schemas["traceparent"]["oneOf"][1]["maxLength"],
        MAX_TRACEPARENT_CHARS
    );
    assert_eq!(schemas["ifMatch"]["oneOf"][2]["maxItems"], IfMatch::MAX_TAGS);
}

#[test]
fn every_message_has_its_type_and_every_queue_is_used_as_the_roles_do() {
    let document = document();
    let mut types = BTreeSet::new();
    for message in document["components"]["messages"].as_object().unwrap().values() {
        let kind = message["name"].as_str().unwrap();
        assert_eq!(message["bindings"]["amqp"]["messageType"], kind);
        assert_eq!(message["contentType"], CONTENT_TYPE_JSON);
        types.insert(kind.to_owned());
    }
    let ours = Operation::ALL.map(|operation| format!("contato.{operation}"));
    let others = [MESSAGE_TYPE_BATCH, DeadLetter::MESSAGE_TYPE, "contato.replay"].map(str::to_owned);
    assert_eq!(types, ours.into_iter().chain(others).collect());

    let address = |operation: &Value| {
        let channel = operation["channel"]["$ref"].as_str().unwrap();
        let channel = document.pointer(&channel[1..]).unwrap();
        channel["address"].as_str().unwrap().to_owned()
    };
    let mut used = BTreeMap::<_, BTreeSet<_>>::new();
    for operation in document["operations"].as_object().unwrap().values() {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        used.entry(address(operation))
            .or_default()
            .insert((text(&operation["tags"][0]["name"]), text(&operation["action"])));
    }
    for queue in Queue::ALL {
        let users: &[(&str, &str)] = match queue {
            Queue::Commands => &[
                ("producer-api", "send"),
                ("consumer-worker", "receive"),
                ("dlq-function", "send"),
            ],
            Queue::Retry(_) => &[("consumer-worker", "send")],
            Queue::DeadLetters => &[("consumer-worker", "send"), ("dlq-function", "receive")],
            Queue::Parking => &[("dlq-function", "send")],
        };
        let users = users
            .iter()
            .map(|(role, action)| ((*role).to_owned(), (*action).to_owned()))
            .collect();
        assert_eq!(used.remove(queue.name()), Some(users), "{queue:?}");
    }
    assert_eq!(used, BTreeMap::new());
}
