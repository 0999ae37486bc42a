//! The sweep: what a delete raced with is erased within a minute, payloads of closed dead letters past the retention are
//! emptied, contacts that an older program wrote are given their words, and the gauge of waiting dead letters is brought up
//! to date.

use std::time::Duration;

use chrono::TimeDelta;
use shared::{
    clock::Clock,
    store::{
        Store, StoreError,
        dead_letters::{DeadLetterFilter, DeadLetterState},
    },
};
use tokio_util::sync::CancellationToken;

use crate::metrics::DlqMetrics;

/// How often it looks; well within the minute that is promised.
const INTERVAL: Duration = Duration::from_secs(20);

pub(crate) async fn run(
    store: Store,
    clock: Clock,
    keep: Duration,
    metrics: DlqMetrics,
    stop: CancellationToken,
) {
    loop {
        if let Err(error) = sweep(&store, &clock, keep, &metrics).await {
            tracing::info!(
                error.kind = error.kind(),
                error.code = error.code(),
                "the sweep will look again"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn sweep(store: &Store, clock: &Clock, keep: Duration, metrics: &DlqMetrics) -> Result<(), StoreError> {
    store.erase_raced_dead_letters().await?;
    let closed_before = clock.now() - TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    store.empty_old_dead_letters(closed_before).await?;
    store.mend_words().await?;
    let open = DeadLetterFilter {
        state: Some(DeadLetterState::Open),
        ..DeadLetterFilter::default()
    };
    metrics.open.set(
        store
            .dead_letters_count(&open)
            .await?
            .try_into()
            .unwrap_or(i64::MAX),
    );
    Ok(())
}
