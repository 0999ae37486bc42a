//! `Prefer`: who waits, for how long, and what the answer looks like.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::json;
use shared::{
    domain::{Entry, Outcome, Stamp, Verdict},
    payload_keys::PayloadKeys,
    store::dead_letters::{Collected, DeadCommand},
    wire::{DeadLetter, Envelope, Payload, Reason},
};
use test_support::eventually;

use crate::app::{Answer, Pair, TestApp, ana};

on_both_pairs![
    each_outcome_has_its_shape,
    waiting_costs_one_look_a_tick_for_all,
    a_contact_that_was_deleted_meanwhile_is_gone,
    what_newer_commands_decided_is_shown_as_it_is,
    a_dead_letter_is_told_at_once,
];

async fn each_outcome_has_its_shape(app: &TestApp) {
    let created = app.write_and_wait(app.post(&ana())).await;
    assert_eq!(created.status, 201, "{created:?}");
    let id = created.text_of("/id");
    assert_eq!(created.header("location"), format!("/v1/contacts/{id}"));
    assert_eq!(
        (created.header("vary"), created.header("preference-applied")),
        ("Prefer", "wait=20")
    );
    assert_eq!(created.text_of("/phone"), "+5511987654321");
    let shown = app.get(&format!("/v1/contacts/{id}")).await;
    assert_eq!(
        (shown.json(), shown.header("etag")),
        (created.json(), created.header("etag"))
    );

    let minimal =
        |request: reqwest::RequestBuilder| request.header("prefer", "return=minimal, respond-async");
    let terse = app.write_and_wait(minimal(app.post(&ana()))).await;
    assert_eq!((terse.status.as_u16(), terse.text.as_str()), (201, ""));
    assert!(terse.header("location").starts_with("/v1/contacts/") && terse.header("etag").len() == 34);
    assert_eq!(terse.header("preference-applied"), "wait=20, return=minimal");
    let changed = app
        .write_and_wait(minimal(app.patch(&id, &json!({"name": "Bia"}))))
        .await;
    assert_eq!((changed.status.as_u16(), changed.text.as_str()), (204, ""));
    assert!(changed.header("etag").len() == 34 && changed.header("location").is_empty());

    let full = app
        .patch(&id, &json!({"name": "Caio"}))
        .header("prefer", "return=representation");
    let full = app.write_and_wait(full).await;
    assert_eq!(
        (full.status.as_u16(), full.text_of("/name")),
        (200, "Caio".to_owned())
    );
    assert_eq!(
        full.header("preference-applied"),
        "wait=20, return=representation"
    );
    let deleted = app.write_and_wait(app.delete(&id)).await;
    assert_eq!((deleted.status.as_u16(), deleted.text.as_str()), (204, ""));
}

async fn waiting_costs_one_look_a_tick_for_all(app: &TestApp) {
    const WAITING: usize = 40;
    let answered = "contato_wait_queries_total{outcome=\"answered\"}";
    assert_eq!(app.series(answered).await, 0.0);
    let began = Instant::now();
    let requests = (0..WAITING).map(|_| app.send(app.post(&ana()).header("prefer", "wait=30")));
    let all = futures(requests.collect());
    let apply = async {
        eventually("all wait", || async {
            (app.series("contato_waiting_requests").await == WAITING as f64).then_some(())
        })
        .await;
        app.apply(WAITING).await;
    };
    let (answers, ()) = tokio::join!(all, apply);
    assert!(answers.iter().all(|answer| answer.status == 201), "{answers:?}");
    let ticks = began.elapsed().as_millis() as f64 / 25.0;
    let looks = app.series(answered).await;
    assert!(
        (1.0..=ticks + 1.0).contains(&looks),
        "{looks} looks in {ticks} ticks"
    );
    assert_eq!(app.series("contato_waiting_requests").await, 0.0);
    // Nobody waits, nobody looks, though ticks pass meanwhile.
    let still = app.series(answered).await;
    for _ in 0..20 {
        app.get("/v1/contacts").await;
    }
    assert!(app.series(answered).await - still <= 0.0);
}

async fn futures(requests: Vec<impl Future<Output = Answer>>) -> Vec<Answer> {
    let mut pending: Vec<_> = requests.into_iter().map(Box::pin).collect();
    let mut answers = Vec::new();
    std::future::poll_fn(|context| {
        pending.retain_mut(|request| match request.as_mut().poll(context) {
            std::task::Poll::Ready(answer) => {
                answers.push(answer);
                false
            }
            std::task::Poll::Pending => true,
        });
        if pending.is_empty() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    answers
}

/// Applied, and deleted before anyone looked.
async fn a_contact_that_was_deleted_meanwhile_is_gone(app: &TestApp) {
    let id = app.contact("Ana", "(11) 98765-4321").await;
    app.send(
        app.patch(&id, &json!({"name": "Bia"}))
            .header("idempotency-key", "k"),
    )
    .await;
    let patch = app.take().await;
    app.send(app.delete(&id)).await;
    let delete = app.take().await;
    let entries = [patch, delete].map(entry);
    let latest = Stamp::at_ms(app.parts.clock.now_ms() + 5000);
    app.parts
        .store
        .apply(&entries, app.parts.clock.now(), latest)
        .await
        .unwrap();
    let retried = app
        .patch(&id, &json!({"name": "Bia"}))
        .header("idempotency-key", "k");
    let answer = app.send(retried.header("prefer", "wait=20")).await;
    assert_eq!(answer.problem(410), "contact-deleted");
}

async fn what_newer_commands_decided_is_shown_as_it_is(app: &TestApp) {
    let id = app.contact("Ana", "(11) 98765-4321").await;
    let older = || {
        app.patch(&id, &json!({"name": "Bia"}))
            .header("idempotency-key", "k")
    };
    app.send(older()).await;
    let first = app.take().await;
    app.send(app.patch(&id, &json!({"name": "Caio"}))).await;
    let entries = [app.take().await, first].map(entry);
    let latest = Stamp::at_ms(app.parts.clock.now_ms() + 5000);
    let verdicts = app
        .parts
        .store
        .apply(&entries, app.parts.clock.now(), latest)
        .await
        .unwrap();
    assert_eq!(verdicts[1], Verdict::Finished(Outcome::Superseded));
    let answer = app.send(older().header("prefer", "wait=20")).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text_of("/name")),
        (200, "Caio".to_owned())
    );
}

async fn a_dead_letter_is_told_at_once(app: &TestApp) {
    let id = app.contact("Ana", "(11) 98765-4321").await;
    let waiting = app.send(
        app.patch(&id, &json!({"name": "Bia"}))
            .header("prefer", "wait=25, return=minimal"),
    );
    let bury = async {
        let envelope = app.take().await;
        let command = &envelope.command;
        let letter = DeadLetter {
            reason: Reason::StoreRefused,
            detail: "refused".to_owned(),
            attempt: 4,
            replay: 0,
            failed_at: app.parts.clock.now(),
            worker: "test".to_owned(),
            traceparent: None,
            content_type: "application/json".to_owned(),
            payload: Payload(envelope.encode()),
        };
        let dead = Collected {
            id: uuid::Uuid::now_v7(),
            identity: [7; 32],
            fingerprint: "0".repeat(32),
            command: Some(DeadCommand {
                id: command.id,
                contact_id: command.contact_id,
                operation: command.action.operation(),
                stamp: command.stamp,
                request_hash: envelope.request_hash,
            }),
            letter,
        };
        let keys = PayloadKeys::parse(&format!("1:{}", "0".repeat(64))).unwrap();
        app.parts
            .store
            .keep_dead_letter(&dead, &keys, app.parts.clock.now())
            .await
            .unwrap();
    };
    let (answer, ()) = tokio::join!(waiting, bury);
    assert_eq!(
        (answer.status.as_u16(), answer.text_of("/status")),
        (202, "deadLettered".to_owned())
    );
    assert_eq!(
        (answer.header("retry-after"), answer.header("preference-applied")),
        ("", "wait=25")
    );
    assert_eq!(
        app.get(answer.header("location")).await.text_of("/status"),
        "deadLettered"
    );
}

fn entry(envelope: Envelope) -> Entry {
    Entry {
        contact_is_ours: true,
        command: envelope.command,
        key_hash: envelope.key_hash,
        request_hash: envelope.request_hash,
        attempt: 1,
    }
}

#[tokio::test]
async fn no_wish_and_an_async_wish_are_answered_at_once() {
    let app = TestApp::start(Pair::Embedded).await;
    let send = |prefer: &'static str| app.send(app.post(&ana()).header("prefer", prefer));
    for (prefer, applied) in [
        ("respond-async", "respond-async"),
        ("respond-async, wait=0", "respond-async, wait=0"),
        ("wait=soon, handling=lenient", ""),
        ("return=minimal", ""),
        ("respond-async, wait=1", "respond-async, wait=1"),
        ("wait=1", "wait=1"),
    ] {
        let answer = send(prefer).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text_of("/status")),
            (202, "pending".to_owned())
        );
        assert_eq!(answer.header("preference-applied"), applied, "{prefer}");
        assert_eq!(answer.header("retry-after"), "1");
    }
    app.stop().await;
}

#[tokio::test]
async fn more_than_the_seats_do_not_wait() {
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.producer_api.max_waiting = 1).await;
    let first = app.send(app.post(&ana()).header("prefer", "wait=30"));
    let second = async {
        seated(&app, 1.0).await;
        let answer = app.send(app.post(&ana()).header("prefer", "wait=30")).await;
        assert_eq!(
            (answer.status.as_u16(), answer.header("preference-applied")),
            (202, "")
        );
        let poll = app
            .request(Method::GET, answer.header("location"))
            .header("prefer", "wait=30");
        let answer = app.send(poll).await;
        assert_eq!(
            (answer.text_of("/status"), answer.header("preference-applied")),
            ("pending".to_owned(), "")
        );
        app.apply(2).await;
    };
    let (first, ()) = tokio::join!(first, second);
    assert_eq!(first.status, 201);
    app.stop().await;
}

#[tokio::test]
async fn who_goes_away_is_forgotten() {
    let app = TestApp::start_with(Pair::Embedded, |settings| settings.producer_api.max_waiting = 1).await;
    let began = Instant::now();
    {
        // A connection of its own, so that it closes with the request.
        let client = reqwest::Client::new();
        let url = format!("{}/v1/contacts", app.origin);
        let request = client.post(url).json(&ana()).header("prefer", "wait=30").send();
        tokio::select! {
            answer = request => panic!("{answer:?}"),
            () = seated(&app, 1.0) => {}
        }
    }
    seated(&app, 0.0).await;
    assert!(began.elapsed() < Duration::from_secs(25), "the wait just ran out");
    app.stop().await;
}

#[tokio::test]
async fn who_waits_when_the_service_stops_is_answered_at_once() {
    let app = TestApp::start(Pair::Embedded).await;
    let began = Instant::now();
    let waiting = app.send(app.post(&ana()).header("prefer", "wait=30"));
    let stop = async {
        seated(&app, 1.0).await;
        app.stopping();
    };
    let (answer, ()) = tokio::join!(waiting, stop);
    assert_eq!(answer.status, 202);
    assert!(began.elapsed() < Duration::from_secs(25));
    app.stop().await;
}

async fn seated(app: &TestApp, count: f64) {
    eventually("so many wait", || async {
        (app.series("contato_waiting_requests").await == count).then_some(())
    })
    .await;
}
