//! What was answered, counted.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;

use super::wishes::Kind;
use crate::client::failure::Failure;

/// The longest latency that is told apart, in microseconds.
const LATENCY_MAX_US: u64 = 3_600_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;
/// The most commands that are remembered for the check, the youngest.
const REMEMBERED_MAX: usize = 100_000;

/// What a request was answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Answered {
    Status(u16),
    Nothing,
}

impl Answered {
    pub(super) fn by(failure: &Failure) -> Self {
        failure
            .status()
            .map_or(Self::Nothing, |status| Self::Status(status.as_u16()))
    }
}

impl fmt::Display for Answered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Status(status) => f.pad(&status.to_string()),
            Self::Nothing => f.pad("none"),
        }
    }
}

/// Everything that is counted.
#[derive(Debug)]
pub(super) struct Tally {
    answers: BTreeMap<(Kind, Answered), u64>,
    /// Of 202, in microseconds.
    latency: Histogram<u64>,
    began: Instant,
    ended: Option<Instant>,
    /// The commands that were accepted, each once.
    pub(super) accepted: VecDeque<String>,
    /// How many are not remembered any more.
    pub(super) forgotten: u64,
    pub(super) poison: u64,
    pub(super) poison_failed: u64,
    /// Writes that were given up: nothing was promised of them.
    pub(super) given_up: u64,
    /// Repeats that made another command, invalid requests that were taken, good ones that were refused.
    pub(super) wrong: u64,
}

impl Tally {
    pub(super) fn new() -> Self {
        Self {
            answers: BTreeMap::new(),
            latency: Histogram::new_with_max(LATENCY_MAX_US, SIGNIFICANT_DIGITS).expect("constants"),
            began: Instant::now(),
            ended: None,
            accepted: VecDeque::new(),
            forgotten: 0,
            poison: 0,
            poison_failed: 0,
            given_up: 0,
            wrong: 0,
        }
    }

    pub(super) fn answered(&mut self, kind: Kind, answered: Answered, took: Duration) {
        *self.answers.entry((kind, answered)).or_default() += 1;
        if answered == Answered::Status(202) {
            let micros = u64::try_from(took.as_micros()).unwrap_or(LATENCY_MAX_US);
            self.latency.saturating_record(micros);
        }
    }

    /// A command was accepted.
    pub(super) fn remember(&mut self, command: String) {
        if self.accepted.len() >= REMEMBERED_MAX {
            self.accepted.pop_front();
            self.forgotten += 1;
        }
        self.accepted.push_back(command);
    }

    /// The stream has ended; what follows does not count for its rate.
    pub(super) fn end(&mut self) {
        self.ended = Some(Instant::now());
    }

    fn total(&self) -> u64 {
        self.answers.values().sum()
    }

    fn lasted(&self) -> Duration {
        self.ended.unwrap_or_else(Instant::now) - self.began
    }

    fn milliseconds_at(&self, quantile: f64) -> f64 {
        self.latency.value_at_quantile(quantile) as f64 / 1000.0
    }

    /// One line, while it goes on.
    pub(super) fn line(&self) -> String {
        let mut by_answer = BTreeMap::<_, u64>::new();
        for ((_, answered), count) in &self.answers {
            *by_answer.entry(*answered).or_default() += count;
        }
        let answers = by_answer
            .iter()
            .map(|(answered, count)| format!("{answered}: {count}"));
        let poison = match self.poison {
            0 => String::new(),
            poison => format!("  poison: {poison}"),
        };
        format!(
            "{:.1}/s  {}  202 p50 {:.1} ms p99 {:.1} ms{poison}",
            self.total() as f64 / self.lasted().as_secs_f64().max(0.001),
            answers.collect::<Vec<_>>().join("  "),
            self.milliseconds_at(0.5),
            self.milliseconds_at(0.99),
        )
    }
}

/// The summary.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for ((kind, answered), count) in &self.answers {
            writeln!(f, "{kind:12}  {answered:5}  {count:>9}")?;
        }
        if self.poison + self.poison_failed > 0 {
            writeln!(f, "{:12}  {:5}  {:>9}", "poison", "queue", self.poison)?;
        }
        let lasted = Duration::from_secs(self.lasted().as_secs());
        let rate = self.total() as f64 / self.lasted().as_secs_f64().max(0.001);
        writeln!(
            f,
            "{:12}  {rate:.1} a second, for {}",
            "requests",
            humantime::format_duration(lasted)
        )?;
        if !self.latency.is_empty() {
            writeln!(
                f,
                "{:12}  202 after {:.1} ms (p50), {:.1} ms (p99), {:.1} ms (longest)",
                "latency",
                self.milliseconds_at(0.5),
                self.milliseconds_at(0.99),
                self.latency.max() as f64 / 1000.0
            )?;
        }
        for (count, what) in [
            (
                self.given_up,
                "requests were given up: to the last there was no answer, or one that said to try again",
            ),
            (
                self.poison_failed,
                "messages of poison were not taken by the broker",
            ),
            (self.wrong, "answers were not as the API promises"),
        ] {
            if count > 0 {
                writeln!(f, "{:12}  {count} {what}", "")?;
            }
        }
        Ok(())
    }
}
