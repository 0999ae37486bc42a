//! Spans (OpenTelemetry) of what is done for one request: from the HTTP request through the queue to SQL. They go to a
//! collector by OTLP, if `traces.endpoint` names one.
//!
//! What is begun here knows its trace by the task that it runs in ([`carried`] takes that along to another task) or, beyond a
//! queue, by the `traceparent` of a message. Names and attributes are those of OpenTelemetry's semantic conventions 1.44.
//!
//! Without the feature `otlp` the same functions do nothing, and nothing of OpenTelemetry is compiled in.
//!
//! **Invariant:** what a person typed is in no name and no attribute: spans have route patterns, names of queues and of
//! operations, ids of messages and commands, counts, and words from closed sets. Nothing waits for a collector, nor fails for it.

use std::future::Future;

use crate::broker::{Queue, System};

#[cfg(feature = "otlp")]
mod export;
#[cfg(feature = "otlp")]
mod processing;
#[cfg(feature = "otlp")]
mod spans;
#[cfg(not(feature = "otlp"))]
mod without;

#[cfg(feature = "otlp")]
use spans as with;
#[cfg(not(feature = "otlp"))]
use without as with;

#[cfg(feature = "otlp")]
pub use processing::Processing;
pub(crate) use with::current_names;
pub use with::{Sending, Serving, Storing, Traces, carried, entered};
#[cfg(not(feature = "otlp"))]
pub use without::Processing;

/// The most spans of one kind that a batch of the worker makes. What is over this has none; a batch has hardly more commands.
pub const PROCESSED_MAX: usize = crate::wire::MAX_ENVELOPES;

/// Ids of the current span, for a line of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Names {
    pub(crate) trace: String,
    /// None if the span is somebody else's.
    pub(crate) span: Option<String>,
}

/// A queue as a span tells it.
#[derive(Clone, Copy, Debug)]
pub struct Destination {
    /// Which kind of broker.
    pub system: System,
    /// Which queue.
    pub queue: Queue,
}

/// A command that is processed.
#[derive(Clone, Copy, Debug)]
pub struct Item<'a> {
    /// The trace of the request: its envelope's.
    pub traceparent: Option<&'a str>,
    /// The trace that its message goes on in, if that is another: a replay's.
    pub goes_on_in: Option<&'a str>,
    /// The id of its message.
    pub message_id: &'a str,
    /// What it does.
    pub operation: &'static str,
    /// Which attempt this is.
    pub attempt: u32,
    /// Which replay this is.
    pub replay: u32,
}

/// Times an operation on SQL as a span of the current trace, if there is one that is recorded. `kind` is the word for an error.
///
/// # Errors
/// Those of the work.
pub async fn sql<T, E>(
    system: &'static str,
    operation: &'static str,
    work: impl Future<Output = Result<T, E>>,
    kind: fn(&E) -> &'static str,
) -> Result<T, E> {
    let span = with::Statement::begin(system, operation);
    let result = work.await;
    if let Some(span) = span {
        span.end(result.as_ref().err().map(kind));
    }
    result
}
