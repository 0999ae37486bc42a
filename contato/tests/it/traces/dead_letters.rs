//! A dead letter stays in the trace of its request; what sends it again is a trace of its own that names the first.

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::Value;
use shared::domain::{Action, Changes, IdKey, Name, Stamp};
use test_support::{Pair, eventually};

use super::collector::{Seen, tree};
use super::{NAME, SPAN, TRACE, Traced, line_of, of_caller};

fn find<'a>(spans: &'a [Seen], kind: SpanKind, name: &str) -> &'a Seen {
    let found = spans
        .iter()
        .find(|span| span.kind == kind && span.name.starts_with(name));
    found.unwrap_or_else(|| panic!("no {name} in {spans:#?}"))
}

async fn a_dead_letter_and_its_replay_are_linked(pair: Pair) {
    let traced = Traced::start(pair, &[]).await;
    // A contact whose id another installation gave out: not known here until it is put into SQL by hand.
    let theirs = IdKey::new(b"another key, just as long: 0123456789abcdef").unwrap();
    let mut create = traced.pair.create(NAME);
    let issued = shared::domain::IdIssuer::new(theirs.clone()).issue(traced.pair.parts.clock.now_ms(), 0);
    (create.command.id, create.command.contact_id) = (issued.command, issued.contact);
    let mut update = create.clone();
    update.command.id = traced.pair.create(NAME).command.id;
    update.command.stamp = Stamp::at_ms(create.command.stamp.ms() + 1);
    update.command.action = Action::Update(Changes {
        name: Some(Name::parse("Zuleica Outra").unwrap()),
        ..Changes::default()
    });
    update.traceparent = Some(of_caller(TRACE, "01"));
    traced.pair.publish(update.encode()).await;

    // Processing with its transaction, storing with that of the dead letter.
    let spans = traced.collector.trace(TRACE, 4).await;
    println!("{}", tree(&spans));
    let dead = find(&spans, SpanKind::Consumer, "process contato");
    assert_eq!((dead.parent.as_str(), dead.failed), (SPAN, true));
    assert_eq!(dead.attribute("contato.result"), Some("deadLettered"));
    assert_eq!(dead.attribute("error.type"), Some("contact-unknown"));
    let stored = spans
        .iter()
        .find(|span| span.kind == SpanKind::Consumer && span.id != dead.id)
        .unwrap();
    assert!(stored.name.ends_with("contato.dlq"), "{stored:#?}");
    assert_eq!((stored.parent.as_str(), stored.failed), (SPAN, false));
    assert_eq!(stored.attribute("contato.reason"), Some("contact-unknown"));
    for parent in [dead, stored] {
        let sql = spans.iter().find(|span| span.parent == parent.id).unwrap();
        assert_eq!(sql.kind, SpanKind::Client);
    }
    let folder = traced.folder.path();
    assert_eq!(line_of(folder, "dead-lettered", TRACE)["span.id"], dead.id);
    assert_eq!(
        line_of(folder, "dead letter collected", TRACE)["span.id"],
        stored.id
    );

    let (now, known) = (traced.pair.parts.clock.now(), [create.entry(1, &theirs)]);
    let applied = traced.pair.parts.store.apply(&known, now, create.command.stamp);
    applied.await.unwrap();
    let letters = format!("http://{}/v1/dead-letters", traced.contato.dlq);
    let listed: Value = reqwest::get(&letters).await.unwrap().json().await.unwrap();
    let id = listed["items"][0]["id"].as_str().unwrap();
    let replay = traced.client.post(format!("{letters}/{id}/replay"));
    assert!(replay.send().await.unwrap().status().is_success());

    let processed = async || {
        let spans = traced.collector.spans();
        let mut processed = spans.into_iter().filter(|span| span.kind == SpanKind::Consumer);
        processed.find(|span| span.attribute("contato.replay") == Some("1"))
    };
    let processed = eventually("the replay is processed", processed).await;
    let spans = eventually("the request of the operator", async || {
        let spans = traced.collector.spans_of(&processed.trace);
        spans
            .iter()
            .any(|span| span.kind == SpanKind::Server)
            .then_some(spans)
    })
    .await;
    println!("{}", tree(&spans));
    let request = find(&spans, SpanKind::Server, "POST /v1/dead-letters/{id}/replay");
    let sent = find(&spans, SpanKind::Producer, "send contato");
    assert_ne!(processed.trace, TRACE);
    assert_eq!(
        (request.parent.as_str(), &sent.parent, &processed.parent),
        ("", &request.id, &sent.id)
    );
    assert_eq!(processed.attribute("contato.result"), Some("applied"));
    let first = [(TRACE.to_owned(), SPAN.to_owned())];
    assert_eq!((&sent.links[..], &processed.links[..]), (&first[..], &first[..]));
    assert!(
        spans
            .iter()
            .any(|span| span.parent == processed.id && span.kind == SpanKind::Client)
    );
    assert!(!traced.collector.has("zuleica"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_and_its_replay_are_linked_embedded() {
    a_dead_letter_and_its_replay_are_linked(Pair::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_letter_and_its_replay_are_linked_servers() {
    a_dead_letter_and_its_replay_are_linked(Pair::servers().await).await;
}
