//! Traces as a collector gets them: the real binary, a real receiver of OTLP, RabbitMQ and PostgreSQL and the embedded pair.

mod collector;
mod dead_letters;
mod trouble;

use std::{collections::BTreeMap, fs, path::Path};

use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value, json};
use tempfile::TempDir;
use test_support::{Pair, eventually};

use super::{Contato, STDERR_FILE, status_of};
use collector::{Collector, Seen, tree};

const NAME: &str = "Zuleica Confidencial";
const PHONE: &str = "+5511987654321";
const EMAIL: &str = "zuleica@example.com";

/// A caller's trace and span.
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// contato over a pair, with traces.
struct Traced {
    pair: Pair,
    collector: Collector,
    contato: Contato,
    folder: TempDir,
    client: reqwest::Client,
}

impl Traced {
    async fn start(pair: Pair, more: &[(&str, &str)]) -> Self {
        let collector = Collector::start();
        let mut settings = pair.environment();
        let set = |settings: &mut Vec<(String, String)>, name: &str, value: &str| {
            settings.push((format!("CONTATO__{name}"), value.to_owned()));
        };
        set(&mut settings, "TRACES__ENDPOINT", &collector.endpoint);
        set(&mut settings, "LOG__FORMAT", "json");
        set(&mut settings, "LOG__FILTER", "info,shared::http::edge=debug");
        for (name, value) in more {
            set(&mut settings, name, value);
        }
        let folder = TempDir::new().unwrap();
        let contato = Contato::start_with(folder.path(), &settings);
        Self {
            pair,
            collector,
            contato,
            folder,
            client: reqwest::Client::new(),
        }
    }

    /// Creates the contact; gives the ids of command and contact.
    async fn create(&self, traceparent: Option<&str>) -> (String, String) {
        create(&self.client, &self.contato.api, traceparent).await
    }

    /// Waits until a command is applied.
    async fn applied(&self, command: &str) {
        let applied = async || status_of(&self.contato.api, command).await;
        eventually("the command is applied", applied).await;
    }
}

async fn create(client: &reqwest::Client, api: &str, traceparent: Option<&str>) -> (String, String) {
    let mut request = client.post(format!("{api}/v1/contacts"));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let body = json!({ "name": NAME, "phone": PHONE, "email": EMAIL });
    let response = request.json(&body).send().await.unwrap();
    assert_eq!(response.status().as_u16(), 202);
    let accepted: Value = response.json().await.unwrap();
    let id = |member: &str| accepted[member].as_str().unwrap().to_owned();
    (id("id"), id("contactId"))
}

/// A traceparent of a caller who wants it recorded, or not.
fn of_caller(trace: &str, flags: &str) -> String {
    format!("00-{trace}-{SPAN}-{flags}")
}

/// The lines of the log so far.
fn log(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join(STDERR_FILE)).unwrap();
    text.lines().map(str::to_owned).collect()
}

/// The one line with this message that has the trace's id.
fn line_of(folder: &Path, message: &str, trace: &str) -> Value {
    let lines: Vec<Value> = log(folder)
        .iter()
        .map(|line| serde_json::from_str(line).unwrap())
        .filter(|line: &Value| line["message"] == message && line["trace.id"] == trace)
        .collect();
    let [line] = lines
        .try_into()
        .unwrap_or_else(|lines| panic!("{message}: {lines:?}"));
    line
}

fn attributes<const N: usize>(expected: [(&str, &str); N]) -> BTreeMap<String, String> {
    expected
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
}

/// A span with its name, kind, parent and attributes, all of them.
fn assert_span<const N: usize>(
    span: &Seen,
    (name, kind): (&str, SpanKind),
    parent: &str,
    expected: [(&str, &str); N],
) {
    assert_eq!((span.name.as_str(), span.kind), (name, kind), "{span:#?}");
    assert_eq!((span.parent.as_str(), span.service.as_str()), (parent, "contato"));
    assert_eq!(span.attributes, attributes(expected), "{name}");
    assert!(!span.failed && span.links.is_empty(), "{span:#?}");
}

async fn a_request_is_one_trace(pair: Pair) {
    let rabbitmq = pair.is_postgres();
    let traced = Traced::start(pair, &[("TRACES__RATIO", "0")]).await;
    let (command, contact) = traced.create(Some(&of_caller(TRACE, "01"))).await;
    let spans = traced.collector.trace(TRACE, 4).await;
    println!("{}", tree(&spans));
    let [server, sending, processing, sql] = &spans[..] else {
        panic!("{spans:#?}");
    };
    assert_span(
        server,
        ("POST /v1/contacts", SpanKind::Server),
        SPAN,
        [
            ("http.request.method", "POST"),
            ("http.route", "/v1/contacts"),
            ("http.response.status_code", "202"),
        ],
    );
    if rabbitmq {
        assert_span(
            sending,
            ("send contato:contato", SpanKind::Producer),
            &server.id,
            [
                ("messaging.system", "rabbitmq"),
                ("messaging.operation.name", "send"),
                ("messaging.operation.type", "send"),
                ("messaging.destination.name", "contato:contato"),
                ("messaging.rabbitmq.destination.routing_key", "contato"),
                ("messaging.message.id", &command),
            ],
        );
    } else {
        assert_span(
            sending,
            ("send contato", SpanKind::Producer),
            &server.id,
            [
                ("messaging.system", "contato.embedded"),
                ("messaging.operation.name", "send"),
                ("messaging.operation.type", "send"),
                ("messaging.destination.name", "contato"),
                ("messaging.message.id", &command),
            ],
        );
    }
    let (system, destination, database) = if rabbitmq {
        ("rabbitmq", "contato:contato:contato", "postgresql")
    } else {
        ("contato.embedded", "contato", "sqlite")
    };
    assert_span(
        processing,
        (&format!("process {destination}"), SpanKind::Consumer),
        &sending.id,
        [
            ("messaging.system", system),
            ("messaging.operation.name", "process"),
            ("messaging.operation.type", "process"),
            ("messaging.destination.name", destination),
            ("messaging.message.id", &command),
            ("contato.operation", "create"),
            ("contato.attempt", "1"),
            ("contato.replay", "0"),
            ("contato.result", "applied"),
        ],
    );
    assert_span(
        sql,
        ("apply", SpanKind::Client),
        &processing.id,
        [("db.system.name", database), ("db.operation.name", "apply")],
    );
    assert!(processing.started <= sql.started && sql.ended <= processing.ended);
    let line = line_of(traced.folder.path(), "answered", TRACE);
    assert_eq!(line["span.id"], server.id);
    a_read_is_one_trace(&traced, &contact).await;
    for personal in [NAME, PHONE, EMAIL, "zuleica", "987654321", &contact] {
        assert!(!traced.collector.has(personal), "{personal}");
    }
    assert!(traced.collector.has(&command));
}

async fn a_read_is_one_trace(traced: &Traced, contact: &str) {
    let trace = "1af7651916cd43dd8448eb211c80319c";
    let read = traced
        .client
        .get(format!("{}/v1/contacts/{contact}", traced.contato.api))
        .header("traceparent", of_caller(trace, "01"));
    assert_eq!(read.send().await.unwrap().status().as_u16(), 200);
    let spans = traced.collector.trace(trace, 2).await;
    let [server, sql] = &spans[..] else {
        panic!("{spans:#?}");
    };
    assert_eq!(
        (server.name.as_str(), server.parent.as_str()),
        ("GET /v1/contacts/{id}", SPAN)
    );
    assert_eq!((sql.kind, &sql.parent), (SpanKind::Client, &server.id));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_trace_embedded() {
    a_request_is_one_trace(Pair::embedded().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_one_trace_servers() {
    a_request_is_one_trace(Pair::servers().await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_caller_decides_for_its_traces_and_the_ratio_for_the_others() {
    const UNWANTED: &str = "2af7651916cd43dd8448eb211c80319c";
    let none = Traced::start(Pair::embedded().await, &[("TRACES__RATIO", "0")]).await;
    none.applied(&none.create(None).await.0).await;
    none.applied(&none.create(Some(&of_caller(UNWANTED, "00"))).await.0)
        .await;
    none.create(Some(&of_caller(TRACE, "01"))).await;
    // What ended before it came before it.
    none.collector.trace(TRACE, 4).await;
    assert_eq!(none.collector.spans().len(), 4);

    let all = Traced::start(Pair::embedded().await, &[]).await;
    all.applied(&all.create(Some(&of_caller(UNWANTED, "00"))).await.0)
        .await;
    let (command, _) = all.create(None).await;
    let trace = eventually("a trace that began here", async || {
        let spans = all.collector.spans();
        let sending = spans
            .iter()
            .find(|span| span.attribute("messaging.message.id") == Some(command.as_str()))?;
        Some(sending.trace.clone())
    })
    .await;
    let spans = all.collector.trace(&trace, 4).await;
    assert_eq!(spans[0].parent, "");
    assert!(all.collector.spans_of(UNWANTED).is_empty());
}

/// To see it red: give each command of a batch a group of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_import_has_few_spans() {
    const ROWS: usize = 2000;
    const SPANS_MAX: usize = 40;
    let traced = Traced::start(Pair::embedded().await, &[]).await;
    let rows: String = (0..ROWS)
        .map(|row| format!("Pessoa {row},p{row}@example.com\n"))
        .collect();
    let import = traced
        .client
        .post(format!("{}/v1/contacts/import", traced.contato.api))
        .header("content-type", "text/csv")
        .header("traceparent", of_caller(TRACE, "01"))
        .body(format!("name,email\n{rows}"));
    assert_eq!(import.send().await.unwrap().status().as_u16(), 202);
    let count = |span: &Seen| -> usize {
        let count = span.attribute("messaging.batch.message_count");
        count.map_or(1, |count| count.parse().unwrap())
    };
    let processed = async || {
        let spans = traced.collector.spans_of(TRACE);
        let processed = spans.iter().filter(|span| span.kind == SpanKind::Consumer);
        (processed.map(count).sum::<usize>() >= ROWS).then_some(spans)
    };
    let spans = eventually("all rows are processed", processed).await;
    assert!(spans.len() < SPANS_MAX, "{}", spans.len());
    let sent = spans.iter().filter(|span| span.kind == SpanKind::Producer);
    assert_eq!(sent.map(count).sum::<usize>(), ROWS);
    assert!(!traced.collector.has("Pessoa") && !traced.collector.has("@example"));
}
