//! The automatic policy: dead letters of some reasons are sent again without a person, so often, so far apart. Off unless the
//! settings name reasons.
//!
//! It begins replays of many and leaves the rest to them: the pace, the brake, the count. What a braked one has not sent waits
//! for a person, who resumes it. Each dead letter is part of one automatic replay at most; if it fails again, that failure is
//! a dead letter of its own, due later.

use std::time::Duration;

use shared::{settings::AutomaticReplay, store::StoreError};
use tokio_util::sync::CancellationToken;

use crate::actions::Actions;

/// How often it looks.
const INTERVAL: Duration = Duration::from_secs(5);

/// Looks until the token is cancelled.
pub(crate) async fn run(actions: Actions, policy: AutomaticReplay, stop: CancellationToken) {
    if policy.reasons.0.is_empty() {
        return;
    }
    loop {
        if let Err(error) = look(&actions, &policy).await {
            tracing::info!(
                error.kind = error.kind(),
                error.code = error.code(),
                "the automatic policy will look again"
            );
        }
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(INTERVAL) => {}
        }
    }
}

async fn look(actions: &Actions, policy: &AutomaticReplay) -> Result<(), StoreError> {
    for replay in 0..policy.times {
        if let Some(id) = actions.start_automatic(policy, replay).await? {
            tracing::info!(replay.id = %id, dead_letter.replays = replay, "an automatic replay has begun");
        }
    }
    Ok(())
}
