//! Logs and metrics of a process.
//!
//! **Invariant:** personal data reaches neither. Log fields are ids and names of ours; metric labels come from closed
//! sets.

use std::io::IsTerminal;

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    process_collector::ProcessCollector,
};
use tracing_subscriber::{EnvFilter, layer::SubscriberExt, util::SubscriberInitExt};

use crate::settings::{Log, LogFormat};

/// Libraries that log what they carry: bodies of returned messages, values of statements. Nobody can turn them on.
const SILENCED: [&str; 3] = ["lapin=off", "sqlx=off", "sea_orm=off"];

/// Starts logging to standard error.
///
/// # Errors
/// If the filter cannot be read, or the process logs already.
pub fn start_logs(log: &Log) -> anyhow::Result<()> {
    let mut filter = EnvFilter::try_new(&log.filter)?;
    for silenced in SILENCED {
        filter = filter.add_directive(silenced.parse()?);
    }
    let json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !std::io::stderr().is_terminal(),
    };
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let registry = tracing_subscriber::registry().with(filter);
    if json {
        registry.with(lines.json().flatten_event(true)).try_init()?;
    } else {
        registry.with(lines.compact().with_target(false)).try_init()?;
    }
    log_panics();
    Ok(())
}

/// Logs where a panic happened, never what it said: its message may repeat data.
fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(panic.location = place, "a panic");
    }));
}

/// The metrics of one role: a registry of its own, so that several roles live in one process.
#[derive(Clone, Debug)]
pub struct Metrics(Registry);

impl Metrics {
    /// A registry with the process's own series (CPU, memory, files).
    pub fn new() -> Self {
        let registry = Registry::new();
        let process = ProcessCollector::for_self();
        registry
            .register(Box::new(process))
            .expect("the registry is empty");
        Self(registry)
    }

    /// A counter with labels, each of the given label values created at zero.
    pub fn counters(&self, name: &str, help: &str, labels: &[&str], values: &[&[&str]]) -> IntCounterVec {
        let counters = IntCounterVec::new(Opts::new(name, help), labels).expect("names are constants");
        self.0
            .register(Box::new(counters.clone()))
            .expect("each name is registered once");
        for values in values {
            counters.with_label_values(values);
        }
        counters
    }

    /// A counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::new(name, help).expect("names are constants");
        self.0
            .register(Box::new(counter.clone()))
            .expect("each name is registered once");
        counter
    }

    /// A gauge.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::new(name, help).expect("names are constants");
        self.0
            .register(Box::new(gauge.clone()))
            .expect("each name is registered once");
        gauge
    }

    /// A histogram.
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histogram = Histogram::with_opts(options).expect("names are constants");
        self.0
            .register(Box::new(histogram.clone()))
            .expect("each name is registered once");
        histogram
    }

    /// A histogram with labels, each of the given label values created empty.
    pub fn histograms(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: &[&str],
    ) -> prometheus::HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histograms = prometheus::HistogramVec::new(options, labels).expect("names are constants");
        self.0
            .register(Box::new(histograms.clone()))
            .expect("each name is registered once");
        histograms
    }

    /// All series in Prometheus' text format (version 0.0.4).
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.0.gather(), &mut text)
            .expect("writing to memory does not fail");
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
