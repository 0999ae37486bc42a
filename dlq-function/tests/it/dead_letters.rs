//! From a dead letter on the queue to its end, through the HTTP API.

use std::net::SocketAddr;

use serde_json::Value;
use shared::{
    broker::{Message, Queue},
    clock::Clock,
    role::Parts,
    store::dead_letters::{DeadLetterFilter, DeadLetterState},
    wire::{CommandStatus, DeadLetter, Envelope, Payload, Reason},
};
use test_support::{Pair, Running, eventually, on_both_pairs};

on_both_pairs!(
    a_replay_applies_what_failed_and_closes_it,
    what_is_still_poison_is_dead_lettered_again_with_its_history,
    a_discard_ends_the_command,
    what_the_broker_dead_lettered_is_recognised_and_split,
    copies_are_one_and_what_was_settled_late_is_known,
    a_deleted_contacts_dead_letters_have_no_payload,
    sql_that_is_down_keeps_dead_letters_in_the_queue,
    lists_are_paged_and_filtered_and_say_what_is_wrong,
);

const REFUSED: &str = "SQL refuses it: refused (code 23514)";

/// A service that runs, spoken to by HTTP.
pub struct Desk {
    pub running: Running,
    address: SocketAddr,
    client: reqwest::Client,
}

impl Desk {
    pub async fn open(pair: &Pair) -> Self {
        Self::open_at(pair, pair.parts.clock.clone()).await
    }

    /// One with a clock of its own.
    pub async fn open_at(pair: &Pair, clock: Clock) -> Self {
        let parts = Parts {
            clock,
            ..pair.parts.clone()
        };
        let service = dlq_function::build(&pair.settings, parts).await.unwrap();
        let address = service.address();
        Self {
            running: pair.run(|stop| service.run(stop)),
            address,
            client: reqwest::Client::new(),
        }
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub async fn get(&self, path: &str) -> (u16, Value) {
        let response = self
            .client
            .get(format!("http://{}{path}", self.address))
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    pub async fn send_post(&self, path: &str) -> reqwest::Response {
        let request = self.client.post(format!("http://{}{path}", self.address));
        request.send().await.unwrap()
    }

    pub async fn post(&self, path: &str) -> (u16, Value) {
        let response = self.send_post(path).await;
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Sends a body.
    pub async fn post_json(&self, path: &str, body: &Value) -> (u16, Value) {
        let url = format!("http://{}{path}", self.address);
        let response = self.client.post(url).json(body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A request for the tests to finish.
    pub fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        self.client
            .request(method, format!("http://{}{path}", self.address))
    }

    /// Waits until a query lists so many.
    pub async fn listed(&self, query: &str, count: usize) -> Vec<Value> {
        eventually("the dead letters are listed", async || {
            let (status, page) = self.get(&format!("/v1/dead-letters?{query}")).await;
            assert_eq!(status, 200, "{page}");
            let items = page["items"].as_array().unwrap().clone();
            (items.len() == count).then_some(items)
        })
        .await
    }
}

pub async fn worker(pair: &Pair) -> Running {
    let service = consumer_worker::build(&pair.settings, pair.parts.clone())
        .await
        .unwrap();
    pair.run(|stop| service.run(stop))
}

/// A dead letter of ours, as a worker makes it of these bytes.
pub fn letter(pair: &Pair, payload: Vec<u8>) -> DeadLetter {
    DeadLetter {
        reason: Reason::StoreRefused,
        detail: REFUSED.to_owned(),
        attempt: 4,
        replay: 0,
        failed_at: pair.parts.clock.now(),
        worker: "w/1".to_owned(),
        traceparent: None,
        content_type: "application/json".to_owned(),
        payload: Payload(payload),
    }
}

/// A dead letter of ours on the queue, as a worker sends it.
pub async fn send_dead_letter(pair: &Pair, envelope: &Envelope, reason: Reason) {
    send_with_detail(pair, envelope, reason, REFUSED).await;
}

/// The same with words of one's own.
pub async fn send_with_detail(pair: &Pair, envelope: &Envelope, reason: Reason, detail: &str) {
    let letter = DeadLetter {
        reason,
        detail: detail.to_owned(),
        ..letter(pair, envelope.encode())
    };
    publish(pair, Queue::DeadLetters, letter.encode()).await;
}

pub async fn publish(pair: &Pair, queue: Queue, body: Vec<u8>) {
    let message = Message {
        body,
        kind: DeadLetter::MESSAGE_TYPE.to_owned(),
        message_id: "test".to_owned(),
        content_type: "application/json".to_owned(),
        attempt: 4,
        replay: 0,
        traceparent: None,
    };
    pair.parts.broker.publish(queue, &message).await.unwrap();
}

pub fn path(letter: &Value, action: &str) -> String {
    format!("/v1/dead-letters/{}{action}", letter["id"].as_str().unwrap())
}

async fn a_replay_applies_what_failed_and_closes_it(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana Souza");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("state=open", 1).await.remove(0);
    assert_eq!(letter["reason"], "store-refused");
    assert_eq!(letter["commandId"], create.command.id.to_string());
    let recorded = pair
        .parts
        .store
        .command(create.command.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(recorded.status, CommandStatus::DeadLettered);

    let (status, detail) = desk.get(&path(&letter, "")).await;
    assert_eq!(
        (status, detail["replayWould"].as_str()),
        (200, Some("wouldApply")),
        "{detail}"
    );
    assert_eq!(detail["maskedBody"]["contact"]["name"], "A***");
    assert!(!detail.to_string().contains("Souza"));

    // Twice is the same as once.
    let (status, replayed) = desk.post(&path(&letter, "/replay")).await;
    assert_eq!(
        (status, replayed["state"].as_str()),
        (202, Some("replayed")),
        "{replayed}"
    );
    assert_eq!(desk.post(&path(&letter, "/replay")).await.0, 202);
    let worker = worker(&pair).await;
    eventually("it is applied", async || {
        let recorded = pair
            .parts
            .store
            .command(create.command.id)
            .await
            .unwrap()
            .unwrap();
        (recorded.status == CommandStatus::Applied).then_some(())
    })
    .await;
    pair.drained().await;
    let letter = desk.listed("state=resolved", 1).await.remove(0);
    let (status, problem) = desk.post(&path(&letter, "/replay")).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (409, Some("/docs#dead-letter-closed")),
        "{problem}"
    );
    worker.stop().await;
    desk.running.stop().await;
}

async fn what_is_still_poison_is_dead_lettered_again_with_its_history(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let worker = worker(&pair).await;
    let mut ahead = pair.create("Ana");
    ahead.command.stamp = shared::domain::Stamp::at_ms(pair.parts.clock.now_ms() + 3_600_000);
    pair.publish(ahead.encode()).await;
    pair.publish(b"not json".to_vec()).await;
    for query in ["reason=stamp-ahead", "reason=undecodable"] {
        let first = desk.listed(query, 1).await.remove(0);
        let (_, detail) = desk.get(&path(&first, "")).await;
        assert_eq!(detail["replayWould"], "wouldFailAgain");
        assert_eq!(desk.post(&path(&first, "/replay")).await.0, 202);
        let both = desk.listed(query, 2).await;
        let replays: Vec<_> = both
            .iter()
            .map(|letter| letter["replay"].as_u64().unwrap())
            .collect();
        assert_eq!(replays, [1, 0], "newest first");
        assert_eq!(both[0]["state"], "open");
        assert_eq!(both[0]["group"], both[1]["group"]);
    }
    let again = desk.listed("reason=stamp-ahead&state=open", 1).await.remove(0);
    let (_, detail) = desk.get(&path(&again, "")).await;
    assert_eq!(detail["history"].as_array().unwrap().len(), 2, "{detail}");
    worker.stop().await;
    desk.running.stop().await;
}

async fn a_discard_ends_the_command(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let letter = desk.listed("state=open", 1).await.remove(0);
    let (status, discarded) = desk.post(&path(&letter, "/discard")).await;
    assert_eq!(
        (status, discarded["state"].as_str()),
        (200, Some("discarded")),
        "{discarded}"
    );
    let recorded = pair
        .parts
        .store
        .command(create.command.id)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        recorded.status,
        CommandStatus::Rejected(shared::domain::Rejection::Discarded)
    );
    assert_eq!(desk.post(&path(&letter, "/replay")).await.0, 409);
    assert_eq!(
        desk.post("/v1/dead-letters/01a201f4-67d6-76cd-8ebc-11f1ce2a2ba1/discard")
            .await
            .0,
        404
    );
    desk.running.stop().await;
}

async fn what_the_broker_dead_lettered_is_recognised_and_split(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let (one, two) = (pair.create("Ana"), pair.create("Bia"));
    let array = [
        b"[".as_slice(),
        &one.encode(),
        b",{\"v\":7},",
        &two.encode(),
        b"]",
    ]
    .concat();
    publish(&pair, Queue::DeadLetters, array).await;
    let letters = desk.listed("state=open", 3).await;
    let reasons: Vec<_> = letters
        .iter()
        .rev()
        .map(|letter| letter["reason"].as_str().unwrap())
        .collect();
    assert_eq!(reasons, ["unknown", "unknown-version", "unknown"]);
    assert!(letters.iter().all(|letter| letter["worker"] == "broker"));
    // Each is replayed by itself.
    let worker = worker(&pair).await;
    assert_eq!(desk.post(&path(&letters[0], "/replay")).await.0, 202);
    eventually("it is applied", async || {
        let recorded = pair.parts.store.command(two.command.id).await.unwrap().unwrap();
        (recorded.status == CommandStatus::Applied).then_some(())
    })
    .await;
    let status = pair
        .parts
        .store
        .command(one.command.id)
        .await
        .unwrap()
        .unwrap()
        .status;
    assert_eq!(status, CommandStatus::DeadLettered);
    worker.stop().await;
    desk.running.stop().await;
}

async fn copies_are_one_and_what_was_settled_late_is_known(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let (waits, ended) = (pair.create("Ana"), pair.create("Bia"));
    let worker = worker(&pair).await;
    pair.publish(ended.encode()).await;
    pair.ended(ended.command.id).await;
    for _ in 0..3 {
        send_dead_letter(&pair, &waits, Reason::StoreRefused).await;
        send_dead_letter(&pair, &ended, Reason::DeliveryLimit).await;
    }
    eventually("all are collected", async || {
        (pair.parts.broker.depth(Queue::DeadLetters).await.unwrap() == 0).then_some(())
    })
    .await;
    assert_eq!(desk.listed("state=open", 1).await.len(), 1);
    assert_eq!(
        desk.listed("state=resolved", 1).await[0]["commandId"],
        ended.command.id.to_string()
    );
    assert_eq!(pair.ended(ended.command.id).await.status, CommandStatus::Applied);
    worker.stop().await;
    desk.running.stop().await;
}

async fn a_deleted_contacts_dead_letters_have_no_payload(pair: Pair) {
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana Souza");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    desk.listed("state=open", 1).await;
    let id = pair.ids.issue(2, 2).command;
    let delete = shared::domain::Command {
        id,
        contact_id: create.command.contact_id,
        stamp: shared::domain::Stamp::at_ms(2),
        if_match: None,
        action: shared::domain::Action::Delete,
    };
    let worker = worker(&pair).await;
    pair.publish(pair.envelope(id, delete).encode()).await;
    pair.ended(id).await;
    let letter = desk.listed("state=open", 1).await.remove(0);
    assert_eq!(letter["erased"], true);
    let (_, detail) = desk.get(&path(&letter, "")).await;
    assert_eq!(detail["replayWould"], "cannotBeSent");
    let (status, problem) = desk.post(&path(&letter, "/replay")).await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (410, Some("/docs#dead-letter-erased"))
    );
    assert_eq!(desk.post(&path(&letter, "/discard")).await.0, 200);
    worker.stop().await;
    desk.running.stop().await;
}

async fn sql_that_is_down_keeps_dead_letters_in_the_queue(pair: Pair) {
    pair.sql("ALTER TABLE dead_letters RENAME TO hidden").await;
    let desk = Desk::open(&pair).await;
    let create = pair.create("Ana");
    send_dead_letter(&pair, &create, Reason::StoreRefused).await;
    let (status, problem) = desk.get("/v1/dead-letters").await;
    assert_eq!(
        (status, problem["type"].as_str()),
        (503, Some("/docs#store-unavailable")),
        "{problem}"
    );
    assert!(
        !problem.to_string().contains("dead_letters"),
        "no word of SQL's own: {problem}"
    );
    pair.sql("ALTER TABLE hidden RENAME TO dead_letters").await;
    desk.listed("state=open", 1).await;
    assert_eq!(pair.parts.broker.depth(Queue::DeadLetters).await.unwrap(), 0);
    assert_eq!(pair.parts.broker.depth(Queue::Parking).await.unwrap(), 0);
    desk.running.stop().await;
}

async fn lists_are_paged_and_filtered_and_say_what_is_wrong(pair: Pair) {
    let desk = Desk::open(&pair).await;
    for n in 0..5 {
        send_dead_letter(&pair, &pair.create(&format!("Ana {n}")), Reason::StoreRefused).await;
    }
    let all = desk.listed("", 5).await;
    let (_, first) = desk.get("/v1/dead-letters?limit=3").await;
    let cursor = first["nextCursor"].as_str().unwrap();
    let (_, second) = desk
        .get(&format!("/v1/dead-letters?limit=3&cursor={cursor}"))
        .await;
    let mut paged = first["items"].as_array().unwrap().clone();
    paged.extend(second["items"].as_array().unwrap().clone());
    assert_eq!(paged, all);
    assert_eq!(second["nextCursor"], Value::Null);
    assert_eq!(
        desk.get(&format!("/v1/dead-letters?state=open&cursor={cursor}"))
            .await
            .0,
        400,
        "bound to its filters"
    );
    let contact = all[0]["contactId"].as_str().unwrap();
    assert_eq!(
        desk.listed(&format!("contactId={contact}&operation=create"), 1)
            .await
            .len(),
        1
    );
    assert_eq!(desk.listed("until=2020-01-01T00:00:00Z", 0).await.len(), 0);
    let (status, problem) = desk.get("/v1/dead-letters?reason=segredo&limit=0").await;
    assert_eq!(status, 400);
    let pointers: Vec<_> = problem["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].clone())
        .collect();
    assert_eq!(pointers, ["/limit", "/reason"]);
    assert!(!problem.to_string().contains("segredo"));
    assert_eq!(desk.get("/v1/dead-letters?colour=red").await.0, 400);
    assert_eq!(desk.get("/v1/nothing").await.0, 404);
    assert_eq!(desk.post("/v1/dead-letters").await.0, 405);
    let open = DeadLetterFilter {
        state: Some(DeadLetterState::Open),
        ..DeadLetterFilter::default()
    };
    assert_eq!(pair.parts.store.dead_letters_count(&open).await.unwrap(), 5);
    desk.running.stop().await;
}
