//! A collector as far as spans need one: takes OTLP over HTTP (protobuf) and keeps what came.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use actix_web::{App, HttpResponse, HttpServer, web};
use opentelemetry_proto::tonic::{
    collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse},
    common::v1::{AnyValue, KeyValue, any_value::Value},
    trace::v1::{Span, span::SpanKind, status::StatusCode},
};
use prost::Message;
use test_support::eventually;

/// A span as a test looks at it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub service: String,
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    pub kind: SpanKind,
    /// As text, whatever their type.
    pub attributes: BTreeMap<String, String>,
    /// Trace and span of each.
    pub links: Vec<(String, String)>,
    pub failed: bool,
    pub started: u64,
    pub ended: u64,
}

impl Seen {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// The collector; ends with the process.
pub struct Collector {
    pub endpoint: String,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Default)]
struct Kept {
    spans: Vec<Seen>,
    /// The requests as they came.
    bodies: Vec<u8>,
}

impl Collector {
    pub fn start() -> Self {
        let kept: Arc<Mutex<Kept>> = Arc::default();
        let data = web::Data::from(kept.clone());
        let server = HttpServer::new(move || {
            App::new()
                .app_data(data.clone())
                .app_data(web::PayloadConfig::new(64 * 1024 * 1024))
                .route("/v1/traces", web::post().to(take))
        })
        .workers(1)
        .disable_signals()
        .bind("127.0.0.1:0")
        .unwrap();
        let endpoint = format!("http://{}", server.addrs()[0]);
        tokio::spawn(server.run());
        Self { endpoint, kept }
    }

    /// The spans of a trace, the first begun first, once there are so many; more are an error.
    pub async fn trace(&self, trace: &str, count: usize) -> Vec<Seen> {
        let what = format!("{count} spans of {trace}");
        let complete = async || Some(self.spans_of(trace)).filter(|spans| spans.len() >= count);
        let spans = eventually(&what, complete).await;
        assert_eq!(spans.len(), count, "{spans:#?}");
        spans
    }

    /// The spans of a trace that have come.
    pub fn spans_of(&self, trace: &str) -> Vec<Seen> {
        let mut spans = self.spans();
        spans.retain(|span| span.trace == trace);
        spans.sort_by_key(|span| span.started);
        spans
    }

    /// All that has come.
    pub fn spans(&self) -> Vec<Seen> {
        self.kept.lock().unwrap().spans.clone()
    }

    /// Whether a text is anywhere in what has come, in names and values of whatever kind.
    pub fn has(&self, text: &str) -> bool {
        let bodies = self.kept.lock().unwrap();
        let found = |window: &[u8]| window.eq_ignore_ascii_case(text.as_bytes());
        bodies.bodies.windows(text.len()).any(found)
    }
}

/// Spans as text, each below its parent with its times in milliseconds: what a failed test shows, and docs/traces.md.
pub fn tree(spans: &[Seen]) -> String {
    let begun = spans.iter().map(|span| span.started).min().unwrap_or_default();
    let known = |id: &str| spans.iter().any(|span| span.id == id);
    let roots = spans.iter().filter(|span| !known(&span.parent));
    roots.map(|root| branch(spans, root, begun, 0)).collect()
}

fn branch(spans: &[Seen], span: &Seen, begun: u64, depth: usize) -> String {
    let ms = |nanoseconds: u64| nanoseconds as f64 / 1e6;
    let attributes: Vec<_> = span
        .attributes
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let line = format!(
        "{:indent$}{} ({:?}) from {:.1} ms, {:.1} ms: {}\n",
        "",
        span.name,
        span.kind,
        ms(span.started - begun),
        ms(span.ended - span.started),
        attributes.join(" "),
        indent = depth * 2,
    );
    let children = spans.iter().filter(|child| child.parent == span.id);
    line + &children
        .map(|child| branch(spans, child, begun, depth + 1))
        .collect::<String>()
}

async fn take(kept: web::Data<Mutex<Kept>>, body: web::Bytes) -> HttpResponse {
    let request = ExportTraceServiceRequest::decode(body.clone()).expect("OTLP");
    let mut kept = kept.lock().unwrap();
    kept.bodies.extend_from_slice(&body);
    for resource in request.resource_spans {
        let attributes = texts(resource.resource.expect("a resource").attributes);
        let service = &attributes["service.name"];
        let spans = resource.scope_spans.into_iter().flat_map(|scope| scope.spans);
        kept.spans.extend(spans.map(|span| seen(service, span)));
    }
    HttpResponse::Ok()
        .content_type("application/x-protobuf")
        .body(ExportTraceServiceResponse::default().encode_to_vec())
}

fn seen(service: &str, span: Span) -> Seen {
    assert!(span.events.is_empty(), "{span:?}");
    Seen {
        service: service.to_owned(),
        trace: hex(&span.trace_id),
        id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        kind: span.kind(),
        attributes: texts(span.attributes),
        links: span
            .links
            .iter()
            .map(|link| (hex(&link.trace_id), hex(&link.span_id)))
            .collect(),
        failed: span
            .status
            .is_some_and(|status| status.code() == StatusCode::Error),
        name: span.name,
        started: span.start_time_unix_nano,
        ended: span.end_time_unix_nano,
    }
}

fn texts(attributes: Vec<KeyValue>) -> BTreeMap<String, String> {
    let text = |value: Option<AnyValue>| match value.and_then(|value| value.value) {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => panic!("{other:?}"),
    };
    attributes
        .into_iter()
        .map(|attribute| (attribute.key, text(attribute.value)))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
