//! One dead letter with all that an operator wants to know before acting on it.

use serde_json::{Value, json};
use shared::{
    broker::Queue,
    domain::{Action, Changes, Command, Email, Name, Phone, Stamp},
    wire::{DeadLetter, Envelope, Payload, Reason},
};
use test_support::{Pair, on_both_pairs};
use uuid::Uuid;

use crate::dead_letters::{Desk, path, publish, send_dead_letter, worker};

on_both_pairs!(
    the_contact_and_what_came_after_are_shown,
    when_it_was_sent_again_is_shown,
);

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn update(pair: &Pair, of: &Envelope, stamp: Stamp, changes: Changes) -> Envelope {
    let id = pair.ids.issue(pair.parts.clock.now_ms(), 0).command;
    let command = Command {
        id,
        contact_id: of.command.contact_id,
        stamp,
        if_match: None,
        action: Action::Update(changes),
    };
    pair.envelope(id, command)
}

fn renamed(name: &str) -> Changes {
    Changes {
        name: Name::parse(name).ok(),
        phone: Some(Phone::parse("(11) 98765-4321").ok()),
        email: Some(Email::parse("bia.lima@example.com").ok()),
    }
}

async fn the_contact_and_what_came_after_are_shown(pair: Pair) {
    let (desk, worker) = (Desk::open(&pair).await, worker(&pair).await);
    let now = pair.parts.clock.now_ms();
    let create = pair.create("Ana Souza");
    let failed = update(&pair, &create, Stamp::at_ms(now - 1000), renamed("Ana Lima"));
    let letter = DeadLetter {
        reason: Reason::StoreRefused,
        detail: "SQL refuses it".to_owned(),
        attempt: 4,
        replay: 0,
        failed_at: pair.parts.clock.now(),
        worker: "w/1".to_owned(),
        traceparent: Some(format!("00-{TRACE}-00f067aa0ba902b7-01")),
        content_type: "application/json".to_owned(),
        payload: Payload(failed.encode()),
    };
    publish(&pair, Queue::DeadLetters, letter.encode()).await;
    let letter = desk.listed("", 1).await.remove(0);
    let (_, detail) = desk.get(&path(&letter, "")).await;
    assert_eq!(detail["traceId"], TRACE);
    let contact = create.command.contact_id.to_string();
    let nothing = json!({
        "id": contact, "life": "unknown", "name": null, "phone": null, "email": null, "updatedAt": null
    });
    assert_eq!(detail["contact"], nothing);
    assert_eq!(
        (
            &detail["newer"],
            &detail["replays"],
            &detail["replacedBy"],
            &detail["replaces"]
        ),
        (&json!([]), &json!([]), &Value::Null, &json!([]))
    );

    pair.publish(create.encode()).await;
    pair.ended(create.command.id).await;
    let newer = update(&pair, &create, Stamp::at_ms(now), renamed("Bia Lima"));
    pair.publish(newer.encode()).await;
    pair.ended(newer.command.id).await;
    let (_, detail) = desk.get(&path(&letter, "")).await;
    assert_eq!(detail["replayWould"], "wouldBeSuperseded", "{detail}");
    let shown = &detail["contact"];
    assert_eq!(
        [&shown["life"], &shown["name"], &shown["phone"], &shown["email"]],
        ["born", "B***", "***21", "bi***@…"]
    );
    assert!(shown["updatedAt"].is_string());
    let commands: Vec<_> = detail["newer"].as_array().unwrap().iter().collect();
    let ids: Vec<_> = commands.iter().map(|command| command["id"].clone()).collect();
    assert!(ids.contains(&json!(newer.command.id.to_string())), "{detail}");
    assert!(!ids.contains(&json!(failed.command.id.to_string())));
    assert!(commands.iter().all(|command| command["status"] == "applied"));
    let text = detail.to_string();
    assert!(!text.contains("Lima") && !text.contains("98765") && !text.contains("example.com"));

    let delete = Command {
        action: Action::Delete,
        ..update(&pair, &create, Stamp::at_ms(now + 1), Changes::default()).command
    };
    pair.publish(pair.envelope(delete.id, delete.clone()).encode())
        .await;
    pair.ended(delete.id).await;
    let (_, detail) = desk.get(&path(&letter, "")).await;
    assert_eq!(
        [&detail["contact"]["life"], &detail["contact"]["name"]],
        [&json!("deleted"), &Value::Null]
    );
    assert_eq!(detail["newer"].as_array().unwrap().len(), 3);

    pair.publish(b"not json".to_vec()).await;
    let unread = desk.listed("reason=undecodable", 1).await.remove(0);
    let (_, detail) = desk.get(&path(&unread, "")).await;
    assert_eq!(
        (&detail["contact"], &detail["traceId"]),
        (&Value::Null, &Value::Null)
    );
    worker.stop().await;
    desk.running.stop().await;
}

async fn when_it_was_sent_again_is_shown(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana Souza");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("", 1).await.remove(0);
    let replay = Uuid::now_v7();
    let id = Uuid::try_parse(letter["id"].as_str().unwrap()).unwrap();
    let literal = |id: Uuid| match pair.is_postgres() {
        true => format!("'{id}'"),
        false => format!("X'{}'", id.simple()),
    };
    let time = "'2026-11-22 08:00:00.000+00:00'";
    pair.sql(&format!(
        "INSERT INTO replays (id, principal, request, rate, brake, total, truncated, state, created_at, updated_at)
         VALUES ({}, 'key:1', '{{}}', 1, 0, 1, false, 'finished', {time}, {time})",
        literal(replay)
    ))
    .await;
    for (position, sent) in [(0, time), (1, "NULL")] {
        pair.sql(&format!(
            "INSERT INTO replay_items (replay_id, position, dead_letter_id, state, sent_at)
             VALUES ({}, {position}, {}, 'deadAgain', {sent})",
            literal(replay),
            literal(id)
        ))
        .await;
    }
    let correction = json!({ "name": "Bia Lima" });
    let (status, answer) = desk
        .post_json(&path(&letter, "/edit-and-replay"), &correction)
        .await;
    assert_eq!(status, 202, "{answer}");
    let of_many = json!({
        "at": "2026-11-22T08:00:00.000Z", "by": "key:1", "replayId": replay.to_string(), "corrected": false
    });
    let (_, detail) = desk.get(&path(&letter, "")).await;
    let replays = detail["replays"].as_array().unwrap();
    assert_eq!((replays.len(), &replays[1]), (2, &of_many), "newest first");
    assert_eq!(
        (&replays[0]["corrected"], &replays[0]["replayId"]),
        (&json!(true), &Value::Null)
    );

    // The corrected one was sent by the correction, and is sent again by itself.
    let corrected = &answer["deadLetter"];
    assert_eq!(desk.post(&path(corrected, "/replay")).await.0, 202);
    let (_, detail) = desk.get(&path(corrected, "")).await;
    let how: Vec<_> = detail["replays"].as_array().unwrap().iter().collect();
    let how: Vec<_> = how.iter().map(|sending| sending["corrected"].clone()).collect();
    assert_eq!(how, [false, true]);
    assert_eq!(detail["history"].as_array().unwrap().len(), 2);
    desk.running.stop().await;
}
