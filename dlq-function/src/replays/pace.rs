//! How fast a replay goes, and when it stops by itself: functions of counts, without IO or a clock.
//!
//! The window is how many messages may be without an outcome at once. It begins at one and grows each time that a window's
//! worth of outcomes came and few enough of them were failures: what is still broken is found out with one message, not with
//! five hundred.

use std::time::Duration;

/// What who starts a replay may say of its pace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pace {
    /// Messages a second at most.
    pub(crate) rate: u32,
    /// The share of failures, in percent, beyond which it stops; 0 for never.
    pub(crate) brake: u32,
}

/// The highest rate.
pub(crate) const RATE_MAX: u32 = 10_000;
/// The highest share.
pub(crate) const BRAKE_MAX: u32 = 100;

impl Default for Pace {
    fn default() -> Self {
        Self { rate: 100, brake: 20 }
    }
}

impl Pace {
    /// How long the next messages have to wait after so many were sent.
    pub(super) fn rest_after(self, sent: usize) -> Duration {
        let sent = u32::try_from(sent).unwrap_or(u32::MAX);
        Duration::from_secs(1).saturating_mul(sent) / self.rate.max(1)
    }

    /// How many messages are sent at once: a fifth of a second's, so that they are spread.
    pub(super) fn chunk(self) -> usize {
        const PARTS_OF_A_SECOND: u32 = 5;
        const CHUNK_MAX: u32 = 200;
        let chunk = (self.rate / PARTS_OF_A_SECOND).clamp(1, CHUNK_MAX);
        usize::try_from(chunk).unwrap_or(1)
    }
}

/// The windows, in order.
const WINDOWS: [usize; 8] = [1, 2, 5, 20, 50, 100, 200, 500];

/// With fewer outcomes the brake says nothing.
const BRAKE_FROM: u64 = 5;

/// How the outcomes of one run, from its start or since it went on, have been so far.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ramp {
    brake: u32,
    step: usize,
    /// Outcomes since the window grew.
    of_window: Outcomes,
    /// Outcomes of the run.
    of_run: Outcomes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Outcomes {
    all: u64,
    failures: u64,
}

impl Outcomes {
    fn add(&mut self, failed: bool) {
        self.all += 1;
        self.failures += u64::from(failed);
    }

    fn are_beyond(self, percent: u32) -> bool {
        percent > 0 && self.failures * 100 > u64::from(percent) * self.all
    }
}

impl Ramp {
    pub(super) fn new(pace: Pace) -> Self {
        Self {
            brake: pace.brake,
            step: 0,
            of_window: Outcomes::default(),
            of_run: Outcomes::default(),
        }
    }

    /// How many messages may be without an outcome at once.
    pub(super) fn window(&self) -> usize {
        WINDOWS[self.step]
    }

    /// One more message may be sent with so many without an outcome, or several.
    pub(super) fn room(&self, unsettled: usize) -> usize {
        self.window().saturating_sub(unsettled)
    }

    /// A message has an outcome.
    pub(super) fn settled(&mut self, failed: bool) {
        self.of_run.add(failed);
        self.of_window.add(failed);
        if self.of_window.all >= self.window() as u64 {
            let well = !self.of_window.are_beyond(self.brake);
            self.step = (self.step + usize::from(well)).min(WINDOWS.len() - 1);
            self.of_window = Outcomes::default();
        }
    }

    /// Whether too many have failed to go on.
    pub(super) fn brakes(&self) -> bool {
        self.of_run.all >= BRAKE_FROM && self.of_run.are_beyond(self.brake)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ramp(brake: u32) -> Ramp {
        Ramp::new(Pace { rate: 100, brake })
    }

    #[test]
    fn the_window_grows_with_each_window_of_good_outcomes() {
        let mut ramp = ramp(20);
        let mut seen = vec![ramp.window()];
        for _ in 0..10_000 {
            ramp.settled(false);
            if seen.last() != Some(&ramp.window()) {
                seen.push(ramp.window());
            }
        }
        assert_eq!(seen, WINDOWS);
        assert_eq!((ramp.room(499), ramp.room(500), ramp.room(501)), (1, 0, 0));
    }

    #[test]
    fn it_grows_after_as_many_outcomes_as_it_lets_out() {
        let mut ramp = ramp(20);
        for (outcomes, window) in [
            (1, 2),
            (2, 5),
            (5, 20),
            (20, 50),
            (50, 100),
            (100, 200),
            (200, 500),
        ] {
            for _ in 0..outcomes {
                assert!(ramp.window() < window);
                ramp.settled(false);
            }
            assert_eq!(ramp.window(), window);
        }
    }

    #[test]
    fn failures_keep_the_window_and_brake_from_five_on() {
        let mut ramp = ramp(20);
        for failures in 1..=4 {
            ramp.settled(true);
            assert_eq!((ramp.window(), ramp.brakes()), (1, false), "{failures}");
        }
        ramp.settled(true);
        assert!(ramp.brakes());
    }

    #[test]
    fn the_share_itself_does_not_brake_yet() {
        for (failures, all, brakes) in [(1, 5, false), (2, 5, true), (2, 10, false), (3, 10, true)] {
            let mut ramp = ramp(20);
            for n in 0..all {
                ramp.settled(n < failures);
            }
            assert_eq!(ramp.brakes(), brakes, "{failures} of {all}");
        }
    }

    #[test]
    fn messages_are_spread_over_the_second() {
        let pace = |rate| Pace { rate, brake: 0 };
        assert_eq!(pace(100).rest_after(20), Duration::from_millis(200));
        assert_eq!(pace(1).rest_after(1), Duration::from_secs(1));
        for (rate, chunk) in [(1, 1), (10, 2), (100, 20), (RATE_MAX, 200)] {
            assert_eq!(pace(rate).chunk(), chunk);
        }
    }

    proptest! {
        #[test]
        fn never_more_than_the_brake_lets_through(
            outcomes in proptest::collection::vec(any::<bool>(), 0..2000),
            brake in 0..=BRAKE_MAX,
        ) {
            let mut ramp = ramp(brake);
            let (mut all, mut failures) = (0_u64, 0_u64);
            for failed in outcomes {
                ramp.settled(failed);
                all += 1;
                failures += u64::from(failed);
                let beyond = brake > 0 && failures * 100 > u64::from(brake) * all;
                prop_assert_eq!(ramp.brakes(), all >= BRAKE_FROM && beyond);
                prop_assert!(WINDOWS.contains(&ramp.window()));
            }
        }
    }
}
