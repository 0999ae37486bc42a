//! What dlq-function counts.

use prometheus::{IntCounterVec, IntGauge};
use shared::{store::replays::ItemState, telemetry::Metrics, wire::Reason};

#[derive(Clone, Debug)]
pub(crate) struct DlqMetrics {
    received: IntCounterVec,
    resolved: IntCounterVec,
    replayed: IntCounterVec,
    signed_in: IntCounterVec,
    pub(crate) open: IntGauge,
    pub(crate) under_other_keys: IntGauge,
}

/// How a dead letter was resolved by a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Replayed,
    Discarded,
}

impl How {
    fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
        }
    }
}

/// What came of trying to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SignIn {
    /// Somebody has signed in.
    Done,
    /// What they showed does not hold, or the issuer refused them.
    Refused,
    /// It was one try too many.
    TooMany,
    /// The issuer does not answer.
    Failed,
}

impl SignIn {
    const ALL: [Self; 4] = [Self::Done, Self::Refused, Self::TooMany, Self::Failed];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Refused => "refused",
            Self::TooMany => "too-many",
            Self::Failed => "failed",
        }
    }
}

/// How a dead letter of a replay can end.
const ENDS: [ItemState; 6] = [
    ItemState::Applied,
    ItemState::Superseded,
    ItemState::Rejected,
    ItemState::DeadAgain,
    ItemState::Refused,
    ItemState::Unknown,
];

impl DlqMetrics {
    pub(crate) fn new(metrics: &Metrics) -> Self {
        let reasons = Reason::ALL.map(|reason| [reason.as_str()]);
        let reasons: Vec<&[&str]> = reasons.iter().map(<[_; 1]>::as_slice).collect();
        Self {
            received: metrics.counters(
                "contato_dead_letters_received_total",
                "Dead letters that were stored, copies excluded.",
                &["reason"],
                &reasons,
            ),
            resolved: metrics.counters(
                "contato_dead_letters_resolved_total",
                "Dead letters that were sent again or given up.",
                &["how"],
                &[&[How::Replayed.as_str()], &[How::Discarded.as_str()]],
            ),
            replayed: metrics.counters(
                "contato_replay_outcomes_total",
                "Dead letters of replays of many that have ended, by what became of them.",
                &["outcome"],
                &ENDS
                    .map(|end| [end.as_str()])
                    .iter()
                    .map(<[_; 1]>::as_slice)
                    .collect::<Vec<_>>(),
            ),
            signed_in: metrics.counters(
                "contato_console_sign_ins_total",
                "Tries of people to sign in to the console, by what came of them.",
                &["outcome"],
                &SignIn::ALL
                    .map(|outcome| [outcome.as_str()])
                    .iter()
                    .map(<[_; 1]>::as_slice)
                    .collect::<Vec<_>>(),
            ),
            open: metrics.gauge(
                "contato_dead_letters",
                "Dead letters that wait for a person or a policy.",
            ),
            under_other_keys: metrics.gauge(
                "contato_dead_letters_under_other_keys",
                "Payloads that are kept under another key than the first of deadLetters.keys, or plainly; looked at every hour.",
            ),
        }
    }

    pub(crate) fn received(&self, reason: Reason) {
        self.received.with_label_values(&[reason.as_str()]).inc();
    }

    /// A dead letter of a replay stands so now; counted once it has ended.
    pub(crate) fn replayed(&self, state: ItemState) {
        if ENDS.contains(&state) {
            self.replayed.with_label_values(&[state.as_str()]).inc();
        }
    }

    pub(crate) fn signed_in(&self, outcome: SignIn) {
        self.signed_in.with_label_values(&[outcome.as_str()]).inc();
    }

    pub(crate) fn resolved(&self, how: How) {
        self.resolved_many(how, 1);
    }

    pub(crate) fn resolved_many(&self, how: How, count: u64) {
        self.resolved.with_label_values(&[how.as_str()]).inc_by(count);
    }
}
