//! Replays of many: one process at a time works on each, at its pace, until everything has an outcome.
//!
//! What is sent is announced in SQL before and noted after. So whoever goes on after a crash counts outcomes of messages that
//! left and were not noted, and sends those again of which nothing is known: sent twice is the same as once.

use std::{sync::Arc, time::Duration};

use shared::store::{
    StoreError,
    replays::{ReplayCounts, ReplayState},
};
use tokio::{sync::Semaphore, task::JoinSet};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{actions::Actions, metrics::DlqMetrics};

mod item_view;
mod pace;
mod turn;
mod view;

pub(crate) use item_view::ItemView;
pub(crate) use pace::{BRAKE_MAX, Pace, RATE_MAX};
use turn::{Turn, Went};
pub(crate) use view::{CountsView, RefusalsView, ReplayView, replay_path};

/// How many replays a process works on at once; the others wait.
const AT_ONCE: usize = 4;
/// How often the service looks for replays that nobody works on.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// How often one who waits for another process looks whether its turn has come.
const WATCH_EVERY: Duration = Duration::from_millis(500);
/// The wait after a failure of the broker or of SQL; doubled with each that follows.
const BACKOFF_MIN: Duration = Duration::from_millis(250);
/// The longest such wait; well within a lease.
const BACKOFF_MAX: Duration = Duration::from_secs(5);

/// How driving a replay ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Driven {
    /// It does not run any more.
    Ended(ReplayState),
    /// There is no such replay.
    Missing,
    /// It was to be left, and goes on wherever it is taken up.
    Interrupted,
}

/// Works on replays.
#[derive(Clone, Debug)]
pub(crate) struct Runner {
    actions: Actions,
    metrics: DlqMetrics,
}

impl Runner {
    pub(crate) fn new(actions: Actions, metrics: DlqMetrics) -> Self {
        Self { actions, metrics }
    }

    /// Takes up every replay that nobody works on, until the token is cancelled.
    pub(crate) async fn run(&self, stop: CancellationToken) {
        let permits = Arc::new(Semaphore::new(AT_ONCE));
        let mut driven = JoinSet::new();
        loop {
            while let Some(ended) = driven.try_join_next() {
                if ended.is_err() {
                    tracing::error!("working on a replay panicked; it is taken up again when its lease ends");
                }
            }
            // Where SQL does not answer there is nothing to take up.
            for id in self.free(permits.available_permits()).await.unwrap_or_default() {
                let Ok(permit) = permits.clone().try_acquire_owned() else {
                    break;
                };
                let (runner, stop) = (self.clone(), stop.clone());
                driven.spawn(async move {
                    runner.drive(id, stop, |_| {}).await;
                    drop(permit);
                });
            }
            tokio::select! {
                () = stop.cancelled() => break,
                () = tokio::time::sleep(LOOK_EVERY) => {}
            }
        }
        while driven.join_next().await.is_some() {}
    }

    async fn free(&self, limit: usize) -> Result<Vec<Uuid>, StoreError> {
        if limit == 0 {
            return Ok(Vec::new());
        }
        let limit = u64::try_from(limit).unwrap_or(u64::MAX);
        self.actions.store.free_replays(self.actions.now(), limit).await
    }

    /// Works on one replay until it ends, or the token is cancelled; then another process goes on at once. While another
    /// process works on it, watches. Waits wherever the broker or SQL do not answer. Tells how far it has come.
    pub(crate) async fn drive(
        &self,
        id: Uuid,
        stop: CancellationToken,
        mut on_progress: impl FnMut(&ReplayCounts) + Send,
    ) -> Driven {
        let mut backoff = BACKOFF_MIN;
        loop {
            let wait = match self.go(id, &stop, &mut backoff, &mut on_progress).await {
                Ok(Some(driven)) => return driven,
                Ok(None) => WATCH_EVERY,
                Err(error) => {
                    if backoff == BACKOFF_MIN {
                        tracing::warn!(
                            replay.id = %id,
                            error.kind = error.kind(),
                            error.code = error.code(),
                            "a replay waits for SQL"
                        );
                    }
                    doubled(&mut backoff)
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => return Driven::Interrupted,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// One turn with a replay, if it can be had; `None` if another process works on it.
    async fn go(
        &self,
        id: Uuid,
        stop: &CancellationToken,
        backoff: &mut Duration,
        on_progress: &mut (impl FnMut(&ReplayCounts) + Send),
    ) -> Result<Option<Driven>, StoreError> {
        let store = &self.actions.store;
        let Some(replay) = store.replay(id).await? else {
            return Ok(Some(Driven::Missing));
        };
        if replay.state == ReplayState::Running
            && let Some(mut turn) = Turn::begin(&self.actions, &self.metrics, &replay).await?
        {
            on_progress(turn.counts());
            tracing::info!(replay.id = %id, total = replay.total, "working on a replay");
            return self.work(&mut turn, stop, backoff, on_progress).await;
        }
        on_progress(&store.replay_tally(id).await?.counts);
        Ok((replay.state != ReplayState::Running).then_some(Driven::Ended(replay.state)))
    }

    async fn work(
        &self,
        turn: &mut Turn<'_>,
        stop: &CancellationToken,
        backoff: &mut Duration,
        on_progress: &mut (impl FnMut(&ReplayCounts) + Send),
    ) -> Result<Option<Driven>, StoreError> {
        let mut told = *turn.counts();
        loop {
            if stop.is_cancelled() {
                turn.give_up().await;
                return Ok(Some(Driven::Interrupted));
            }
            let went = turn.round().await;
            if told != *turn.counts() {
                told = *turn.counts();
                on_progress(&told);
                *backoff = BACKOFF_MIN;
            }
            let wait = match went {
                Ok(Went::On(wait)) => wait,
                Ok(Went::Lost) => return Ok(None),
                Ok(Went::Ended(state)) => {
                    tracing::info!(replay.id = %turn.replay(), state = state.as_str(), counts = ?told, "a replay has ended");
                    return Ok(Some(Driven::Ended(state)));
                }
                Err(error) => {
                    if *backoff == BACKOFF_MIN {
                        tracing::warn!(replay.id = %turn.replay(), error = %error, "a replay waits for the broker or SQL");
                    }
                    doubled(backoff)
                }
            };
            tokio::select! {
                biased;
                () = stop.cancelled() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// The wait of now; the next one is twice as long.
fn doubled(backoff: &mut Duration) -> Duration {
    let longer = (*backoff * 2).min(BACKOFF_MAX);
    std::mem::replace(backoff, longer)
}
