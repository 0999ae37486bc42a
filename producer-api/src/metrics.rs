//! The series of producer-api. Labels come from closed sets: route patterns, methods, statuses, codes.

use std::time::Instant;

use prometheus::{Histogram, IntCounterVec, IntGauge};
use shared::{
    broker::{PublishError, Queue},
    domain::Operation,
    http::{
        metrics::HTTP_BUCKETS,
        problem::{Code, Problem},
    },
    telemetry::Metrics,
};

const MESSAGE_BUCKETS: [f64; 9] = [1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
const CONFIRMED: &str = "confirmed";

/// What is counted.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    accepted: IntCounterVec,
    refused: IntCounterVec,
    published: IntCounterVec,
    publish_seconds: Histogram,
    message_size: Histogram,
    broker_connected: IntGauge,
    waiting: IntGauge,
    looks: IntCounterVec,
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Validation,
    NotFound,
    Forbidden,
    Unavailable,
    Defect,
}

impl Refusal {
    const ALL: [Self; 5] = [
        Self::Validation,
        Self::NotFound,
        Self::Forbidden,
        Self::Unavailable,
        Self::Defect,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::NotFound => "not_found",
            Self::Forbidden => "forbidden",
            Self::Unavailable => "unavailable",
            Self::Defect => "defect",
        }
    }

    /// `None` for what was accepted and ended otherwise than its client had wished.
    fn of(code: Code) -> Option<Self> {
        match code {
            Code::MalformedRequest
            | Code::ValidationFailed
            | Code::UnsupportedMediaType
            | Code::PayloadTooLarge
            | Code::RequestTimeout
            | Code::UriTooLong
            | Code::HeaderTooLarge
            | Code::MethodNotAllowed => Some(Self::Validation),
            Code::NotFound | Code::ContactNotFound | Code::CommandNotFound | Code::ImportNotFound => {
                Some(Self::NotFound)
            }
            Code::Forbidden => Some(Self::Forbidden),
            Code::BrokerUnavailable
            | Code::PublishUnconfirmed
            | Code::StoreUnavailable
            | Code::ImportInterrupted => Some(Self::Unavailable),
            Code::InternalError => Some(Self::Defect),
            Code::PreconditionFailed
            | Code::IdempotencyKeyReused
            | Code::Discarded
            | Code::ContactDeleted
            | Code::CommandExpired
            | Code::ImportTakenOver
            | Code::DeadLetterNotFound
            | Code::DeadLetterClosed
            | Code::DeadLetterErased
            | Code::PayloadLocked
            | Code::ReplayNotFound
            | Code::ReplayEnded
            | Code::SelectionChanged
            // Never of a write: it did not get so far.
            | Code::Unauthenticated
            | Code::KeysUnavailable
            | Code::RateLimited
            | Code::Overloaded => None,
        }
    }
}

const OPERATIONS: [&[&str]; 3] = [&["create"], &["update"], &["delete"]];

impl ApiMetrics {
    /// Registers the series; those whose labels are known exist from the start.
    pub fn new(series: &Metrics) -> Self {
        let refusals: Vec<[&str; 2]> = Operation::ALL
            .iter()
            .flat_map(|operation| Refusal::ALL.map(|refusal| [operation.as_str(), refusal.as_str()]))
            .collect();
        let refusals: Vec<&[&str]> = refusals.iter().map(<[&str; 2]>::as_slice).collect();
        Self {
            accepted: series.counters(
                "contato_commands_accepted_total",
                "Commands that the broker has confirmed.",
                &["operation"],
                &OPERATIONS,
            ),
            refused: series.counters(
                "contato_commands_refused_total",
                "Writes that were answered with a problem, by reason.",
                &["operation", "reason"],
                &refusals,
            ),
            published: series.counters(
                "contato_publish_total",
                "Commands that were published, by what the broker said.",
                &["outcome"],
                &[
                    &[CONFIRMED],
                    &["nacked"],
                    &["returned"],
                    &["timeout"],
                    &["closed"],
                ],
            ),
            publish_seconds: series.histogram(
                "contato_publish_duration_seconds",
                "How long the broker took to confirm or fail.",
                &HTTP_BUCKETS,
            ),
            message_size: series.histogram(
                "contato_publish_message_size",
                "Commands in a message.",
                &MESSAGE_BUCKETS,
            ),
            broker_connected: series
                .gauge("contato_broker_connected", "Whether a publish would be sent now."),
            waiting: series.gauge(
                "contato_waiting_requests",
                "Requests that wait for their command.",
            ),
            looks: series.counters(
                "contato_wait_queries_total",
                "Looks at SQL for all requests that wait, by whether SQL answered.",
                &["outcome"],
                &[&["answered"], &["failed"]],
            ),
        }
    }

    /// A publish of so many commands ended.
    pub fn published(
        &self,
        operation: Operation,
        commands: usize,
        outcome: Result<(), PublishError>,
        since: Instant,
    ) {
        let commands = commands as u64;
        let word = match outcome {
            Ok(()) => CONFIRMED,
            Err(PublishError::Refused) => "nacked",
            Err(PublishError::Unroutable) => "returned",
            Err(PublishError::Unconfirmed) => "timeout",
            Err(PublishError::Unavailable) => "closed",
        };
        self.published.with_label_values(&[word]).inc_by(commands);
        self.publish_seconds.observe(since.elapsed().as_secs_f64());
        match outcome {
            Ok(()) => self
                .accepted
                .with_label_values(&[operation.as_str()])
                .inc_by(commands),
            Err(error) => {
                tracing::warn!(queue.name = Queue::Commands.name(), publish.outcome = word, %error, "a command was not accepted");
            }
        }
    }

    /// So many commands go in one message.
    pub fn message(&self, commands: usize) {
        self.message_size.observe(commands as f64);
    }

    /// Counts a write that ends with a problem; gives the outcome back.
    pub fn write<T>(&self, operation: Operation, outcome: Result<T, Problem>) -> Result<T, Problem> {
        let refusal = outcome
            .as_ref()
            .err()
            .and_then(|problem| Refusal::of(problem.code()));
        if let Some(refusal) = refusal {
            self.refused
                .with_label_values(&[operation.as_str(), refusal.as_str()])
                .inc();
        }
        outcome
    }

    /// Whether the broker is connected.
    pub fn broker(&self, connected: bool) {
        self.broker_connected.set(connected.into());
    }

    /// How many requests wait.
    pub fn waiting(&self) -> &IntGauge {
        &self.waiting
    }

    /// SQL was asked for those that wait.
    pub fn looked(&self, answered: bool) {
        let outcome = if answered { "answered" } else { "failed" };
        self.looks.with_label_values(&[outcome]).inc();
    }
}
