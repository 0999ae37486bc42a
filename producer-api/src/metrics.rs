//! The series of producer-api. Labels come from closed sets: route patterns, methods, statuses, codes.

use std::time::Instant;

use actix_web::http::{Method, StatusCode};
use prometheus::{Histogram, HistogramVec, IntCounterVec, IntGauge};
use shared::{
    broker::{PublishError, Queue},
    domain::Operation,
    telemetry::Metrics,
};

use crate::{
    problem::{Code, Problem},
    server::SUCCESSES,
};

/// Upper bounds in seconds; the limits of the service level objectives are among them.
const HTTP_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The label of a request that no route matched.
const UNMATCHED: &str = "unmatched";

const CONFIRMED: &str = "confirmed";

/// What is counted.
#[derive(Clone, Debug)]
pub struct ApiMetrics {
    requests: HistogramVec,
    active: IntGauge,
    accepted: IntCounterVec,
    refused: IntCounterVec,
    published: IntCounterVec,
    publish_seconds: Histogram,
    broker_connected: IntGauge,
    waiting: IntGauge,
    looks: IntCounterVec,
}

/// Why a write was refused.
#[derive(Clone, Copy, Debug)]
enum Refusal {
    Validation,
    NotFound,
    Unavailable,
    Defect,
}

impl Refusal {
    const ALL: [Self; 4] = [Self::Validation, Self::NotFound, Self::Unavailable, Self::Defect];

    fn as_str(self) -> &'static str {
        match self {
            Self::Validation => "validation",
            Self::NotFound => "not_found",
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
            | Code::MethodNotAllowed => Some(Self::Validation),
            Code::NotFound | Code::ContactNotFound | Code::CommandNotFound => Some(Self::NotFound),
            Code::BrokerUnavailable | Code::PublishUnconfirmed | Code::StoreUnavailable => {
                Some(Self::Unavailable)
            }
            Code::InternalError => Some(Self::Defect),
            Code::PreconditionFailed
            | Code::IdempotencyKeyReused
            | Code::Discarded
            | Code::ContactDeleted
            | Code::CommandExpired => None,
        }
    }
}

const OPERATIONS: [&[&str]; 3] = [&["create"], &["update"], &["delete"]];

impl ApiMetrics {
    /// Registers the series; those whose labels are known exist from the start.
    pub fn new(series: &Metrics) -> Self {
        let requests = series.histograms(
            "http_server_request_duration_seconds",
            "How long requests took, by route pattern.",
            &HTTP_BUCKETS,
            &["http_request_method", "http_route", "http_response_status_code"],
        );
        for (method, route, status) in SUCCESSES {
            requests.with_label_values(&[method, route, status]);
        }
        let refusals: Vec<[&str; 2]> = Operation::ALL
            .iter()
            .flat_map(|operation| Refusal::ALL.map(|refusal| [operation.as_str(), refusal.as_str()]))
            .collect();
        let refusals: Vec<&[&str]> = refusals.iter().map(<[&str; 2]>::as_slice).collect();
        Self {
            requests,
            active: series.gauge("http_server_active_requests", "Requests in hand."),
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
                "Publishes by what the broker said.",
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

    /// A request began.
    pub fn request(&self, method: &Method, route: Option<String>) -> InHand {
        self.active.inc();
        InHand {
            requests: self.requests.clone(),
            active: self.active.clone(),
            method: known_method(method),
            route: route.unwrap_or_else(|| UNMATCHED.to_owned()),
            since: Instant::now(),
        }
    }

    /// A publish ended.
    pub fn published(&self, operation: Operation, outcome: Result<(), PublishError>, since: Instant) {
        let word = match outcome {
            Ok(()) => CONFIRMED,
            Err(PublishError::Refused) => "nacked",
            Err(PublishError::Unroutable) => "returned",
            Err(PublishError::Unconfirmed) => "timeout",
            Err(PublishError::Unavailable) => "closed",
        };
        self.published.with_label_values(&[word]).inc();
        self.publish_seconds.observe(since.elapsed().as_secs_f64());
        match outcome {
            Ok(()) => self.accepted.with_label_values(&[operation.as_str()]).inc(),
            Err(error) => {
                tracing::warn!(queue.name = Queue::Commands.name(), publish.outcome = word, %error, "a command was not accepted");
            }
        }
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

/// A request in hand; counted out when dropped.
#[derive(Debug)]
pub struct InHand {
    requests: HistogramVec,
    active: IntGauge,
    method: &'static str,
    route: String,
    since: Instant,
}

impl InHand {
    /// It was answered.
    pub fn answered(self, status: StatusCode) {
        self.requests
            .with_label_values(&[self.method, &self.route, status.as_str()])
            .observe(self.since.elapsed().as_secs_f64());
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.active.dec();
    }
}

/// The methods of HTTP; whatever else a client invents is one label.
fn known_method(method: &Method) -> &'static str {
    const KNOWN: [&str; 9] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE",
    ];
    KNOWN
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("_OTHER")
}
