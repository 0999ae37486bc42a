//! The sweep: what a delete raced with is erased within a minute, contacts that an older program wrote are given their words,
//! and the gauge of waiting dead letters is brought up to date. Every hour what is past its retention goes, and what is kept
//! under an older key, or plainly by an older program, is encrypted anew.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use shared::{
    clock::Clock,
    payload_keys::PayloadKeys,
    settings::Retention,
    store::{Store, StoreError, sessions::SessionBounds},
};
use tokio_util::sync::CancellationToken;

use crate::metrics::{DlqMetrics, How};

/// How often it looks; well within the minute that is promised.
const INTERVAL: Duration = Duration::from_secs(20);
/// How often it looks for what is past its retention or under an older key.
const TIDY_INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How long a session is kept that has ended, so that whoever had it is told so.
const ENDED_SESSIONS_KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// How many rows it changes in one transaction, so that no lock is held for long.
const STEP: u32 = 1_000;

/// What it works with.
#[derive(Debug)]
pub(crate) struct Sweep {
    pub(crate) store: Store,
    pub(crate) clock: Clock,
    pub(crate) keys: PayloadKeys,
    pub(crate) keep: Retention,
    /// When sessions of the console end.
    pub(crate) sessions: SessionBounds,
    pub(crate) metrics: DlqMetrics,
}

impl Sweep {
    /// Sweeps until the token is cancelled.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        tokio::join!(
            again_and_again(INTERVAL, &stop, || self.look()),
            again_and_again(TIDY_INTERVAL, &stop, || self.tidy(&stop)),
        );
    }

    async fn look(&self) -> Result<(), StoreError> {
        let erased = self.store.erase_raced_dead_letters().await?;
        self.metrics.resolved_many(How::Erased, erased);
        self.store.mend_words().await?;
        let open = self.store.open_dead_letters().await?;
        self.metrics.open(&open);
        Ok(())
    }

    async fn tidy(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let step = u64::from(STEP);
        let unfinished = |changed: u64| changed >= step && !stop.is_cancelled();
        let ended = self.before(self.keep.commands.0);
        while unfinished(self.store.empty_old_dead_letters(ended, step).await?) {}
        let closed = self.before(self.keep.dead_letters.0);
        while unfinished(self.store.forget_dead_letters(closed, step).await?) {}
        // It removes a replay at a time, with fewer items than a step most often.
        while self.store.forget_replays(closed, step).await? > 0 && !stop.is_cancelled() {}
        let noted = self.before(self.keep.audit.0);
        while unfinished(self.store.forget_audit(noted, STEP).await?) {}
        let ended = self.before(ENDED_SESSIONS_KEPT);
        while unfinished(self.store.forget_sessions(&self.sessions, ended, step).await?) {}
        self.rekey(stop).await
    }

    async fn rekey(&self, stop: &CancellationToken) -> Result<(), StoreError> {
        let mut done = 0;
        for kept_under in std::iter::once(None).chain(self.keys.others().map(Some)) {
            loop {
                let step = self
                    .store
                    .rekey_dead_letters(&self.keys, kept_under, u64::from(STEP));
                let changed = step.await?;
                done += changed;
                if stop.is_cancelled() {
                    return Ok(());
                }
                if changed == 0 {
                    break;
                }
            }
        }
        let left = self.store.count_under_other_keys(&self.keys).await?;
        self.metrics
            .under_other_keys
            .set(left.try_into().unwrap_or(i64::MAX));
        if left > 0 {
            tracing::warn!(
                dead_letters.count = left,
                "payloads cannot be read: they are encrypted with keys that deadLetters.keys does not have"
            );
        } else if done > 0 {
            tracing::info!(
                dead_letters.count = done,
                key.id = self.keys.current(),
                "payloads were encrypted anew; the other keys are no longer needed"
            );
        }
        Ok(())
    }

    fn before(&self, keep: Duration) -> DateTime<Utc> {
        let keep = TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
        let start = self.clock.now().checked_sub_signed(keep);
        start.unwrap_or(DateTime::UNIX_EPOCH)
    }
}

async fn again_and_again<F>(interval: Duration, stop: &CancellationToken, work: impl Fn() -> F)
where
    F: Future<Output = Result<(), StoreError>>,
{
    loop {
        if let Err(error) = work().await {
            tracing::info!(
                error.kind = error.kind(),
                error.code = error.code(),
                error.reason = error.reason(),
                "the sweep will look again"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(interval) => {}
        }
    }
}
