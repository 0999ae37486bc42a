//! Corrections that meet a crash, one another, a replay, a discard or a delete.

use serde_json::{Value, json};
use shared::{
    broker::Queue,
    domain::{Action, Command, Phone, Rejection, Stamp},
    store::{
        audit::{Act, Entry},
        dead_letters::{Corrected, DeadCommand, DeadLetterState, Replacement},
    },
    wire::{CommandStatus, Envelope, Payload, Reason},
};
use test_support::{Pair, on_both_pairs};
use uuid::Uuid;

use crate::{
    dead_letters::{Desk, path, send_dead_letter, worker},
    edit::{applied, codes, create, send},
};

on_both_pairs!(
    a_crash_before_the_message_is_sent_leaves_the_corrected_one,
    to_discard_the_corrected_one_ends_the_command,
    what_was_sent_is_not_corrected_before_it_has_failed_again,
    of_two_corrections_at_once_one_is_made,
    of_a_replay_and_a_correction_at_once_one_is_sent,
    what_was_erased_is_not_corrected,
);

/// Replaces a dead letter as the service does, which then dies before it sends anything.
async fn replaced_and_not_sent(pair: &Pair, letter: &Value, create: &Envelope) -> Uuid {
    let mut corrected = create.clone();
    if let Action::Create(contact) = &mut corrected.command.action {
        contact.phone = Phone::parse("(21) 2345-6789").ok();
    }
    let replacement = Replacement {
        id: Uuid::now_v7(),
        payload: Payload(corrected.encode()),
        command: DeadCommand {
            id: corrected.command.id,
            contact_id: corrected.command.contact_id,
            operation: corrected.command.action.operation(),
            stamp: corrected.command.stamp,
            request_hash: corrected.request_hash,
        },
        traceparent: None,
    };
    let id = Uuid::try_parse(letter["id"].as_str().unwrap()).unwrap();
    let entry = Entry {
        dead_letter: Some(id),
        ..Entry::new(Act::EditAndReplay, "", pair.parts.clock.now())
    };
    let keys = pair.payload_keys();
    let replaced = pair
        .parts
        .store
        .replace_dead_letter(id, &replacement, &keys, &entry);
    assert_eq!(replaced.await.unwrap(), Corrected::Done);
    replacement.id
}

async fn a_crash_before_the_message_is_sent_leaves_the_corrected_one(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = create(&pair);
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let corrected = replaced_and_not_sent(&pair, &letter, &create).await;
    let open = desk.listed("state=open", 1).await.remove(0);
    assert_eq!(open["id"], corrected.to_string());
    assert_eq!(desk.post(&path(&letter, "/replay")).await.0, 409);
    assert_eq!(desk.post(&path(&open, "/replay")).await.0, 202);
    let worker = worker(&pair).await;
    let contact = applied(&pair, &create).await;
    assert_eq!(contact.phone, Phone::parse("(21) 2345-6789").ok());
    desk.listed("state=resolved", 1).await;
    worker.stop().await;
    desk.running.stop().await;
}

async fn to_discard_the_corrected_one_ends_the_command(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = create(&pair);
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let corrected = replaced_and_not_sent(&pair, &letter, &create).await;
    desk.post(&path(&letter, "/discard")).await;
    assert_eq!(
        pair.ended(create.command.id).await.status,
        CommandStatus::DeadLettered
    );
    let corrected = json!({ "id": corrected.to_string() });
    assert_eq!(desk.post(&path(&corrected, "/discard")).await.0, 200);
    assert_eq!(
        pair.ended(create.command.id).await.status,
        CommandStatus::Rejected(Rejection::Discarded)
    );
    assert_eq!(desk.listed("state=replaced", 1).await[0]["id"], letter["id"]);
    let (status, _) = desk
        .post_json(
            &path(&corrected, "/edit-and-replay"),
            &json!({ "name": "Bia Lima" }),
        )
        .await;
    assert_eq!(status, 409);
    desk.running.stop().await;
}

async fn what_was_sent_is_not_corrected_before_it_has_failed_again(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = create(&pair);
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let first = desk.listed("", 1).await.remove(0);
    assert_eq!(desk.post(&path(&first, "/replay")).await.0, 202);
    let correction = json!({ "name": "Bia Lima" });
    for body in [&correction, &json!({ "name": "Bia Lima", "dryRun": true })] {
        let (status, problem) = desk.post_json(&path(&first, "/edit-and-replay"), body).await;
        assert_eq!(
            (status, problem["type"].as_str()),
            (409, Some("/docs#dead-letter-closed")),
            "{problem}"
        );
    }
    // Nor is another one of the same command.
    let other = pair.create("Caio Lima");
    send(&pair, &other, Reason::StoreRefused, 0).await;
    send(&pair, &other, Reason::StoreRefused, 1).await;
    let of_other = format!("commandId={}", other.command.id);
    let both = desk.listed(&of_other, 2).await;
    assert_eq!(desk.post(&path(&both[0], "/replay")).await.0, 202);
    let (status, _) = desk
        .post_json(&path(&both[1], "/edit-and-replay"), &correction)
        .await;
    assert_eq!(status, 409);
    assert_eq!(desk.post(&path(&both[1], "/discard")).await.0, 200);

    // Another request under the same id tells nothing of it; a failure after the replay does.
    send(&pair, &create, Reason::IdConflict, 5).await;
    let conflict = desk.listed("reason=id-conflict", 1).await.remove(0);
    let (status, problem) = desk
        .post_json(&path(&conflict, "/edit-and-replay"), &correction)
        .await;
    assert_eq!((status, codes(&problem)), (422, vec![" id-conflict".to_owned()]));
    send(&pair, &create, Reason::StoreRefused, 1).await;
    let again = desk.listed("reason=store-refused&state=open", 1).await.remove(0);
    let (status, answer) = desk
        .post_json(&path(&again, "/edit-and-replay"), &correction)
        .await;
    assert_eq!(status, 202, "{answer}");
    assert_eq!(
        answer["deadLetter"]["replaces"],
        json!([first["id"], again["id"]])
    );
    assert_eq!(desk.post(&path(&first, "/replay")).await.0, 409);

    // The corrected one fails, too: that is a failure of its own, and it can be corrected again.
    let replay = u32::try_from(answer["deadLetter"]["replay"].as_u64().unwrap()).unwrap();
    send(&pair, &create, Reason::StoreRefused, replay + 1).await;
    let dead_again = desk.listed("reason=store-refused&state=open", 1).await.remove(0);
    let (status, answer) = desk
        .post_json(&path(&dead_again, "/edit-and-replay"), &correction)
        .await;
    assert_eq!(status, 202, "{answer}");
    desk.running.stop().await;
}

/// A replay and a correction at once: the message of one of them is sent. To see it red: note the replay without the lock, or do
/// not look for the note.
async fn of_a_replay_and_a_correction_at_once_one_is_sent(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for _ in 0..5 {
        let create = create(&pair);
        send_dead_letter(&pair, &create, Reason::StoreRefused).await;
        let query = format!("commandId={}", create.command.id);
        let letter = desk.listed(&query, 1).await.remove(0);
        let (edit, replay) = (path(&letter, "/edit-and-replay"), path(&letter, "/replay"));
        let correction = json!({ "name": "Bia Lima" });
        let (edited, replayed) = tokio::join!(desk.post_json(&edit, &correction), desk.post(&replay));
        let mut statuses = [edited.0, replayed.0];
        statuses.sort_unstable();
        assert_eq!(statuses, [202, 409], "{} {}", edited.1, replayed.1);
    }
    assert_eq!(pair.parts.broker.depth(Queue::Commands).await.unwrap(), 5);

    // One that was noted and is not known to have been sent, since the service died, is not corrected at once.
    let create = create(&pair);
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let query = format!("commandId={}", create.command.id);
    let letter = desk.listed(&query, 1).await.remove(0);
    let id = Uuid::try_parse(letter["id"].as_str().unwrap()).unwrap();
    let entry = Entry {
        dead_letter: Some(id),
        ..Entry::new(Act::Replay, "", pair.parts.clock.now())
    };
    let noted = pair.parts.store.note_sending(id, &entry).await.unwrap();
    assert_eq!(noted, Some(DeadLetterState::Open));
    let (status, problem) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &json!({ "name": "Bia Lima" }))
        .await;
    assert_eq!(status, 409, "{problem}");
    desk.running.stop().await;
}

async fn of_two_corrections_at_once_one_is_made(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = create(&pair);
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let edit = path(&letter, "/edit-and-replay");
    let (one, two) = (json!({ "name": "Bia Lima" }), json!({ "name": "Caio Lima" }));
    let (one, two) = tokio::join!(desk.post_json(&edit, &one), desk.post_json(&edit, &two));
    let mut statuses = [one.0, two.0];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409]);
    desk.listed("state=replayed", 1).await;
    assert_eq!(pair.parts.broker.depth(Queue::Commands).await.unwrap(), 1);
    assert_eq!(pair.number("SELECT COUNT(*) FROM audit").await, 1);
    let values = "SELECT COUNT(*) FROM audit WHERE after LIKE '%\"name\"%' AND before LIKE '%open%' \
                  AND after NOT LIKE '%Lima%' AND before NOT LIKE '%Souza%'";
    assert_eq!(pair.number(values).await, 1, "which fields, and no values");
    desk.running.stop().await;
}

async fn what_was_erased_is_not_corrected(pair: Pair) {
    let (desk, worker) = (Desk::open(&pair).await, worker(&pair).await);
    let create = create(&pair);
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let delete = Command {
        id: pair.ids.issue(2, 2).command,
        stamp: Stamp::at_ms(2),
        action: Action::Delete,
        ..create.command.clone()
    };
    pair.publish(pair.envelope(delete.id, delete.clone()).encode())
        .await;
    pair.ended(delete.id).await;
    let (status, problem) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &json!({ "name": "Bia Lima" }))
        .await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (410, Some("/docs#dead-letter-erased")),
        "{problem}"
    );
    worker.stop().await;
    desk.running.stop().await;
}
