//! The series of an HTTP listener, by the names of OpenTelemetry's semantic conventions. Routes are patterns, never paths.
//!
//! `HEAD` is counted as `GET`: it asks for the same and costs the same.
//!
//! **Invariant:** successes and failures of the service (2xx, 5xx) of the routes that objectives are set for are counted under
//! their own labels, whatever else is asked for. What clients can provoke is bounded: beyond a few combinations it is counted
//! together, by the class of its status.

use std::{fmt, sync::Arc, time::Instant};

use actix_web::http::{Method, StatusCode};
use prometheus::IntGauge;

use super::{listener::PROBES, problem::Code};
use crate::metrics::{BoundedHistograms, Metrics, OTHER};

/// Upper bounds in seconds; the limits of the service level objectives are among them. Fewer than the conventions advise: there
/// is a series for each of them in each combination.
const BUCKETS: [f64; 5] = [0.005, 0.025, 0.1, 0.25, 1.0];

/// How many combinations that are not among the known ones have series of their own.
const ADMITTED_MAX: usize = 3;

/// The label of a request that no route matched.
const UNMATCHED: &str = "unmatched";

/// What is counted of requests.
#[derive(Clone, Debug)]
pub struct HttpMetrics {
    requests: BoundedHistograms<3>,
    active: IntGauge,
    /// Method and route.
    known: Arc<[(&'static str, &'static str)]>,
    on_problem: Option<OnProblem>,
}

/// Is told of each problem that a request is answered with: method, route pattern, code.
#[derive(Clone)]
struct OnProblem(Arc<Tell>);

type Tell = dyn Fn(&'static str, &str, Code) + Send + Sync;

impl fmt::Debug for OnProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("OnProblem")
    }
}

impl HttpMetrics {
    /// Registers the series. `known` is method, route and success of what objectives are set for: these exist from the start.
    pub fn new(series: &Metrics, known: &[(&'static str, &'static str, &'static str)]) -> Self {
        let requests = series.bounded_histograms(
            "http_server_request_duration_seconds",
            "How long requests took, by route pattern.",
            &BUCKETS,
            ["http_request_method", "http_route", "http_response_status_code"],
            ADMITTED_MAX,
        );
        for (method, route, status) in known {
            requests.always([*method, *route, *status]);
        }
        Self {
            requests,
            active: series.gauge("http_server_active_requests", "Requests in hand."),
            known: known.iter().map(|(method, route, _)| (*method, *route)).collect(),
            on_problem: None,
        }
    }

    /// Tells of each problem that a request is answered with, whoever refused it: its method, its route pattern and the code.
    #[must_use]
    pub fn with_problems(self, tell: impl Fn(&'static str, &str, Code) + Send + Sync + 'static) -> Self {
        Self {
            on_problem: Some(OnProblem(Arc::new(tell))),
            ..self
        }
    }

    /// What could not be read as a request was answered.
    pub fn unread(&self, status: StatusCode) {
        self.observe(OTHER, UNMATCHED, status, 0.0);
    }

    /// A request began.
    pub fn request(&self, method: &Method, route: Option<String>) -> InHand {
        self.active.inc();
        InHand {
            metrics: self.clone(),
            method: known_method(method),
            route: route.unwrap_or_else(|| UNMATCHED.to_owned()),
            since: Instant::now(),
        }
    }

    fn observe(&self, method: &'static str, route: &str, status: StatusCode, seconds: f64) {
        let labels = [method, route, status.as_str()];
        let matters = status.is_success() || status.is_server_error();
        let requests = if matters && self.known.contains(&(method, route)) {
            self.requests.always(labels)
        } else if PROBES.contains(&route) {
            self.requests.always([OTHER, OTHER, class(status)])
        } else {
            self.requests.while_room(labels, [OTHER, OTHER, class(status)])
        };
        requests.observe(seconds);
    }
}

/// A request in hand; counted out when dropped.
#[derive(Debug)]
pub struct InHand {
    metrics: HttpMetrics,
    method: &'static str,
    route: String,
    since: Instant,
}

impl InHand {
    /// It was answered, perhaps with a problem.
    pub fn answered(self, status: StatusCode, problem: Option<Code>) {
        let seconds = self.since.elapsed().as_secs_f64();
        self.metrics.observe(self.method, &self.route, status, seconds);
        if let (Some(OnProblem(tell)), Some(code)) = (&self.metrics.on_problem, problem) {
            tell(self.method, &self.route, code);
        }
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.metrics.active.dec();
    }
}

/// The methods that routes have; whatever else a client sends is one label.
fn known_method(method: &Method) -> &'static str {
    match *method {
        Method::GET | Method::HEAD => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => OTHER,
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        100..=199 => "1xx",
        200..=299 => "2xx",
        300..=399 => "3xx",
        400..=499 => "4xx",
        _ => "5xx",
    }
}
