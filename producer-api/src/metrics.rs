//! The series of producer-api. Labels come from closed sets: route patterns, methods, statuses, codes.

use prometheus::{Histogram, IntCounter, IntGauge};
use shared::{
    broker::{PublishError, Queue},
    domain::Operation,
    http::problem::Code,
    metrics::{Family, Metrics},
};

use crate::server::{CONTACT, CONTACTS};

const MESSAGE_BUCKETS: [f64; 4] = [1.0, 10.0, 50.0, 200.0];

/// What the broker said of a publish.
const OUTCOMES: [Result<(), PublishError>; 6] = [
    Ok(()),
    Err(PublishError::Refused),
    Err(PublishError::Unroutable),
    Err(PublishError::Unconfirmed),
    Err(PublishError::Blocked),
    Err(PublishError::Unavailable),
];

fn word(outcome: Result<(), PublishError>) -> &'static str {
    match outcome {
        Ok(()) => "confirmed",
        Err(PublishError::Refused) => "nacked",
        Err(PublishError::Unroutable) => "returned",
        Err(PublishError::Unconfirmed) => "timeout",
        Err(PublishError::Blocked) => "blocked",
        Err(PublishError::Unavailable) => "closed",
    }
}

/// What is counted.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    accepted: Family<Operation, IntCounter>,
    refused: Family<(Operation, Refusal), IntCounter>,
    published: Family<Result<(), PublishError>, IntCounter>,
    message_size: Histogram,
    waiting: IntGauge,
    looks: Family<bool, IntCounter>,
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    Validation,
    NotFound,
    Auth,
    Precondition,
    IdempotencyMismatch,
    RateLimit,
    Backpressure,
    Unavailable,
    Defect,
}

impl Refusal {
    const ALL: [Self; 9] = [
        Self::Validation,
        Self::NotFound,
        Self::Auth,
        Self::Precondition,
        Self::IdempotencyMismatch,
        Self::RateLimit,
        Self::Backpressure,
        Self::Unavailable,
        Self::Defect,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::NotFound => "not_found",
            Self::Auth => "auth",
            Self::Precondition => "precondition",
            Self::IdempotencyMismatch => "idempotency_mismatch",
            Self::RateLimit => "rate_limit",
            Self::Backpressure => "backpressure",
            Self::Unavailable => "unavailable",
            Self::Defect => "defect",
        }
    }

    /// `None` for what was accepted, and ended otherwise than its client had wished for no fault of the request.
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
            Code::Unauthenticated | Code::Forbidden => Some(Self::Auth),
            Code::PreconditionFailed => Some(Self::Precondition),
            Code::IdempotencyKeyReused => Some(Self::IdempotencyMismatch),
            Code::RateLimited => Some(Self::RateLimit),
            Code::Overloaded => Some(Self::Backpressure),
            Code::BrokerUnavailable
            | Code::PublishUnconfirmed
            | Code::StoreUnavailable
            | Code::KeysUnavailable
            | Code::ImportInterrupted => Some(Self::Unavailable),
            Code::InternalError => Some(Self::Defect),
            Code::Discarded
            | Code::ContactDeleted
            | Code::CommandExpired
            | Code::ImportTakenOver
            | Code::DeadLetterNotFound
            | Code::DeadLetterClosed
            | Code::DeadLetterErased
            | Code::PayloadLocked
            | Code::ReplayNotFound
            | Code::ReplayEnded
            | Code::SelectionChanged => None,
        }
    }
}

/// The write that a request asks for, if it asks for one.
fn operation(method: &str, route: &str) -> Option<Operation> {
    match (method, route) {
        ("POST", CONTACTS) => Some(Operation::Create),
        ("PUT" | "PATCH", CONTACT) => Some(Operation::Update),
        ("DELETE", CONTACT) => Some(Operation::Delete),
        _ => None,
    }
}

impl ApiMetrics {
    /// Registers the series; all exist from the start.
    pub fn new(series: &Metrics) -> Self {
        let refusals = Operation::ALL.into_iter().flat_map(|operation| {
            Refusal::ALL.map(|refusal| ((operation, refusal), [operation.as_str(), refusal.as_str()]))
        });
        Self {
            accepted: series.counters(
                "contato_commands_accepted_total",
                "Commands that the broker has confirmed.",
                ["operation"],
                Operation::ALL.map(|operation| (operation, [operation.as_str()])),
            ),
            refused: series.counters(
                "contato_commands_refused_total",
                "Writes that were answered with a problem, by reason.",
                ["operation", "reason"],
                refusals,
            ),
            published: series.counters(
                "contato_publish_total",
                "Commands that were published, by what the broker said.",
                ["outcome"],
                OUTCOMES.map(|outcome| (outcome, [word(outcome)])),
            ),
            message_size: series.histogram(
                "contato_publish_message_size",
                "Commands in a message.",
                &MESSAGE_BUCKETS,
            ),
            waiting: series.gauge(
                "contato_waiting_requests",
                "Requests that wait for their command.",
            ),
            looks: series.counters(
                "contato_wait_queries_total",
                "Looks at SQL for all requests that wait, by whether SQL answered.",
                ["outcome"],
                [(true, ["answered"]), (false, ["failed"])],
            ),
        }
    }

    /// A publish of so many commands ended.
    pub fn published(&self, operation: Operation, commands: usize, outcome: Result<(), PublishError>) {
        let commands = commands as u64;
        self.published.of(outcome).inc_by(commands);
        match outcome {
            Ok(()) => self.accepted.of(operation).inc_by(commands),
            Err(error) => {
                tracing::warn!(queue.name = Queue::Commands.name(), publish.outcome = word(outcome), %error, "a command was not accepted");
            }
        }
    }

    /// So many commands go in one message.
    pub fn message(&self, commands: usize) {
        self.message_size.observe(commands as f64);
    }

    /// A request was answered with a problem, here or before it got here; counted if it was a write.
    pub fn problem(&self, method: &str, route: &str, code: Code) {
        if let (Some(operation), Some(refusal)) = (operation(method, route), Refusal::of(code)) {
            self.refused.of((operation, refusal)).inc();
        }
    }

    /// How many requests wait.
    pub fn waiting(&self) -> &IntGauge {
        &self.waiting
    }

    /// SQL was asked for those that wait.
    pub fn looked(&self, answered: bool) {
        self.looks.of(answered).inc();
    }
}
