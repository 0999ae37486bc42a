//! Stamps: the order in which commands were accepted, as one replica's clock saw it.
//!
//! A stamp is a hybrid logical clock reading (Kulkarni et al., "Logical Physical Clocks", 2014): 48 bits of
//! milliseconds since the Unix epoch, then 16 bits of counter.

use std::{
    fmt,
    str::FromStr,
    sync::atomic::{AtomicU64, Ordering},
};

/// When a command was accepted: 48-bit milliseconds and a 16-bit counter. Written as 16 hexadecimal digits,
/// so that texts sort as stamps do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

/// The text is not 16 lower-case hexadecimal digits below 2^63.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be 16 lower-case hexadecimal digits below 8000000000000000")]
pub struct StampError;

impl Stamp {
    /// The stamp of every field that a `create` sets: older than any update's.
    pub const ZERO: Self = Self(0);

    /// The last millisecond that a stamp below 2^63 can tell.
    const MS_MAX: u64 = (1 << 47) - 1;

    /// The first stamp of a millisecond since the Unix epoch; the last one that there is, for any later.
    pub fn at_ms(ms: u64) -> Self {
        Self(ms.min(Self::MS_MAX) << 16)
    }

    /// The youngest stamp that is believed at `now_ms` where clocks may be `max_ahead_ms` ahead.
    pub fn latest_believed(now_ms: u64, max_ahead_ms: u64) -> Self {
        Self::at_ms(now_ms.saturating_add(max_ahead_ms).saturating_add(1))
    }

    /// The milliseconds since the Unix epoch.
    pub fn ms(self) -> u64 {
        self.0 >> 16
    }

    /// The next stamp.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1).min(i64::MAX as u64))
    }

    /// The stamp as SQL keeps it. Stamps stay below 2^63, so the order is the same.
    pub fn to_i64(self) -> i64 {
        self.0 as i64
    }

    /// The stamp that SQL kept; `None` if it is negative.
    pub fn from_i64(value: i64) -> Option<Self> {
        u64::try_from(value).ok().map(Self)
    }
}

impl fmt::Display for Stamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

impl FromStr for Stamp {
    type Err = StampError;

    fn from_str(text: &str) -> Result<Self, StampError> {
        let digits = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        if text.len() != 16 || !digits {
            return Err(StampError);
        }
        let value = u64::from_str_radix(text, 16).map_err(|_| StampError)?;
        i64::try_from(value).map(|_| Self(value)).map_err(|_| StampError)
    }
}

/// One process's source of stamps. Never goes back, never gives one stamp twice.
#[derive(Debug, Default)]
pub struct StampClock(AtomicU64);

impl StampClock {
    /// The next stamp, at or after `now_ms` (milliseconds since the Unix epoch) and after every stamp given
    /// or observed before.
    pub fn next(&self, now_ms: u64) -> Stamp {
        let now = Stamp::at_ms(now_ms);
        let step = |last: u64| Stamp(last).next().max(now).0;
        let last = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, |last| Some(step(last)));
        Stamp(step(last.expect("the closure always gives a value")))
    }

    /// Moves the clock forward to a stamp that was read, so that what is written next is younger than what
    /// was seen. A stamp more than `max_ahead_ms` ahead of `now_ms` is another clock's fault and is not
    /// followed.
    pub fn observe(&self, seen: Stamp, now_ms: u64, max_ahead_ms: u64) {
        if seen.ms() <= now_ms.saturating_add(max_ahead_ms) {
            self.0.fetch_max(seen.0, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_grow_even_when_the_clock_stands_or_goes_back() {
        let clock = StampClock::default();
        let stamps: Vec<_> = [1000, 1000, 900, 1001].map(|ms| clock.next(ms)).into();
        assert!(stamps.windows(2).all(|pair| pair[0] < pair[1]), "{stamps:?}");
        assert_eq!(stamps[3].ms(), 1001);
    }

    #[test]
    fn what_was_seen_moves_the_clock_but_not_too_far() {
        let clock = StampClock::default();
        clock.observe(Stamp::at_ms(2000), 1000, 5000);
        assert!(clock.next(1000) > Stamp::at_ms(2000));
        clock.observe(Stamp::at_ms(90_000), 1000, 5000);
        assert!(clock.next(1000) < Stamp::at_ms(3000));
    }

    #[test]
    fn times_beyond_the_last_stamp_are_the_last() {
        let last = Stamp::at_ms(u64::MAX);
        assert!(last > Stamp::at_ms(1_763_788_800_123) && Stamp::from_i64(last.to_i64()) == Some(last));
        assert_eq!(Stamp::latest_believed(1, u64::MAX), last);
    }

    #[test]
    fn text_and_sql_forms_are_read_back() {
        let stamp = Stamp::at_ms(1_763_788_800_123).next();
        assert_eq!(stamp.to_string().parse(), Ok(stamp));
        assert_eq!(Stamp::from_i64(stamp.to_i64()), Some(stamp));
        for text in [
            "",
            "0",
            "8000000000000000",
            "000000000000000G",
            "00000000000000001",
            "+000000000000000",
            "000000000000000A",
        ] {
            assert_eq!(text.parse::<Stamp>(), Err(StampError), "{text}");
        }
    }
}
