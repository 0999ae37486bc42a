//! Series for Prometheus: a registry for each role, and what it is filled with. Which series there are is for those who count.

mod asked;
mod bounded;
mod family;

use prometheus::{
    Encoder, Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry, TextEncoder, core::Collector, process_collector::ProcessCollector,
};

pub use self::{bounded::BoundedHistograms, family::Family};

use self::asked::Asked;

/// The label value of what has no series of its own.
pub const OTHER: &str = "_OTHER";

/// The commit that this program was built from, if the build was told: `CONTATO_REVISION`.
const REVISION: &str = match option_env!("CONTATO_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The metrics of one role: a registry of its own, so that several roles live in one process.
#[derive(Clone, Debug)]
pub struct Metrics(Registry);

impl Metrics {
    /// A registry with the process's own series (CPU, memory, files), and what was built.
    pub fn new() -> Self {
        let metrics = Self(Registry::new());
        metrics.register(ProcessCollector::for_self());
        let build = metrics.gauges(
            "contato_build_info",
            "1; the labels say what runs.",
            ["version", "revision", "rustc"],
            [((), [env!("CARGO_PKG_VERSION"), REVISION, env!("CONTATO_RUSTC")])],
        );
        build.of(()).set(1);
        metrics
    }

    /// Counters with labels, one for each key.
    pub fn counters<K: Copy + PartialEq, const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = (K, [&'static str; N])>,
    ) -> Family<K, IntCounter> {
        let family = IntCounterVec::new(Opts::new(name, help), &labels).expect("names are constants");
        self.register(family.clone());
        Family::new(&family, values)
    }

    /// Gauges with labels, one for each key.
    pub fn gauges<K: Copy + PartialEq, const N: usize>(
        &self,
        name: &str,
        help: &str,
        labels: [&str; N],
        values: impl IntoIterator<Item = (K, [&'static str; N])>,
    ) -> Family<K, IntGauge> {
        let family = IntGaugeVec::new(Opts::new(name, help), &labels).expect("names are constants");
        self.register(family.clone());
        Family::new(&family, values)
    }

    /// Histograms with labels, one for each key.
    pub fn histograms<K: Copy + PartialEq, const N: usize>(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: [&str; N],
        values: impl IntoIterator<Item = (K, [&'static str; N])>,
    ) -> Family<K, Histogram> {
        let family = self.histogram_family(name, help, buckets, &labels);
        Family::new(&family, values)
    }

    /// Histograms with labels of which at most `admitted_max` combinations have series of their own, besides those that always do.
    pub fn bounded_histograms<const N: usize>(
        &self,
        name: &str,
        help: &str,
        buckets: &[f64],
        labels: [&str; N],
        admitted_max: usize,
    ) -> BoundedHistograms<N> {
        BoundedHistograms::new(self.histogram_family(name, help, buckets, &labels), admitted_max)
    }

    /// A counter.
    pub fn counter(&self, name: &str, help: &str) -> IntCounter {
        let counter = IntCounter::new(name, help).expect("names are constants");
        self.register(counter.clone());
        counter
    }

    /// A gauge.
    pub fn gauge(&self, name: &str, help: &str) -> IntGauge {
        let gauge = IntGauge::new(name, help).expect("names are constants");
        self.register(gauge.clone());
        gauge
    }

    /// A gauge of what is no whole number, such as a time in seconds.
    pub fn float_gauge(&self, name: &str, help: &str) -> Gauge {
        let gauge = Gauge::new(name, help).expect("names are constants");
        self.register(gauge.clone());
        gauge
    }

    /// A gauge that is asked for at each scrape. Who answers must not wait.
    pub fn asked_gauge(&self, name: &str, help: &str, ask: impl Fn() -> f64 + Send + Sync + 'static) {
        let gauges = GaugeVec::new(Opts::new(name, help), &[]).expect("names are constants");
        let ask = move |gauges: &GaugeVec| gauges.with_label_values::<&str>(&[]).set(ask());
        self.register(Asked { gauges, ask });
    }

    /// Gauges with a label that are asked for at each scrape, together. Who answers must not wait.
    pub fn asked_gauges<const N: usize>(
        &self,
        name: &str,
        help: &str,
        label: &str,
        values: [&'static str; N],
        ask: impl Fn() -> [f64; N] + Send + Sync + 'static,
    ) {
        let gauges = GaugeVec::new(Opts::new(name, help), &[label]).expect("names are constants");
        let ask = move |gauges: &GaugeVec| {
            for (value, answer) in values.iter().zip(ask()) {
                gauges.with_label_values(&[value]).set(answer);
            }
        };
        self.register(Asked { gauges, ask });
    }

    /// A histogram.
    pub fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let histogram = Histogram::with_opts(options).expect("names are constants");
        self.register(histogram.clone());
        histogram
    }

    /// Adds series that somebody else keeps.
    ///
    /// # Panics
    /// If there are series of that name.
    pub fn register(&self, series: impl Collector + 'static) {
        self.0
            .register(Box::new(series))
            .expect("each name is registered once");
    }

    /// All series in Prometheus' text format (version 0.0.4).
    pub fn text(&self) -> Vec<u8> {
        let mut text = Vec::new();
        TextEncoder::new()
            .encode(&self.0.gather(), &mut text)
            .expect("writing to memory does not fail");
        text
    }

    fn histogram_family(&self, name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        let family = HistogramVec::new(options, labels).expect("names are constants");
        self.register(family.clone());
        family
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}
