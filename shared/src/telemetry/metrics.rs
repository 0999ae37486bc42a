//! Series for Prometheus.

use prometheus::{
    Encoder, Histogram, HistogramOpts, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
    process_collector::ProcessCollector,
};

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
