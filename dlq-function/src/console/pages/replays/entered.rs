//! What somebody types to begin a replay: its pace, and how many it is to be of.

use crate::{
    console::{Form, language::typed_number},
    replays::{BRAKE_MAX, Pace, RATE_MAX},
};

/// From so many on the number is to be typed.
const TYPED_FROM: u64 = 2;

/// As typed.
#[derive(Debug)]
pub(super) struct Entered {
    pub(super) rate: String,
    pub(super) brake: String,
    pub(super) count: String,
}

/// What of it breaks a rule.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Faults {
    pub(super) rate: bool,
    pub(super) brake: bool,
    pub(super) count: bool,
}

impl Default for Entered {
    fn default() -> Self {
        let pace = Pace::default();
        Self {
            rate: pace.rate.to_string(),
            brake: pace.brake.to_string(),
            count: String::new(),
        }
    }
}

impl Entered {
    pub(super) fn of(form: &Form) -> Self {
        let text = |name| form.text(name).unwrap_or_default().to_owned();
        Self {
            rate: text("rate"),
            brake: text("brake"),
            count: text("count"),
        }
    }

    /// The pace, if all of it holds for a replay of so many.
    pub(super) fn pace(&self, expected: u64) -> Result<Pace, Faults> {
        let rate = within(&self.rate, 1, RATE_MAX);
        let brake = within(&self.brake, 0, BRAKE_MAX);
        let faults = Faults {
            rate: rate.is_none(),
            brake: brake.is_none(),
            count: is_to_be_typed(expected) && typed_number(&self.count) != Some(expected),
        };
        match (rate, brake) {
            (Some(rate), Some(brake)) if faults == Faults::default() => Ok(Pace { rate, brake }),
            _ => Err(faults),
        }
    }
}

/// Whether the number is to be typed.
pub(super) fn is_to_be_typed(count: u64) -> bool {
    count >= TYPED_FROM
}

fn within(text: &str, min: u32, max: u32) -> Option<u32> {
    let number = text.parse().ok();
    number.filter(|number| (min..=max).contains(number))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_is_typed_in_either_way_and_bounds_hold() {
        let entered = |rate: &str, brake: &str, count: &str| Entered {
            rate: rate.to_owned(),
            brake: brake.to_owned(),
            count: count.to_owned(),
        };
        for count in ["1200", "1,200", "1.200"] {
            let pace = Pace { rate: 10, brake: 0 };
            assert_eq!(entered("10", "0", count).pace(1200), Ok(pace), "{count}");
        }
        assert!(entered("10", "0", "").pace(1).is_ok(), "one is plain");
        let wrong = entered("10001", "101", "1201").pace(1200).unwrap_err();
        assert_eq!(
            wrong,
            Faults {
                rate: true,
                brake: true,
                count: true
            }
        );
        for rate in ["0", "", "-1", "1e3"] {
            assert!(entered(rate, "0", "2").pace(2).unwrap_err().rate, "{rate}");
        }
    }
}
