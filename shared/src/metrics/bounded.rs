//! Histograms with more combinations of label values than a process should have series.
//!
//! The model is the cardinality limit of OpenTelemetry's metrics SDK (section "Cardinality limits"): combinations have series of
//! their own until there is no more room, and are counted under an overflow combination after that.
//!
//! **Invariant:** whatever clients and servers do, the number of series stays below a bound that the code shows.

use std::sync::{Arc, PoisonError, RwLock};

use prometheus::{Histogram, HistogramVec};

/// The histograms of one name with `N` labels.
#[derive(Clone, Debug)]
pub struct BoundedHistograms<const N: usize> {
    family: HistogramVec,
    /// Combinations that came while there was room. So few that looking through them is fast.
    admitted: Arc<RwLock<Vec<[String; N]>>>,
    admitted_max: usize,
}

impl<const N: usize> BoundedHistograms<N> {
    pub(super) fn new(family: HistogramVec, admitted_max: usize) -> Self {
        Self {
            family,
            admitted: Arc::default(),
            admitted_max,
        }
    }

    /// The histogram of a combination that always has its own: for closed sets only.
    pub fn always(&self, labels: [&str; N]) -> Histogram {
        self.family.with_label_values(&labels)
    }

    /// The histogram of a combination while there is room for it, and that of `overflow` after that.
    pub fn while_room(&self, labels: [&str; N], overflow: [&str; N]) -> Histogram {
        self.always(if self.admits(labels) { labels } else { overflow })
    }

    fn admits(&self, labels: [&str; N]) -> bool {
        // A panic elsewhere leaves nothing half-done here.
        let admitted = self.admitted.read().unwrap_or_else(PoisonError::into_inner);
        if admitted.iter().any(|own| *own == labels) {
            return true;
        }
        if admitted.len() >= self.admitted_max {
            return false;
        }
        drop(admitted);
        let mut admitted = self.admitted.write().unwrap_or_else(PoisonError::into_inner);
        let known = admitted.iter().any(|own| *own == labels);
        if !known && admitted.len() < self.admitted_max {
            admitted.push(labels.map(str::to_owned));
            return true;
        }
        known
    }
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;

    #[test]
    fn what_comes_when_there_is_no_more_room_is_counted_together() {
        let series = Metrics::new();
        let histograms = series.bounded_histograms("a_seconds", "a", &[1.0], ["x", "y"], 2);
        for (x, y) in [("1", "1"), ("2", "1"), ("3", "1"), ("1", "1"), ("4", "2")] {
            histograms.while_room([x, y], ["other", "other"]).observe(0.5);
        }
        histograms.always(["5", "5"]).observe(0.5);
        let text = String::from_utf8(series.text()).expect("text");
        let counts: Vec<_> = text
            .lines()
            .filter_map(|line| line.strip_prefix("a_seconds_count"))
            .collect();
        assert_eq!(
            counts,
            [
                r#"{x="1",y="1"} 2"#,
                r#"{x="2",y="1"} 1"#,
                r#"{x="5",y="5"} 1"#,
                r#"{x="other",y="other"} 2"#,
            ]
        );
    }
}
