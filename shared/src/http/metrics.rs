//! The series of an HTTP listener, by the names of OpenTelemetry's semantic conventions. Routes are patterns, never paths.

use std::time::Instant;

use actix_web::http::{Method, StatusCode};
use prometheus::{HistogramVec, IntGauge};

use crate::telemetry::Metrics;

/// Upper bounds in seconds; the limits of the service level objectives are among them.
pub const HTTP_BUCKETS: [f64; 13] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];

/// The label of a request that no route matched.
const UNMATCHED: &str = "unmatched";

/// The label of a method that HTTP does not know.
const OTHER_METHOD: &str = "_OTHER";

/// What is counted of requests.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: HistogramVec,
    active: IntGauge,
}

impl HttpMetrics {
    /// Registers the series; those of `successes`, (method, route, status) of what usually happens, exist from the start.
    pub fn new(series: &Metrics, successes: &[(&str, &str, &str)]) -> Self {
        let requests = series.histograms(
            "http_server_request_duration_seconds",
            "How long requests took, by route pattern.",
            &HTTP_BUCKETS,
            &["http_request_method", "http_route", "http_response_status_code"],
        );
        for (method, route, status) in successes {
            requests.with_label_values(&[*method, *route, *status]);
        }
        Self {
            requests,
            active: series.gauge("http_server_active_requests", "Requests in hand."),
        }
    }

    /// What could not be read as a request was answered.
    pub fn unread(&self, status: StatusCode) {
        self.requests
            .with_label_values(&[OTHER_METHOD, UNMATCHED, status.as_str()])
            .observe(0.0);
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
        .unwrap_or(OTHER_METHOD)
}
