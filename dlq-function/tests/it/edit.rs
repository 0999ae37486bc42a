//! Correcting a dead letter and sending it again, with a real worker behind it.

use serde_json::{Value, json};
use shared::{
    broker::Queue,
    domain::{Action, Changes, Command, Email, NewContact, Phone},
    wire::{CommandStatus, DeadLetter, Envelope, Payload, Reason},
};
use test_support::{Pair, eventually, on_both_pairs};
use uuid::Uuid;

use crate::dead_letters::{Desk, path, send_dead_letter, worker};

on_both_pairs!(
    an_unstorable_command_is_corrected_and_applied,
    the_original_is_never_sent,
    a_dry_run_shows_the_difference_and_changes_nothing,
    all_faults_are_listed_and_no_value_is_repeated,
    what_cannot_be_read_is_replaced_by_a_message,
);

/// A create with a phone and an e-mail address.
pub fn create(pair: &Pair) -> Envelope {
    let mut create = pair.create("Ana Souza");
    if let Action::Create(contact) = &mut create.command.action {
        contact.phone = Phone::parse("(31) 99876-5432").ok();
        contact.email = Email::parse("ana.souza@example.org").ok();
    }
    create
}

/// Waits until a worker has applied it, and gives the contact that it made.
pub async fn applied(pair: &Pair, create: &Envelope) -> NewContact {
    eventually("it is applied", async || {
        let recorded = pair.parts.store.command(create.command.id).await.unwrap()?;
        (recorded.status == CommandStatus::Applied).then_some(())
    })
    .await;
    let contact = pair.parts.store.contact(create.command.contact_id).await;
    let state = contact.unwrap().unwrap().state;
    NewContact {
        name: state.name.value.unwrap(),
        phone: state.phone.value,
        email: state.email.value,
    }
}

fn impersonal(answer: &Value) {
    let text = answer.to_string().to_lowercase();
    for personal in ["souza", "lima", "99876", "3456789", "example.org", "segredo"] {
        assert!(!text.contains(personal), "{personal}: {text}");
    }
}

pub fn codes(problem: &Value) -> Vec<String> {
    let faults = problem["errors"].as_array().unwrap();
    let text = |fault: &Value, member: &str| fault[member].as_str().unwrap().to_owned();
    let code = |fault: &Value| format!("{} {}", text(fault, "pointer"), text(fault, "code"));
    faults.iter().map(code).collect()
}

async fn an_unstorable_command_is_corrected_and_applied(pair: Pair) {
    let (desk, worker) = (Desk::open(&pair).await, worker(&pair).await);
    let create = create(&pair);
    let mut message: Value = serde_json::from_slice(&create.encode()).unwrap();
    message["contact"]["phone"] = "(31) 99876-5432".into();
    message["contact"]["email"] = "segredo\0@example.org".into();
    pair.publish(message.to_string().into_bytes()).await;
    let letter = desk.listed("reason=unstorable", 1).await.remove(0);

    // Both must be corrected, and both are told.
    let (status, problem) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &json!({ "name": "Bia Lima" }))
        .await;
    assert_eq!(
        (status, codes(&problem)),
        (
            422,
            vec!["/phone unstorable".to_owned(), "/email unstorable".to_owned()]
        ),
        "{problem}"
    );
    let corrections = json!({ "phone": "(21) 2345-6789", "email": null });
    let (status, answer) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &corrections)
        .await;
    assert_eq!(status, 202, "{answer}");
    let changes = json!([
        { "field": "phone", "before": "***32", "after": "***89" },
        { "field": "email", "before": "***", "after": null },
    ]);
    assert_eq!(answer["changes"], changes);
    impersonal(&answer);
    let corrected = &answer["deadLetter"];
    assert_eq!(corrected["commandId"], create.command.id.to_string());
    assert_eq!(corrected["replaces"], json!([letter["id"]]));
    let contact = applied(&pair, &create).await;
    assert_eq!(contact.phone, Phone::parse("(21) 2345-6789").ok());
    assert_eq!(contact.email, None);
    let closed = desk.listed("state=resolved", 1).await;
    assert_eq!(closed[0]["id"], corrected["id"]);
    assert_eq!(desk.listed("state=replaced", 1).await[0]["id"], letter["id"]);
    worker.stop().await;
    desk.running.stop().await;
}

/// To see it red: let `replay` take what was replaced, or leave the others of the same command open in `replace`.
async fn the_original_is_never_sent(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = create(&pair);
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    // A second failure of the same command, and another request under its id.
    send(&pair, &create, Reason::StoreRefused, 1).await;
    send(&pair, &create, Reason::IdConflict, 2).await;
    let second = desk.listed("", 3).await.remove(1);
    assert_eq!(second["replay"], 1);

    let correction = json!({ "name": "Bia Lima" });
    let (status, answer) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &correction)
        .await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(answer["deadLetter"]["state"], "replayed");
    assert_eq!(answer["deadLetter"]["replay"], 3, "one more than any of them");
    assert_eq!(answer["deadLetter"]["reason"], "store-refused");
    assert_eq!(answer["deadLetter"]["group"], letter["group"]);
    assert_eq!(
        answer["deadLetter"]["replaces"],
        json!([letter["id"], second["id"]])
    );
    assert_eq!(desk.listed("state=open", 1).await[0]["reason"], "id-conflict");
    for original in [&letter, &second] {
        let (_, detail) = desk.get(&path(original, "")).await;
        assert_eq!(
            (&detail["state"], &detail["replacedBy"], &detail["replayWould"]),
            (
                &json!("replaced"),
                &answer["deadLetter"]["id"],
                &json!("cannotBeSent")
            )
        );
        for act in ["/replay", "/edit-and-replay"] {
            let (status, problem) = desk.post_json(&path(original, act), &correction).await;
            assert_eq!(
                (status, problem["type"].as_str()),
                (409, Some("/docs#dead-letter-closed")),
                "{act}: {problem}"
            );
        }
        // Nor does giving it up end the command.
        desk.post(&path(original, "/discard")).await;
    }
    let recorded = pair.ended(create.command.id).await;
    assert_eq!(recorded.status, CommandStatus::DeadLettered);
    let depth = pair.parts.broker.depth(Queue::Commands).await.unwrap();
    assert_eq!(depth, 1, "the corrected one alone");

    let worker = worker(&pair).await;
    let contact = applied(&pair, &create).await;
    assert_eq!(contact.name.as_str(), "Bia Lima");
    assert_eq!(contact.email, Email::parse("ana.souza@example.org").ok());
    desk.listed("state=resolved", 2).await;
    desk.listed("state=replaced", 2).await;
    worker.stop().await;
    desk.running.stop().await;
}

async fn a_dry_run_shows_the_difference_and_changes_nothing(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = create(&pair);
    let changes = Changes {
        name: None,
        phone: Some(None),
        email: Some(Email::parse("ana@example.org").ok()),
    };
    let id = pair.ids.issue(pair.parts.clock.now_ms(), 1).command;
    let command = Command {
        id,
        action: Action::Update(changes),
        ..create.command.clone()
    };
    send_dead_letter(&pair, &pair.envelope(id, command), Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let (_, before) = desk.get(&path(&letter, "")).await;
    let correction = json!({ "name": "Bia Lima", "phone": "(21) 2345-6789", "dryRun": true });
    let (status, answer) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &correction)
        .await;
    assert_eq!(status, 200, "{answer}");
    // What an update does not name it keeps: that is not the same as empty.
    let expected = json!({
        "changes": [
            { "field": "name", "after": "B***" },
            { "field": "phone", "before": null, "after": "***89" },
        ],
        "replayWould": "wouldApply",
    });
    assert_eq!(answer, expected);
    let (_, after) = desk.get(&path(&letter, "")).await;
    assert_eq!(before, after);
    desk.listed("", 1).await;
    let depth = pair.parts.broker.depth(Queue::Commands).await.unwrap();
    assert_eq!((depth, pair.number("SELECT COUNT(*) FROM audit").await), (0, 0));
    desk.running.stop().await;
}

async fn all_faults_are_listed_and_no_value_is_repeated(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let original = create(&pair);
    send_dead_letter(&pair, &original, Reason::StoreRefused).await;
    let delete = Command {
        id: pair.ids.issue(pair.parts.clock.now_ms(), 2).command,
        action: Action::Delete,
        ..original.command.clone()
    };
    send_dead_letter(
        &pair,
        &pair.envelope(delete.id, delete.clone()),
        Reason::DeliveryLimit,
    )
    .await;
    let create_letter = desk.listed("operation=create", 1).await.remove(0);
    let delete_letter = desk.listed("operation=delete", 1).await.remove(0);
    let mut message: Value = serde_json::from_slice(&original.encode()).unwrap();
    let same = message.to_string();
    message["principal"] = "segredo".into();
    let principal = message.to_string();
    message["principal"] = "".into();
    message["contact"]["name"] = "1".into();
    message["contact"]["email"] = "segredo".into();
    let broken = message.to_string();
    message["contact"] = json!({ "name": "Bia Lima", "phone": null, "email": null });
    let unreachable = message.to_string();

    let cases = [
        (
            &create_letter,
            json!({ "name": "1", "phone": "segredo", "email": 7, "segredo souza": 1, "dryRun": 1 }),
            vec![
                " unknown-member",
                "/dryRun wrong-type",
                "/email wrong-type",
                "/name too-short",
                "/phone malformed",
            ],
        ),
        (&create_letter, json!({ "name": null }), vec!["/name required"]),
        (&create_letter, json!({}), vec![" changes-nothing"]),
        (
            &create_letter,
            json!({ "name": " Ana Souza " }),
            vec![" changes-nothing"],
        ),
        (
            &create_letter,
            json!({ "phone": null, "email": null }),
            vec![" phone-or-email-required"],
        ),
        (
            &create_letter,
            json!({ "name": "Bia Lima", "message": same }),
            vec![" fields-and-message"],
        ),
        (
            &create_letter,
            json!({ "message": same }),
            vec!["/message changes-nothing"],
        ),
        (
            &create_letter,
            json!({ "message": "segredo" }),
            vec!["/message undecodable"],
        ),
        (
            &create_letter,
            json!({ "message": principal }),
            vec!["/message identity-changed"],
        ),
        (
            &create_letter,
            json!({ "message": broken }),
            vec!["/message malformed", "/message too-short"],
        ),
        (
            &create_letter,
            json!({ "message": unreachable }),
            vec!["/message phone-or-email-required"],
        ),
        (
            &delete_letter,
            json!({ "name": "Bia Lima" }),
            vec![" changes-nothing"],
        ),
    ];
    for (letter, body, expected) in cases {
        let (status, problem) = desk.post_json(&path(letter, "/edit-and-replay"), &body).await;
        assert_eq!(
            (status, codes(&problem)),
            (422, expected.iter().map(|&code| code.to_owned()).collect()),
            "{problem}"
        );
        impersonal(&problem);
    }
    let unknown = format!("/v1/dead-letters/{}/edit-and-replay", Uuid::now_v7());
    assert_eq!(desk.post_json(&unknown, &json!({ "name": "Bia" })).await.0, 404);
    assert_eq!(desk.post(&path(&create_letter, "/edit-and-replay")).await.0, 415);
    desk.listed("state=open", 2).await;
    desk.running.stop().await;
}

async fn what_cannot_be_read_is_replaced_by_a_message(pair: Pair) {
    let (desk, worker) = (Desk::open(&pair).await, worker(&pair).await);
    pair.publish(b"segredo".to_vec()).await;
    let letter = desk.listed("reason=undecodable", 1).await.remove(0);
    let edit = path(&letter, "/edit-and-replay");
    let (status, problem) = desk.post_json(&edit, &json!({ "name": "Bia Lima" })).await;
    assert_eq!((status, codes(&problem)), (422, vec![" unreadable".to_owned()]));

    let create = create(&pair);
    let mut foreign = create.clone();
    foreign.command.id = "01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1".parse().unwrap();
    foreign.command.action = Action::Delete;
    let message = String::from_utf8(foreign.encode()).unwrap();
    let (status, problem) = desk.post_json(&edit, &json!({ "message": message })).await;
    assert_eq!(
        (status, codes(&problem)),
        (422, vec!["/message foreign-id".to_owned()])
    );

    let message = String::from_utf8(create.encode()).unwrap();
    let dry = json!({ "message": message, "dryRun": true });
    let (status, preview) = desk.post_json(&edit, &dry).await;
    assert_eq!(
        (status, &preview["replayWould"]),
        (200, &json!("wouldApply")),
        "{preview}"
    );
    assert!(
        pair.parts
            .store
            .command(create.command.id)
            .await
            .unwrap()
            .is_none()
    );
    let (status, answer) = desk.post_json(&edit, &json!({ "message": message })).await;
    assert_eq!(status, 202, "{answer}");
    impersonal(&answer);
    assert_eq!(answer["changes"], preview["changes"]);
    assert_eq!(answer["changes"][0], json!({ "field": "name", "after": "A***" }));
    assert_eq!(applied(&pair, &create).await.name.as_str(), "Ana Souza");
    assert_eq!(desk.listed("state=replaced", 1).await[0]["id"], letter["id"]);
    desk.listed("state=resolved", 1).await;

    // A command that has ended is not sent in the place of anything.
    pair.publish(b"{".to_vec()).await;
    let letter = desk.listed("state=open", 1).await.remove(0);
    let (status, problem) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &json!({ "message": message }))
        .await;
    assert_eq!(status, 409, "{problem}");
    worker.stop().await;
    desk.running.stop().await;
}

/// A dead letter of a command that had been sent again so often.
pub async fn send(pair: &Pair, envelope: &Envelope, reason: Reason, replay: u32) {
    let letter = DeadLetter {
        reason,
        detail: "SQL refuses it: refused (code 23514)".to_owned(),
        attempt: 4,
        replay,
        failed_at: pair.parts.clock.now(),
        worker: "w/1".to_owned(),
        traceparent: None,
        content_type: "application/json".to_owned(),
        payload: Payload(envelope.encode()),
    };
    crate::dead_letters::publish(pair, Queue::DeadLetters, letter.encode()).await;
}
