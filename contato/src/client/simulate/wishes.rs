//! What a stream is to be like: how fast, and of what.

use std::{fmt, str::FromStr};

use rand::{Rng, RngExt};

/// The fastest stream: more is a load test, for which there are better tools.
const PER_SECOND_MAX: f64 = 1000.0;
/// How far a wave goes from the average.
const WAVE_HEIGHT: f64 = 0.8;

/// How many requests come on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Rate {
    per_second: f64,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("must be such as 5/s, 300/min or 50/h, and at most {PER_SECOND_MAX}/s");
        let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
        let seconds = match unit.trim() {
            "s" | "sec" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(wrong()),
        };
        let number: f64 = number.trim().parse().map_err(|_| wrong())?;
        let per_second = number / seconds;
        if per_second > 0.0 && per_second <= PER_SECOND_MAX {
            Ok(Self { per_second })
        } else {
            Err(wrong())
        }
    }
}

impl Rate {
    /// How many seconds pass until the next one: a Poisson process, as of people who know nothing of each other. `wave` is where in
    /// a wave it is, in waves.
    pub(super) fn next_in(self, wave: Option<f64>, random: &mut impl Rng) -> f64 {
        let height = wave.map_or(0.0, |at| WAVE_HEIGHT * (at * std::f64::consts::TAU).sin());
        let uniform: f64 = random.random_range(f64::EPSILON..1.0);
        -uniform.ln() / (self.per_second * (1.0 + height))
    }
}

/// What part of all is poison.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Share(pub(super) f64);

impl FromStr for Share {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let percent = text
            .strip_suffix('%')
            .map(str::trim)
            .and_then(|text| text.parse().ok());
        match percent {
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Self(percent / 100.0)),
            _ => Err("must be from 0% to 100%, such as 1%".to_owned()),
        }
    }
}

/// What a request does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Create,
    Update,
    Delete,
    Read,
    /// A create that was accepted is sent again, with its key.
    Repeat,
    /// What the API has to refuse.
    Invalid,
}

impl Kind {
    pub(super) const ALL: [Self; 6] = [
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Read,
        Self::Repeat,
        Self::Invalid,
    ];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Read => "read",
            Self::Repeat => "repeat",
            Self::Invalid => "invalid",
        }
    }
}

/// How much of each kind there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mix([u32; Kind::ALL.len()]);

impl Mix {
    pub(super) const DEFAULT: &str = "create=50,update=20,delete=10,read=15,repeat=3,invalid=2";

    pub(super) fn pick(&self, random: &mut impl Rng) -> Kind {
        let mut left = random.random_range(0..self.0.iter().sum());
        for (kind, weight) in Kind::ALL.into_iter().zip(self.0) {
            match left.checked_sub(weight) {
                Some(less) => left = less,
                None => return kind,
            }
        }
        Kind::Create
    }
}

impl FromStr for Mix {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WEIGHT_MAX: u32 = 1_000_000;
        let wrong = || format!("must be weights with commas between, such as {}", Self::DEFAULT);
        let mut weights = [0; Kind::ALL.len()];
        for part in text.split(',') {
            let (word, weight) = part.split_once('=').ok_or_else(wrong)?;
            let kind = Kind::ALL.iter().position(|kind| kind.word() == word.trim());
            let weight: u32 = weight.trim().parse().map_err(|_| wrong())?;
            weights[kind.ok_or_else(wrong)?] = weight.min(WEIGHT_MAX);
        }
        if weights.iter().all(|weight| *weight == 0) {
            return Err("must have a weight above 0".to_owned());
        }
        Ok(Self(weights))
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn rates_are_read_and_kept_to_on_average() {
        assert_eq!("300/min".parse(), "5/s".parse::<Rate>());
        assert_eq!("5".parse(), "5/s".parse::<Rate>());
        for wrong in ["", "0/s", "-1/s", "5/day", "1001/s", "NaN", "inf/s"] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
        let rate: Rate = "50/s".parse().unwrap();
        let mut random = StdRng::seed_from_u64(1);
        let seconds: f64 = (0..10_000).map(|_| rate.next_in(None, &mut random)).sum();
        assert!((190.0..210.0).contains(&seconds), "10,000 in {seconds} s");
        let mut busy = || {
            (0..1000)
                .map(|_| rate.next_in(Some(0.25), &mut random))
                .sum::<f64>()
        };
        assert!(busy() < 15.0, "at the top of a wave there are more");
    }

    #[test]
    fn a_mix_has_what_it_says() {
        let mix: Mix = "create=3,delete=1".parse().unwrap();
        let mut random = StdRng::seed_from_u64(1);
        let kinds: Vec<_> = (0..4000).map(|_| mix.pick(&mut random)).collect();
        let deletes = kinds.iter().filter(|kind| **kind == Kind::Delete).count();
        assert!((900..1100).contains(&deletes), "{deletes} of 4000");
        assert!(
            kinds
                .iter()
                .all(|kind| matches!(kind, Kind::Create | Kind::Delete))
        );
        for wrong in ["", "create", "create=0", "create=1,purge=1", "create=-1"] {
            assert!(wrong.parse::<Mix>().is_err(), "{wrong}");
        }
        assert!(Mix::DEFAULT.parse::<Mix>().is_ok());
    }

    #[test]
    fn shares_are_percents() {
        assert_eq!("1%".parse(), Ok(Share(0.01)));
        for wrong in ["1", "-1%", "101%", "x%"] {
            assert!(wrong.parse::<Share>().is_err(), "{wrong}");
        }
    }
}
