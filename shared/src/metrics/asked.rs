//! Gauges whose values are asked for when they are scraped, so that nothing has to keep them up to date.

use prometheus::{
    GaugeVec,
    core::{Collector, Desc},
    proto::MetricFamily,
};

/// Gauges and who knows their values.
pub(super) struct Asked<F> {
    pub(super) gauges: GaugeVec,
    /// Sets them.
    pub(super) ask: F,
}

impl<F: Fn(&GaugeVec) + Send + Sync> Collector for Asked<F> {
    fn desc(&self) -> Vec<&Desc> {
        self.gauges.desc()
    }

    fn collect(&self) -> Vec<MetricFamily> {
        (self.ask)(&self.gauges);
        self.gauges.collect()
    }
}
