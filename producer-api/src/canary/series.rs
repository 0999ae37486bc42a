//! The series of the canary. They are registered only where there is one.

use std::time::Duration;

use chrono::Utc;
use prometheus::{Histogram, IntCounter, IntGauge};
use shared::metrics::{Family, Metrics};

/// From a run on one machine to one that waits for a worker; 5 and 60 seconds are what is promised and what is too long.
const DURATION_BUCKETS: [f64; 7] = [0.05, 0.25, 1.0, 2.5, 5.0, 15.0, 60.0];

const SUCCEEDED: &str = "succeeded";
const FAILED: &str = "failed";

/// What is counted of runs.
#[derive(Clone, Debug)]
pub(super) struct CanaryMetrics {
    duration: Histogram,
    runs: Family<&'static str, IntCounter>,
    last_success: IntGauge,
}

impl CanaryMetrics {
    /// Registers the series; `every` is how long a run comes after another.
    pub(super) fn new(series: &Metrics, every: Duration) -> Self {
        let interval = series.gauge(
            "contato_canary_interval_seconds",
            "How long a run of the canary comes after another (canary.every).",
        );
        interval.set(i64::try_from(every.as_secs()).unwrap_or(i64::MAX));
        Self {
            duration: series.histogram(
                "contato_canary_duration_seconds",
                "How long the canary's runs took that succeeded, from the create to the delete being applied.",
                &DURATION_BUCKETS,
            ),
            runs: series.counters(
                "contato_canary_runs_total",
                "Runs of the canary, by outcome.",
                ["outcome"],
                [SUCCEEDED, FAILED].map(|outcome| (outcome, [outcome])),
            ),
            last_success: series.gauge(
                "contato_canary_last_success_timestamp_seconds",
                "When a run of the canary last succeeded, in seconds since 1970; 0 if none has.",
            ),
        }
    }

    pub(super) fn succeeded(&self, took: Duration) {
        self.duration.observe(took.as_secs_f64());
        self.runs.of(SUCCEEDED).inc();
        self.last_success.set(Utc::now().timestamp());
    }

    pub(super) fn failed(&self) {
        self.runs.of(FAILED).inc();
    }
}
