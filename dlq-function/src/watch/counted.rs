//! Counts of stretches of time that are over: each is asked for once, and kept for as long as it is told of.

use std::{collections::BTreeMap, future::Future, ops::Range, sync::Mutex};

use chrono::{DateTime, TimeDelta, Utc};

/// Counts by stretch of time.
#[derive(Debug)]
pub(super) struct Counted<T> {
    step_seconds: i64,
    kept: usize,
    /// By the number of the stretch since the epoch.
    known: Mutex<BTreeMap<i64, T>>,
    /// One counts at a time; the others tell what is known so far.
    turn: tokio::sync::Mutex<()>,
}

impl<T: Copy> Counted<T> {
    /// The last `kept` stretches of this length, at least a second.
    pub(super) fn new(step: TimeDelta, kept: usize) -> Self {
        Self {
            step_seconds: step.num_seconds().max(1),
            kept,
            known: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    /// When the last stretch ended that is over at a time.
    pub(super) fn last_end(&self, now: DateTime<Utc>) -> DateTime<Utc> {
        self.start(self.stretches(now).end)
    }

    /// Counts what is over at a time and was not counted yet, the newest first, so that what breaks off has the most of use.
    ///
    /// # Errors
    /// The first one of `count`. What was counted before it stays so.
    pub(super) async fn bring_up_to<E, F>(
        &self,
        now: DateTime<Utc>,
        count: impl Fn(DateTime<Utc>, DateTime<Utc>) -> F,
    ) -> Result<(), E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let Ok(_turn) = self.turn.try_lock() else {
            return Ok(());
        };
        let stretches = self.stretches(now);
        self.with(|known| known.retain(|stretch, _| *stretch >= stretches.start));
        for stretch in stretches.rev() {
            if self.with(|known| known.contains_key(&stretch)) {
                continue;
            }
            let counted = count(self.start(stretch), self.start(stretch + 1)).await?;
            self.with(|known| known.insert(stretch, counted));
        }
        Ok(())
    }

    /// What is known of the stretches that are over at a time, oldest first.
    pub(super) fn up_to(&self, now: DateTime<Utc>) -> Vec<Option<T>> {
        let stretches = self.stretches(now);
        self.with(|known| stretches.map(|stretch| known.get(&stretch).copied()).collect())
    }

    fn stretches(&self, now: DateTime<Utc>) -> Range<i64> {
        let end = now.timestamp().div_euclid(self.step_seconds);
        let kept = i64::try_from(self.kept).unwrap_or(i64::MAX);
        end.saturating_sub(kept)..end
    }

    fn start(&self, stretch: i64) -> DateTime<Utc> {
        let seconds = stretch.saturating_mul(self.step_seconds);
        DateTime::from_timestamp(seconds, 0).unwrap_or_default()
    }

    fn with<R>(&self, work: impl FnOnce(&mut BTreeMap<i64, T>) -> R) -> R {
        // Nothing in here panics half way.
        let mut known = self.known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        work(&mut known)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    #[tokio::test]
    async fn each_stretch_is_counted_once_and_no_more_are_kept() {
        let asked = RefCell::new(Vec::new());
        let minutes = Counted::<i64>::new(TimeDelta::minutes(1), 3);
        let count = |since: DateTime<Utc>, until: DateTime<Utc>| {
            assert_eq!(until - since, TimeDelta::minutes(1));
            asked.borrow_mut().push(since.timestamp() / 60);
            async move { Ok::<_, ()>(since.timestamp() / 60) }
        };
        minutes.bring_up_to(at(10 * 60 + 59), count).await.unwrap();
        minutes.bring_up_to(at(10 * 60 + 59), count).await.unwrap();
        assert_eq!(asked.take(), [9, 8, 7]);
        minutes.bring_up_to(at(12 * 60), count).await.unwrap();
        assert_eq!(asked.take(), [11, 10]);
        assert_eq!(minutes.up_to(at(12 * 60)), [Some(9), Some(10), Some(11)]);
        assert_eq!(minutes.up_to(at(13 * 60)), [Some(10), Some(11), None]);
        assert_eq!(minutes.with(|known| known.len()), 3);
        assert_eq!(minutes.last_end(at(13 * 60 + 7)), at(13 * 60));
    }

    #[tokio::test]
    async fn what_was_counted_before_a_failure_stays() {
        let minutes = Counted::<i64>::new(TimeDelta::minutes(1), 3);
        let count = |since: DateTime<Utc>, _| async move { (since >= at(9 * 60)).then_some(7).ok_or(()) };
        minutes.bring_up_to(at(10 * 60), count).await.unwrap_err();
        assert_eq!(minutes.up_to(at(10 * 60)), [None, None, Some(7)]);
    }
}
