//! Series of one name, one for each key of a closed set.

use std::sync::Arc;

use prometheus::core::{Metric, MetricVec, MetricVecBuilder};

/// Series by key. All exist from the start, and none is added. Finding one compares keys and allocates nothing; with few keys
/// that is faster than hashing label values.
#[derive(Clone, Debug)]
pub struct Family<K, M>(Arc<[(K, M)]>);

impl<K: Copy + PartialEq, M: Metric> Family<K, M> {
    /// The series with the labels' values that stand beside each key.
    pub(super) fn new<B: MetricVecBuilder<M = M>, const N: usize>(
        series: &MetricVec<B>,
        values: impl IntoIterator<Item = (K, [&'static str; N])>,
    ) -> Self {
        let with_key = |(key, values): (K, [&'static str; N])| (key, series.with_label_values(&values));
        Self(values.into_iter().map(with_key).collect())
    }

    /// The series of a key; `None` if the role has none for it.
    pub fn get(&self, key: K) -> Option<&M> {
        self.0
            .iter()
            .find_map(|(own, series)| (*own == key).then_some(series))
    }

    /// The series of a key.
    ///
    /// # Panics
    /// If the family was made without it: use [`get`](Self::get) unless it was made of the whole set.
    pub fn of(&self, key: K) -> &M {
        self.get(key).expect("the family has the whole set")
    }
}
