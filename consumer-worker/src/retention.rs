//! Forgetting outcomes of commands, and imports, past their retention, which is also the window of `Idempotency-Key`.

use std::time::Duration;

use chrono::TimeDelta;
use shared::{
    clock::Clock,
    store::{Store, StoreError},
};
use tokio_util::sync::CancellationToken;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(60 * 60);
/// How many it forgets in one transaction, so that no lock is held for long.
const STEP: u64 = 1_000;
/// How many imports, each with its refusals.
const IMPORTS_STEP: u64 = 5;

pub(crate) async fn run(store: Store, clock: Clock, keep: Duration, stop: CancellationToken) {
    loop {
        if let Err(error) = forget(&store, &clock, keep, &stop).await {
            // Not urgent: the next hour will do.
            tracing::info!(
                error.kind = error.kind(),
                error.code = error.code(),
                error.reason = error.reason(),
                "old outcomes were not forgotten this time"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn forget(
    store: &Store,
    clock: &Clock,
    keep: Duration,
    stop: &CancellationToken,
) -> Result<(), StoreError> {
    let before = clock.now() - TimeDelta::from_std(keep).unwrap_or(TimeDelta::MAX);
    while !stop.is_cancelled() && store.forget_commands(before, STEP).await? == STEP {}
    while !stop.is_cancelled() && store.forget_imports(before, IMPORTS_STEP).await? == IMPORTS_STEP {}
    Ok(())
}
