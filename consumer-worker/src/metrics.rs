//! What the worker counts.

use prometheus::{Histogram, HistogramVec, IntCounter, IntCounterVec, IntGauge};
use shared::{
    broker::RetryTier,
    domain::{Operation, Outcome},
    telemetry::Metrics,
    wire::Reason,
};

/// Accept to commit, in seconds; each objective's threshold is an edge.
const LATENCY_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0,
];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0];
const SQL_BUCKETS: &[f64] = &[0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];

/// Results of `contato_commands_completed_total`.
const RESULTS: [&str; 5] = ["applied", "superseded", "rejected", "duplicate", "deadLettered"];

#[derive(Clone, Debug)]
pub(crate) struct WorkerMetrics {
    completed: IntCounterVec,
    dead_lettered: IntCounterVec,
    retries: IntCounterVec,
    pub(crate) redelivered: IntCounter,
    latency: HistogramVec,
    pub(crate) batch_size: Histogram,
    pub(crate) transaction_seconds: Histogram,
    pub(crate) paused: IntGauge,
    pub(crate) in_hand: IntGauge,
}

impl WorkerMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let operations = Operation::ALL.map(Operation::as_str);
        let completed: Vec<[&str; 2]> = operations
            .into_iter()
            .chain(["unknown"])
            .flat_map(|operation| RESULTS.map(|result| [operation, result]))
            .collect();
        let completed: Vec<&[&str]> = completed.iter().map(<[_; 2]>::as_slice).collect();
        let reasons = Reason::ALL.map(|reason| [reason.as_str()]);
        let reasons: Vec<&[&str]> = reasons.iter().map(<[_; 1]>::as_slice).collect();
        let tiers: Vec<String> = (1..=RetryTier::ALL.len()).map(|tier| tier.to_string()).collect();
        let tiers: Vec<[&str; 1]> = tiers.iter().map(|tier| [tier.as_str()]).collect();
        let tiers: Vec<&[&str]> = tiers.iter().map(<[_; 1]>::as_slice).collect();
        let latency = metrics.histograms(
            "contato_command_latency_seconds",
            "Time from the acceptance of a command to the commit that ended it.",
            LATENCY_BUCKETS,
            &["operation"],
        );
        for operation in operations {
            latency.with_label_values(&[operation]);
        }
        Self {
            completed: metrics.counters(
                "contato_commands_completed_total",
                "Commands that left the queue, by what became of them.",
                &["operation", "result"],
                &completed,
            ),
            dead_lettered: metrics.counters(
                "contato_dead_letters_made_total",
                "Dead letters that this worker made.",
                &["reason"],
                &reasons,
            ),
            retries: metrics.counters(
                "contato_retries_total",
                "Commands that wait for another attempt.",
                &["tier"],
                &tiers,
            ),
            redelivered: metrics.counter(
                "contato_redelivered_total",
                "Deliveries that had come before and were not settled.",
            ),
            latency,
            batch_size: metrics.histogram("contato_batch_size", "Commands in a transaction.", BATCH_BUCKETS),
            transaction_seconds: metrics.histogram(
                "db_client_operation_duration_seconds",
                "Time of a batch's transaction, reruns included.",
                SQL_BUCKETS,
            ),
            paused: metrics.gauge(
                "contato_consumer_paused",
                "1 while nothing is taken because SQL cannot be used.",
            ),
            in_hand: metrics.gauge(
                "contato_inflight_deliveries",
                "Deliveries in hand, not yet settled.",
            ),
        }
    }

    pub(crate) fn finished(&self, operation: Operation, outcome: Outcome, latency_ms: u64) {
        let result = match outcome {
            Outcome::Applied => "applied",
            Outcome::Superseded => "superseded",
            Outcome::Rejected(_) => "rejected",
        };
        self.completed
            .with_label_values(&[operation.as_str(), result])
            .inc();
        self.latency
            .with_label_values(&[operation.as_str()])
            .observe(latency_ms as f64 / 1000.0);
    }

    pub(crate) fn repeated(&self, operation: Operation) {
        self.completed
            .with_label_values(&[operation.as_str(), "duplicate"])
            .inc();
    }

    pub(crate) fn dead_lettered(&self, operation: Option<Operation>, reason: Reason) {
        let operation = operation.map_or("unknown", Operation::as_str);
        self.completed
            .with_label_values(&[operation, "deadLettered"])
            .inc();
        self.dead_lettered.with_label_values(&[reason.as_str()]).inc();
    }

    pub(crate) fn retried(&self, tier: RetryTier) {
        self.retries
            .with_label_values(&[&(tier.index() + 1).to_string()])
            .inc();
    }
}
