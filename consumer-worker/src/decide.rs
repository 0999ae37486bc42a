//! Bringing a batch through SQL: running it again, and finding what spoils it.

use std::{ops::Range, panic::AssertUnwindSafe, time::SystemTime};

use futures_util::FutureExt;
use shared::{
    clock::Clock,
    domain::{Entry, Outcome, Poison, Stamp, Verdict},
    store::{Store, StoreError},
    traces::Processing,
    wire::Reason,
};

use crate::{
    backoff::Backoff,
    metrics::{RetryReason, WorkerMetrics},
};

/// How often a batch that another transaction was in the way of runs again.
const RERUNS_MAX: u32 = 5;

/// What became of one entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It was decided, and that is committed.
    Decided(Verdict),
    /// SQL refuses it alone while it takes others.
    Refused {
        /// Whether another transaction was in its way.
        reason: RetryReason,
        /// The kind and code of the refusal.
        detail: String,
    },
    /// Handling it panicked.
    Panicked,
}

/// What became of a batch. An entry without a fate was not decided: SQL cannot be used now.
#[derive(Debug)]
pub(crate) struct Decided {
    pub(crate) fates: Vec<Option<Fate>>,
    pub(crate) outage: Option<StoreError>,
}

/// Why a part of a batch was not committed.
enum Failure {
    Store(StoreError),
    Panic,
}

impl Failure {
    /// `error.type` of its span.
    fn kind(&self) -> &'static str {
        match self {
            Self::Store(error) => error.kind(),
            Self::Panic => "panic",
        }
    }
}

impl Fate {
    /// What a span says became of the command.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Decided(Verdict::Finished(Outcome::Applied)) => "applied",
            Self::Decided(Verdict::Finished(Outcome::Superseded)) => "superseded",
            Self::Decided(Verdict::Finished(Outcome::Rejected(_))) => "rejected",
            Self::Decided(Verdict::Repeat(_)) => "duplicate",
            Self::Decided(Verdict::Poison(_)) | Self::Panicked => "deadLettered",
            Self::Refused { .. } => "refused",
        }
    }

    /// `error.type` of its span.
    pub(crate) fn error(&self) -> Option<&'static str> {
        let reason = match self {
            Self::Decided(Verdict::Finished(_) | Verdict::Repeat(_)) => return None,
            Self::Decided(Verdict::Poison(Poison::IdConflict)) => Reason::IdConflict,
            Self::Decided(Verdict::Poison(Poison::StampAhead)) => Reason::StampAhead,
            Self::Decided(Verdict::Poison(Poison::ContactUnknown)) => Reason::ContactUnknown,
            Self::Panicked => Reason::HandlerPanic,
            Self::Refused { .. } => Reason::StoreRefused,
        };
        Some(reason.as_str())
    }
}

/// Applies batches.
#[derive(Clone, Debug)]
pub(crate) struct Decider {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    /// How far a stamp may be ahead of the clock, in milliseconds.
    pub(crate) max_ahead_ms: u64,
    /// The most entries in one transaction.
    pub(crate) max: usize,
    pub(crate) metrics: WorkerMetrics,
}

impl Decider {
    /// Decides every entry, unless SQL cannot be used. What SQL refuses is halved until the entry that it refuses is found;
    /// it counts as refused only if a neighbour or the probe goes through. Each transaction is told to the spans.
    pub(crate) async fn decide(&self, entries: &[Entry], spans: &Processing) -> Decided {
        let mut decided = Decided {
            fates: vec![None; entries.len()],
            outage: None,
        };
        let mut todo: Vec<Range<usize>> = chunks(entries.len(), self.max);
        let mut suspects: Vec<(usize, StoreError)> = Vec::new();
        let mut progressed = false;
        while let Some(range) = todo.pop() {
            let single = range.len() == 1;
            match self.run(entries, range.clone(), spans).await {
                Ok(verdicts) => {
                    progressed = true;
                    for (index, verdict) in range.zip(verdicts) {
                        decided.fates[index] = Some(Fate::Decided(verdict));
                    }
                }
                Err(Failure::Panic) if single => decided.fates[range.start] = Some(Fate::Panicked),
                Err(Failure::Panic) => todo.extend(halves(range)),
                Err(Failure::Store(error)) => match error {
                    StoreError::Outage(_) | StoreError::TimedOut(_) | StoreError::Schema(_) => {
                        decided.outage = Some(error);
                        return decided;
                    }
                    StoreError::Conflict(_) if !single => {
                        todo.extend(range.rev().map(|index| index..index + 1))
                    }
                    StoreError::Refused(_) | StoreError::Unknown(_) if !single => todo.extend(halves(range)),
                    // A lock that is held for so long is an outage of that contact, not the command's fault.
                    StoreError::Conflict(_) if !error.is_unique_violation() => {
                        decided.outage = Some(error);
                        return decided;
                    }
                    StoreError::Conflict(_) | StoreError::Refused(_) | StoreError::Unknown(_) => {
                        suspects.push((range.start, error));
                    }
                },
            }
        }
        if suspects.is_empty() {
            return decided;
        }
        if !progressed && let Err(error) = self.store.probe(self.clock.now()).await {
            decided.outage = Some(error);
            return decided;
        }
        for (index, error) in suspects {
            let code = error
                .code()
                .map(|code| format!(" (code {code})"))
                .unwrap_or_default();
            decided.fates[index] = Some(Fate::Refused {
                reason: match error {
                    StoreError::Conflict(_) => RetryReason::Serialization,
                    _ => RetryReason::Other,
                },
                detail: format!("SQL refuses it: {}{code}", error.kind()),
            });
        }
        decided
    }

    /// Runs one transaction, again while another one is in its way.
    async fn run(
        &self,
        entries: &[Entry],
        range: Range<usize>,
        spans: &Processing,
    ) -> Result<Vec<Verdict>, Failure> {
        let (entries, since) = (&entries[range.clone()], SystemTime::now());
        let mut backoff = Backoff::new();
        let mut reruns = 0;
        let result = loop {
            let latest = Stamp::latest_believed(self.clock.now_ms(), self.max_ahead_ms);
            let attempt = self.store.apply(entries, self.clock.now(), latest);
            match AssertUnwindSafe(attempt).catch_unwind().await {
                Ok(Err(StoreError::Conflict(_))) if reruns < RERUNS_MAX => {
                    reruns += 1;
                    tokio::time::sleep(backoff.next() / 10).await;
                }
                Ok(result) => break result.map_err(Failure::Store),
                Err(_) => break Err(Failure::Panic),
            }
        };
        let error = result.as_ref().err().map(Failure::kind);
        spans.transaction(self.store.system(), range, since, error);
        if result.is_ok() {
            self.metrics.batch_size.observe(entries.len() as f64);
        }
        result
    }
}

/// Ranges of at most `max` that cover `len`, the first to be popped first.
fn chunks(len: usize, max: usize) -> Vec<Range<usize>> {
    let mut ranges: Vec<_> = (0..len)
        .step_by(max)
        .map(|start| start..(start + max).min(len))
        .collect();
    ranges.reverse();
    ranges
}

/// The two halves, the first to be popped first.
fn halves(range: Range<usize>) -> [Range<usize>; 2] {
    let middle = range.start + range.len() / 2;
    [middle..range.end, range.start..middle]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_and_halves_cover_everything_once_in_order() {
        let mut todo = chunks(1203, 500);
        let mut order = Vec::new();
        while let Some(range) = todo.pop() {
            assert!(range.len() <= 500);
            if range.len() > 100 {
                todo.extend(halves(range))
            } else {
                order.extend(range)
            }
        }
        assert_eq!(order, (0..1203).collect::<Vec<_>>());
        assert!(chunks(0, 500).is_empty());
    }
}
