//! What dlq-function counts.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use chrono::DateTime;
use prometheus::{IntCounter, IntGauge};
use shared::{
    clock::Clock,
    metrics::{Family, Metrics},
    store::{dead_letters::OpenDeadLetters, replays::ItemState},
    wire::Reason,
};

/// What stands for a time when no dead letter waits.
const NONE_WAITS: i64 = i64::MAX;

#[derive(Clone, Debug)]
pub(crate) struct DlqMetrics {
    received: Family<Reason, IntCounter>,
    resolved: Family<How, IntCounter>,
    replayed: Family<Replayed, IntCounter>,
    signed_in: Family<SignIn, IntCounter>,
    open: Family<Reason, IntGauge>,
    /// When the dead letter that waits for longest was stored, in milliseconds since the Unix epoch.
    oldest_ms: Arc<AtomicI64>,
    pub(crate) under_other_keys: IntGauge,
}

/// How a dead letter was resolved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    /// A person or a policy had it sent again.
    Replayed,
    /// A person gave it up.
    Discarded,
    /// Its contact was deleted just when it was stored.
    Erased,
}

impl How {
    const ALL: [Self; 3] = [Self::Replayed, Self::Discarded, Self::Erased];

    fn as_str(self) -> &'static str {
        match self {
            Self::Replayed => "replayed",
            Self::Discarded => "discarded",
            Self::Erased => "erased",
        }
    }
}

/// What came of a dead letter of a replay of many, or of the whole replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Replayed {
    Applied,
    /// Nothing was changed: newer commands had decided all, its command was rejected, or it could not be sent.
    Noop,
    DeadAgain,
    /// The brake stopped the whole replay.
    Stopped,
}

impl Replayed {
    const ALL: [Self; 4] = [Self::Applied, Self::Noop, Self::DeadAgain, Self::Stopped];

    fn as_str(self) -> &'static str {
        match self {
            Self::Applied => "applied",
            Self::Noop => "noop",
            Self::DeadAgain => "dead_again",
            Self::Stopped => "stopped",
        }
    }

    /// `None` while it has not ended, and if nothing was heard of it.
    fn of(state: ItemState) -> Option<Self> {
        match state {
            ItemState::Applied => Some(Self::Applied),
            ItemState::Superseded | ItemState::Rejected | ItemState::Refused => Some(Self::Noop),
            ItemState::DeadAgain => Some(Self::DeadAgain),
            ItemState::Waiting | ItemState::Sent | ItemState::Unknown => None,
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

impl DlqMetrics {
    /// The clock says how old the oldest dead letter is at each scrape.
    pub(crate) fn new(metrics: &Metrics, clock: &Clock) -> Self {
        let reasons = || Reason::ALL.map(|reason| (reason, [reason.as_str()]));
        let oldest_ms = Arc::new(AtomicI64::new(NONE_WAITS));
        let (oldest, clock) = (oldest_ms.clone(), clock.clone());
        metrics.asked_gauge(
            "contato_dead_letter_oldest_age_seconds",
            "How long the oldest dead letter has waited; 0 if none does.",
            move || {
                let now_ms = clock.now().timestamp_millis();
                let waited_ms = now_ms - oldest.load(Ordering::Relaxed).min(now_ms);
                waited_ms as f64 / 1000.0
            },
        );
        Self {
            received: metrics.counters(
                "contato_dead_letters_received_total",
                "Dead letters that were stored, copies excluded.",
                ["reason"],
                reasons(),
            ),
            resolved: metrics.counters(
                "contato_dead_letters_resolved_total",
                "Dead letters that were sent again, given up, or erased.",
                ["how"],
                How::ALL.map(|how| (how, [how.as_str()])),
            ),
            replayed: metrics.counters(
                "contato_replay_total",
                "Dead letters of replays of many that have ended, by what became of them, and replays that the brake stopped.",
                ["outcome"],
                Replayed::ALL.map(|outcome| (outcome, [outcome.as_str()])),
            ),
            signed_in: metrics.counters(
                "contato_console_sign_ins_total",
                "Tries of people to sign in to the console, by what came of them.",
                ["outcome"],
                SignIn::ALL.map(|outcome| (outcome, [outcome.as_str()])),
            ),
            open: metrics.gauges(
                "contato_dead_letters",
                "Dead letters that wait for a person or a policy.",
                ["reason"],
                reasons(),
            ),
            oldest_ms,
            under_other_keys: metrics.gauge(
                "contato_dead_letters_under_other_keys",
                "Payloads that are kept under another key than the first of deadLetters.keys, or plainly; looked at every hour.",
            ),
        }
    }

    pub(crate) fn received(&self, reason: Reason) {
        self.received.of(reason).inc();
    }

    /// So many wait.
    pub(crate) fn open(&self, open: &OpenDeadLetters) {
        for reason in Reason::ALL {
            let count = open.by_reason.get(&reason).copied().unwrap_or_default();
            self.open.of(reason).set(count.try_into().unwrap_or(i64::MAX));
        }
        let oldest = open
            .oldest
            .as_ref()
            .map_or(NONE_WAITS, DateTime::timestamp_millis);
        self.oldest_ms.store(oldest, Ordering::Relaxed);
    }

    /// A dead letter of a replay stands so now; counted once it has ended.
    pub(crate) fn replayed(&self, state: ItemState) {
        if let Some(outcome) = Replayed::of(state) {
            self.replayed.of(outcome).inc();
        }
    }

    /// The brake stopped a replay.
    pub(crate) fn braked(&self) {
        self.replayed.of(Replayed::Stopped).inc();
    }

    pub(crate) fn signed_in(&self, outcome: SignIn) {
        self.signed_in.of(outcome).inc();
    }

    pub(crate) fn resolved(&self, how: How) {
        self.resolved_many(how, 1);
    }

    pub(crate) fn resolved_many(&self, how: How, count: u64) {
        self.resolved.of(how).inc_by(count);
    }
}
