//! Reading metrics as they are scraped.

use std::collections::BTreeMap;

/// The series of one scrape, each under its name with its labels.
#[derive(Clone, Debug, Default)]
pub struct Series(BTreeMap<String, f64>);

impl Series {
    /// Reads Prometheus' text format.
    pub fn parse(text: &str) -> Self {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let series = lines.filter_map(|line| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        });
        Self(series.collect())
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// The value of the series with this name and these labels, written as it is scraped; `None` if it is not there.
    pub fn value(&self, series: &str) -> Option<f64> {
        self.0.get(series).copied()
    }

    /// The sum of all series of a name that carry the label values given, as `name="value"`.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let of_name = |series: &str| {
            series
                .strip_prefix(name)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        self.0
            .iter()
            .filter(|(series, _)| of_name(series) && labels.iter().all(|label| series.contains(label)))
            .map(|(_, value)| value)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn series_are_found_and_summed_over_the_labels_that_are_left_out() {
        let text =
            "# HELP a b\na_total{x=\"1\",y=\"2\"} 3\na_total{x=\"2\",y=\"2\"} 4\na_total_more 9\nb 1.5\n";
        let series = Series::parse(text);
        assert_eq!(series.sum("a_total", &[]), 7.0);
        assert_eq!(series.sum("a_total", &["x=\"2\""]), 4.0);
        assert_eq!(series.sum("b", &[]), 1.5);
        assert_eq!(series.value("a_total{x=\"1\",y=\"2\"}"), Some(3.0));
        assert_eq!((series.value("a_total"), series.count()), (None, 4));
    }
}
