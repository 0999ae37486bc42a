//! Small plots, drawn by the server: bars over time.

use askama::Template;

/// Bars over time, one a bucket, the newest last.
#[derive(Debug, Template)]
#[template(path = "figures/bars.html")]
pub(crate) struct Bars {
    /// What is plotted, in words: also what is read out.
    pub(crate) label: String,
    /// How many in each bucket.
    pub(crate) counts: Vec<u64>,
}

/// A bar, in the units of the drawing.
#[derive(Debug, PartialEq)]
struct Bar {
    x: usize,
    y: usize,
    height: usize,
}

impl Bars {
    const STEP: usize = 6;
    const HEIGHT: usize = 32;

    fn width(&self) -> usize {
        self.counts.len().max(1) * Self::STEP
    }

    /// The highest bar is as high as the drawing; whatever is more than nothing can be seen.
    fn bars(&self) -> Vec<Bar> {
        let most = self.counts.iter().copied().max().unwrap_or_default().max(1);
        let bar = |(at, count): (usize, &u64)| {
            let share = u128::from(*count) * Self::HEIGHT as u128 / u128::from(most);
            let height = usize::try_from(share)
                .unwrap_or(Self::HEIGHT)
                .max(usize::from(*count > 0) * 2);
            Bar {
                x: at * Self::STEP,
                y: Self::HEIGHT - height,
                height,
            }
        };
        self.counts.iter().enumerate().map(bar).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_is_as_high_as_the_drawing_and_little_can_be_seen() {
        let bars = Bars {
            label: String::new(),
            counts: vec![0, 1, u64::MAX],
        };
        let heights: Vec<_> = bars.bars().iter().map(|bar| bar.height).collect();
        assert_eq!(heights, [0, 2, 32]);
        assert_eq!(bars.width(), 18);
    }

    #[test]
    fn nothing_is_drawn_of_nothing() {
        let bars = Bars {
            label: "<none>".to_owned(),
            counts: vec![0, 0],
        };
        assert!(bars.bars().iter().all(|bar| bar.height == 0));
        assert!(bars.render().unwrap().contains("&#60;none&#62;"));
    }
}
