//! What the worker counts.

use prometheus::{Histogram, IntCounter, IntGauge};
use shared::{
    broker::{Delivery, RetryTier},
    domain::{Operation, Outcome, Rejection},
    metrics::{Family, Metrics},
    wire::Reason,
};

/// Accept to commit, in seconds; each objective's threshold is an edge.
const LATENCY_BUCKETS: &[f64] = &[
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 60.0, 300.0, 900.0,
];
const BATCH_BUCKETS: &[f64] = &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0];
const ATTEMPT_BUCKETS: &[f64] = &[1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 20.0];

/// What became of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Completed {
    Applied,
    Superseded,
    Rejected,
    Duplicate,
    DeadLettered,
}

impl Completed {
    const ALL: [Self; 5] = [
        Self::Applied,
        Self::Superseded,
        Self::Rejected,
        Self::Duplicate,
        Self::DeadLettered,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Superseded => "superseded",
            Self::Rejected => "rejected",
            Self::Duplicate => "duplicate",
            Self::DeadLettered => "deadLettered",
        }
    }
}

/// Why a message goes into a retry tier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RetryReason {
    /// SQL cannot be used, and the delivery had come before: no attempt is counted.
    DbUnavailable,
    /// Another transaction was in the way each time.
    Serialization,
    /// SQL did not answer in time, and the delivery had come before: no attempt is counted.
    Timeout,
    /// SQL refused it, or it comes apart from an array, or the worker stops.
    Other,
}

impl RetryReason {
    const ALL: [Self; 4] = [
        Self::DbUnavailable,
        Self::Serialization,
        Self::Timeout,
        Self::Other,
    ];

    fn as_str(self) -> &'static str {
        match self {
            Self::DbUnavailable => "db_unavailable",
            Self::Serialization => "serialization",
            Self::Timeout => "timeout",
            Self::Other => "other",
        }
    }
}

/// What the record of commands and idempotency keys said of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Seen {
    New,
    Replayed,
    Mismatch,
}

#[derive(Clone, Debug)]
pub(crate) struct WorkerMetrics {
    /// `None` where no operation could be read.
    completed: Family<(Option<Operation>, Completed), IntCounter>,
    dead_lettered: Family<Reason, IntCounter>,
    retries: Family<(RetryTier, RetryReason), IntCounter>,
    seen: Family<Seen, IntCounter>,
    pub(crate) redelivered: IntCounter,
    latency: Family<Operation, Histogram>,
    attempts: Histogram,
    pub(crate) batch_size: Histogram,
    pub(crate) paused: IntGauge,
    pub(crate) in_hand: IntGauge,
    pub(crate) prefetch: IntGauge,
}

impl WorkerMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let completed = Operation::ALL
            .into_iter()
            .flat_map(|operation| {
                Completed::ALL
                    .map(|result| ((Some(operation), result), [operation.as_str(), result.as_str()]))
            })
            .chain([(
                (None, Completed::DeadLettered),
                ["unknown", Completed::DeadLettered.as_str()],
            )]);
        let retries = RetryTier::ALL.into_iter().flat_map(|tier| {
            RetryReason::ALL.map(|reason| ((tier, reason), [tier_label(tier), reason.as_str()]))
        });
        Self {
            completed: metrics.counters(
                "contato_commands_completed_total",
                "Commands that left the queue, by what became of them.",
                ["operation", "result"],
                completed,
            ),
            dead_lettered: metrics.counters(
                "contato_dead_letters_made_total",
                "Dead letters that this worker made.",
                ["reason"],
                Reason::ALL.map(|reason| (reason, [reason.as_str()])),
            ),
            retries: metrics.counters(
                "contato_retries_total",
                "Messages that were put into a retry tier.",
                ["tier", "reason"],
                retries,
            ),
            seen: metrics.counters(
                "contato_idempotency_total",
                "Commands by what was on record: nothing, the same command, or its id or key with another request.",
                ["result"],
                [
                    (Seen::New, ["new"]),
                    (Seen::Replayed, ["replayed"]),
                    (Seen::Mismatch, ["mismatch"]),
                ],
            ),
            redelivered: metrics.counter(
                "contato_redelivered_total",
                "Deliveries that had come before and were not settled.",
            ),
            latency: metrics.histograms(
                "contato_command_latency_seconds",
                "Time from the acceptance of a command to the commit that ended it.",
                LATENCY_BUCKETS,
                ["operation"],
                Operation::ALL.map(|operation| (operation, [operation.as_str()])),
            ),
            attempts: metrics.histogram(
                "contato_delivery_attempts",
                "How often commands were delivered until they ended.",
                ATTEMPT_BUCKETS,
            ),
            batch_size: metrics.histogram("contato_batch_size", "Commands in a transaction.", BATCH_BUCKETS),
            paused: metrics.gauge(
                "contato_consumer_paused",
                "1 while nothing is taken because SQL cannot be used.",
            ),
            in_hand: metrics.gauge(
                "contato_inflight_deliveries",
                "Deliveries in hand, not yet settled.",
            ),
            prefetch: metrics.gauge(
                "contato_prefetch",
                "The most deliveries that may be unsettled; 0 while nothing is consumed.",
            ),
        }
    }

    /// A command of a delivery ended so.
    pub(crate) fn finished(
        &self,
        delivery: &Delivery,
        operation: Operation,
        outcome: Outcome,
        latency_ms: u64,
    ) {
        let (result, seen) = match outcome {
            Outcome::Applied => (Completed::Applied, Seen::New),
            Outcome::Superseded => (Completed::Superseded, Seen::New),
            Outcome::Rejected(Rejection::IdempotencyKeyReused) => (Completed::Rejected, Seen::Mismatch),
            Outcome::Rejected(Rejection::PreconditionFailed | Rejection::Discarded) => {
                (Completed::Rejected, Seen::New)
            }
        };
        self.seen.of(seen).inc();
        self.completed(delivery, Some(operation), result);
        self.latency.of(operation).observe(latency_ms as f64 / 1000.0);
    }

    pub(crate) fn repeated(&self, delivery: &Delivery, operation: Operation) {
        self.seen.of(Seen::Replayed).inc();
        self.completed(delivery, Some(operation), Completed::Duplicate);
    }

    pub(crate) fn dead_lettered(&self, delivery: &Delivery, operation: Option<Operation>, reason: Reason) {
        if reason == Reason::IdConflict {
            self.seen.of(Seen::Mismatch).inc();
        }
        self.completed(delivery, operation, Completed::DeadLettered);
        self.dead_lettered.of(reason).inc();
    }

    /// A message goes into a retry tier.
    pub(crate) fn retried(&self, tier: RetryTier, reason: RetryReason) {
        self.retries.of((tier, reason)).inc();
    }

    fn completed(&self, delivery: &Delivery, operation: Option<Operation>, result: Completed) {
        self.completed.of((operation, result)).inc();
        // Those that were counted before, and those that came back from the last of them uncounted.
        let deliveries = delivery.message.attempt.saturating_add(delivery.returns);
        self.attempts.observe(deliveries.into());
    }
}

fn tier_label(tier: RetryTier) -> &'static str {
    match tier {
        RetryTier::One => "1",
        RetryTier::Two => "2",
        RetryTier::Three => "3",
    }
}
