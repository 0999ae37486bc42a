//! The spans, as OpenTelemetry makes them.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use actix_web::http::{Method, StatusCode};
use futures_util::future::Either;
use opentelemetry::{
    Context, ContextGuard, KeyValue,
    context::FutureExt,
    trace::{
        Link, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
        Tracer, TracerProvider,
    },
};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};

use super::{Destination, Names, export};
use crate::{
    broker::{PublishError, System},
    wire::{Reason, is_traceparent},
};

/// How long the last spans may take to be exported when a process ends.
const FLUSH_MAX: Duration = Duration::from_secs(2);

/// The methods of HTTP (RFC 9110, RFC 5789).
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
];

/// What begins spans. Cheap to clone; its default begins none.
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Running>>);

struct Running {
    provider: SdkTracerProvider,
    /// Without a span, but with the [`SdkTracer`] that makes those below.
    root: Context,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Traces(on)"
        } else {
            "Traces(off)"
        })
    }
}

impl Traces {
    /// Starts exporting, if there is a collector: it takes OTLP by HTTP below `endpoint`. `ratio` is the share of the traces that
    /// begin here and are recorded, from 0 to 1; `service` is what the collector shows.
    ///
    /// # Errors
    /// If no client can be made.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn start(endpoint: Option<&str>, ratio: f64, service: &str) -> anyhow::Result<Self> {
        let Some(endpoint) = endpoint else {
            return Ok(Self::default());
        };
        let provider = export::provider(endpoint, ratio, service)?;
        let root = Context::new().with_value(provider.tracer("contato"));
        Ok(Self(Some(Arc::new(Running { provider, root }))))
    }

    /// Exports what has ended, within a bound, and no more after that.
    pub async fn stop(&self) {
        let Some(running) = &self.0 else {
            return;
        };
        let provider = running.provider.clone();
        let stopped = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FLUSH_MAX));
        if !matches!(stopped.await, Ok(Ok(()))) {
            tracing::warn!("the last spans could not be exported in time");
        }
    }

    /// A request has come, with the caller's trace context if that is a valid one. The route is a pattern.
    pub fn serving(
        &self,
        method: &Method,
        route: impl FnOnce() -> Option<String>,
        parent: Option<&str>,
    ) -> Serving {
        let parent = parent.and_then(parse);
        let Some(Running { root, .. }) = self.0.as_deref() else {
            return Serving(parent.map(|parent| Context::new().with_remote_span_context(parent)));
        };
        let parent = match parent {
            Some(parent) => root.with_remote_span_context(parent),
            None => root.clone(),
        };
        // Semantic conventions of HTTP: what is no method of HTTP is `_OTHER`, and the span is named `HTTP`.
        let known = METHODS.into_iter().find(|known| *known == method.as_str());
        let named = known.unwrap_or("HTTP");
        let route = route();
        let name = route
            .as_ref()
            .map_or_else(|| named.to_owned(), |route| format!("{named} {route}"));
        let mut attributes = vec![KeyValue::new("http.request.method", known.unwrap_or("_OTHER"))];
        attributes.extend(route.map(|route| KeyValue::new("http.route", route)));
        Serving(begin(&parent, name, SpanKind::Server, attributes, None))
    }

    /// A message is about to be sent: in the current trace, or in one of its own where there is none.
    pub fn sending(&self, to: Destination) -> Sending {
        let Some(Running { root, .. }) = self.0.as_deref() else {
            return Sending(None);
        };
        let current = Context::map_current(|current| current.has_active_span().then(|| current.clone()));
        let name = format!("send {}", to.sent_to());
        let mut attributes = to.attributes("send", to.sent_to());
        if to.system == System::RabbitMq {
            let routing_key = KeyValue::new("messaging.rabbitmq.destination.routing_key", to.queue.name());
            attributes.push(routing_key);
        }
        let parent = current.as_ref().unwrap_or(root);
        Sending(begin(parent, name, SpanKind::Producer, attributes, None))
    }

    /// A dead letter is about to be stored: in the trace of its request.
    pub fn storing(
        &self,
        from: Destination,
        traceparent: Option<&str>,
        message_id: &str,
        reason: Reason,
    ) -> Storing {
        let Some(parent) = traceparent.and_then(parse) else {
            return Storing(None);
        };
        let Some(Running { root, .. }) = self.0.as_deref() else {
            return Storing(Some(Context::new().with_remote_span_context(parent)));
        };
        let parent = root.with_remote_span_context(parent);
        let mut attributes = from.attributes("process", from.taken_from());
        attributes.extend(received_id(message_id));
        attributes.push(KeyValue::new("contato.reason", reason.as_str()));
        let name = format!("process {}", from.taken_from());
        Storing(begin(&parent, name, SpanKind::Consumer, attributes, None))
    }

    /// Where spans without a parent begin; none if nothing is exported.
    pub(super) fn root(&self) -> Option<&Context> {
        self.0.as_deref().map(|running| &running.root)
    }
}

/// Begins a span below another; none where the context has nothing that makes spans.
pub(super) fn begin(
    parent: &Context,
    name: String,
    kind: SpanKind,
    attributes: Vec<KeyValue>,
    link: Option<SpanContext>,
) -> Option<Context> {
    let tracer = parent.get::<SdkTracer>()?;
    let links = link.map(|link| Link::new(link, Vec::new(), 0));
    let span = tracer
        .span_builder(name)
        .with_kind(kind)
        .with_attributes(attributes)
        .with_links(links.into_iter().collect())
        .start_with_context(tracer, parent);
    Some(parent.with_span(span))
}

/// Reads a `traceparent`.
pub(super) fn parse(text: &str) -> Option<SpanContext> {
    if !is_traceparent(text) {
        return None;
    }
    let mut parts = text.split('-').skip(1);
    let trace = TraceId::from_hex(parts.next()?).ok()?;
    let span = SpanId::from_hex(parts.next()?).ok()?;
    let flags = u8::from_str_radix(parts.next()?, 16).ok()?;
    let flags = TraceFlags::new(flags) & TraceFlags::SAMPLED;
    Some(SpanContext::new(trace, span, flags, true, TraceState::NONE))
}

fn write(span: &SpanContext) -> String {
    let (trace, id) = (span.trace_id(), span.span_id());
    format!("00-{trace}-{id}-{:02x}", span.trace_flags())
}

/// The span failed, for a reason of a closed set.
pub(super) fn fail(span: &Context, error: &'static str) {
    span.span().set_attribute(KeyValue::new("error.type", error));
    span.span().set_status(Status::error(""));
}

/// Work as part of the current trace also where it runs as another task.
pub fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    let current = Context::map_current(|current| current.has_active_span().then(|| current.clone()));
    within(current, work)
}

fn within<F: Future>(context: Option<Context>, work: F) -> impl Future<Output = F::Output> {
    match context {
        Some(context) => Either::Left(work.with_context(context)),
        None => Either::Right(work),
    }
}

/// Until it is dropped, log lines of this thread have the trace of a `traceparent`, unless they have one already.
pub fn entered(traceparent: Option<&str>) -> Option<ContextGuard> {
    if Context::map_current(Context::has_active_span) {
        return None;
    }
    let parent = traceparent.and_then(parse)?;
    Some(Context::new().with_remote_span_context(parent).attach())
}

/// The ids of the current span.
pub(crate) fn current_names() -> Option<Names> {
    Context::map_current(|current| {
        let span = current.span();
        let span = span.span_context();
        span.is_valid().then(|| Names {
            trace: span.trace_id().to_string(),
            span: (!span.is_remote()).then(|| span.span_id().to_string()),
        })
    })
}

/// A request in hand; its span ends when this is dropped.
#[derive(Debug)]
pub struct Serving(Option<Context>);

impl Serving {
    /// Work on the request: what it begins belongs to its trace.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        within(self.0.clone(), work)
    }

    /// The id of the trace.
    pub fn trace_id(&self) -> Option<String> {
        let span = self.0.as_ref()?.span();
        Some(span.span_context().trace_id().to_string())
    }

    /// It was answered.
    pub fn answered(self, status: StatusCode) {
        let Some(context) = self.0 else {
            return;
        };
        let span = context.span();
        span.set_attribute(KeyValue::new(
            "http.response.status_code",
            i64::from(status.as_u16()),
        ));
        if status.is_server_error() {
            span.set_attribute(KeyValue::new("error.type", status.as_str().to_owned()));
            span.set_status(Status::error(""));
        }
        span.end();
    }
}

/// A message on its way; its span ends when this is dropped.
#[derive(Debug, Default)]
pub struct Sending(Option<Context>);

impl Sending {
    /// What the message is to carry, so that whoever takes it goes on in this trace.
    pub fn traceparent(&self) -> Option<String> {
        Some(write(self.0.as_ref()?.span().span_context()))
    }

    /// With how many commands it goes; in which message, if in one.
    pub fn goes_in(&self, message_id: Option<&str>, commands: usize) {
        if let Some(context) = &self.0 {
            let span = context.span();
            if let Some(id) = message_id {
                span.set_attribute(KeyValue::new("messaging.message.id", id.to_owned()));
            }
            if commands > 1 {
                span.set_attribute(KeyValue::new("messaging.batch.message_count", number(commands)));
            }
        }
    }

    /// It is not the first of its kind: names the trace of the one before.
    pub fn repeats(&self, traceparent: Option<&str>) {
        if let (Some(context), Some(first)) = (&self.0, traceparent.and_then(parse)) {
            context.span().add_link(first, Vec::new());
        }
    }

    /// What became of it.
    pub fn sent(self, outcome: Result<(), PublishError>) {
        if let (Some(context), Err(error)) = (&self.0, outcome) {
            fail(context, error.kind());
        }
    }
}

/// A dead letter that is being stored; its span ends when this is dropped.
#[derive(Debug)]
pub struct Storing(Option<Context>);

impl Storing {
    /// The work: what it begins belongs to the trace.
    pub fn around<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        within(self.0.clone(), work)
    }

    /// Until it is dropped, log lines of this thread have the trace.
    pub fn enter(&self) -> Option<ContextGuard> {
        Some(self.0.clone()?.attach())
    }

    /// It could not be stored.
    pub fn failed(&self, error: &'static str) {
        if let Some(context) = &self.0 {
            fail(context, error);
        }
    }
}

/// An operation on SQL; see [`sql`](super::sql).
pub(super) struct Statement(Context);

impl Statement {
    pub(super) fn begin(system: &'static str, operation: &'static str) -> Option<Self> {
        let parent = Context::map_current(|current| current.span().is_recording().then(|| current.clone()))?;
        let attributes = vec![
            KeyValue::new("db.system.name", system),
            KeyValue::new("db.operation.name", operation),
        ];
        begin(&parent, operation.to_owned(), SpanKind::Client, attributes, None).map(Self)
    }

    pub(super) fn end(self, error: Option<&'static str>) {
        if let Some(error) = error {
            fail(&self.0, error);
        }
    }
}

/// The id of a message that was received. Those of contato are UUIDs; others may be anything that somebody has typed.
pub(super) fn received_id(id: &str) -> Option<KeyValue> {
    let id = uuid::Uuid::try_parse(id).ok()?;
    Some(KeyValue::new("messaging.message.id", id.to_string()))
}

pub(super) fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Destination {
    /// `messaging.destination.name` of what is sent: for RabbitMQ exchange and routing key.
    fn sent_to(self) -> String {
        match self.system {
            System::RabbitMq => format!("{EXCHANGE}:{}", self.queue.name()),
            System::Embedded => self.queue.name().to_owned(),
        }
    }

    /// `messaging.destination.name` of what is taken: for RabbitMQ exchange, routing key and queue.
    pub(super) fn taken_from(self) -> String {
        match self.system {
            System::RabbitMq => format!("{EXCHANGE}:{0}:{0}", self.queue.name()),
            System::Embedded => self.queue.name().to_owned(),
        }
    }

    pub(super) fn attributes(self, operation: &'static str, destination: String) -> Vec<KeyValue> {
        vec![
            KeyValue::new("messaging.system", self.system.as_str()),
            KeyValue::new("messaging.operation.name", operation),
            KeyValue::new("messaging.operation.type", operation),
            KeyValue::new("messaging.destination.name", destination),
        ]
    }
}

/// The exchange, without the prefix that tests put before it.
const EXCHANGE: &str = "contato";

#[cfg(test)]
mod tests {
    use super::received_id;

    /// To see it red: let `received_id` take every text.
    #[test]
    fn ids_of_messages_that_somebody_has_typed_are_in_no_span() {
        let ours = "01890a5d-ac96-8b74-8000-3f2b8c1d4e5f";
        let id = received_id(ours).expect("a UUID");
        assert_eq!(
            (id.key.as_str(), id.value.as_str().as_ref()),
            ("messaging.message.id", ours)
        );
        for theirs in ["", "maria@example.org", "+55 11 90000-0000"] {
            assert!(received_id(theirs).is_none(), "{theirs}");
        }
    }
}
