//! Small plots, drawn by the server: bars over time, and parts of a whole.

use askama::Template;

/// Bars over time, one a bucket, the newest last.
#[derive(Debug, Template)]
#[template(path = "plots/bars.html")]
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

/// What a part of a whole is like, for its colour. Words stand beside it wherever it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    /// As it should be.
    Good,
    /// Good, too, with less to show for it.
    Fair,
    /// An end like another.
    Plain,
    /// Going on.
    Busy,
    /// Failed.
    Bad,
    /// To be looked at.
    Warn,
    /// Not known.
    Vague,
    /// Not begun.
    Rest,
}

impl Tone {
    /// The class in the style sheet.
    pub(crate) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Fair => "fair",
            Self::Plain => "plain",
            Self::Busy => "busy",
            Self::Bad => "bad",
            Self::Warn => "warn",
            Self::Vague => "vague",
            Self::Rest => "rest",
        }
    }
}

/// The parts of a whole, beside each other in one bar.
#[derive(Debug, Template)]
#[template(path = "plots/shares.html")]
pub(crate) struct Shares {
    /// What is plotted, in words: also what is read out.
    pub(crate) label: String,
    /// How large each part is.
    pub(crate) parts: Vec<(Tone, u64)>,
}

/// A part, in the units of the drawing.
#[derive(Debug, PartialEq)]
struct Part {
    class: &'static str,
    x: u64,
    width: u64,
}

impl Shares {
    const WIDTH: u64 = 1000;
    /// What is there can be seen.
    const WIDTH_MIN: u64 = 8;

    /// The parts that are there. Each has its least width; the rest of the bar is shared out by size.
    fn drawn(&self) -> Vec<Part> {
        let there: Vec<_> = self.parts.iter().filter(|(_, count)| *count > 0).collect();
        let total: u128 = there.iter().map(|(_, count)| u128::from(*count)).sum();
        let number = u64::try_from(there.len()).unwrap_or(u64::MAX);
        let rest = Self::WIDTH.saturating_sub(number.saturating_mul(Self::WIDTH_MIN));
        let (mut before, mut parts) = (0, Vec::new());
        for ((tone, count), nth) in there.into_iter().zip(0..) {
            // From sums, so that what is rounded off does not add up.
            let place = |before: u128, nth: u64| {
                let shared = before * u128::from(rest) / total.max(1);
                u64::try_from(shared).unwrap_or(rest) + nth * Self::WIDTH_MIN
            };
            let x = place(before, nth);
            before += u128::from(*count);
            parts.push(Part {
                class: tone.class(),
                x,
                width: place(before, nth + 1) - x,
            });
        }
        parts
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

    #[test]
    fn parts_fill_the_bar_and_each_can_be_seen() {
        let drawn = |counts: &[u64]| {
            let shares = Shares {
                label: String::new(),
                parts: counts.iter().map(|count| (Tone::Good, *count)).collect(),
            };
            let parts = shares.drawn();
            parts.iter().map(|part| (part.x, part.width)).collect::<Vec<_>>()
        };
        assert_eq!(drawn(&[]), []);
        assert_eq!(drawn(&[0, 0]), []);
        assert_eq!(drawn(&[0, 3]), [(0, 1000)]);
        assert_eq!(drawn(&[1, 1]), [(0, 500), (500, 500)]);
        let unequal = drawn(&[u64::MAX, 1, 0, u64::MAX]);
        assert_eq!(unequal.iter().map(|(_, width)| width).sum::<u64>(), 1000);
        assert!(unequal[1].1 >= Shares::WIDTH_MIN, "{unequal:?}");
    }
}
