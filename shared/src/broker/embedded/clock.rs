//! The clock of the retry tiers: moves what is due to `contato`.
//!
//! **Invariant:** it runs only in the process that consumes, so that nothing is moved twice.

use std::{sync::Arc, time::Duration};

use tokio_util::sync::CancellationToken;

use super::{
    POLL_INTERVAL,
    group::MOVE_MAX,
    reader::{Reader, Waiting},
    writer::{Answer, Job, WriterHandle},
};

/// Runs until the broker closes.
pub(super) async fn run(
    reader: Arc<Reader>,
    writer: WriterHandle,
    delays: [Duration; 3],
    closing: CancellationToken,
) {
    let mut failing = false;
    loop {
        let pause = match tick(&reader, &writer, &delays).await {
            Ok(pause) => {
                failing = false;
                pause
            }
            Err(error) => {
                // Once for each time that it starts to fail: every tick would fill the log.
                if !failing && !closing.is_cancelled() {
                    tracing::warn!(%error, "messages of the retry tiers could not be moved; trying on");
                }
                failing = true;
                POLL_INTERVAL
            }
        };
        tokio::select! {
            () = closing.cancelled() => return,
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Moves what is due, and says how long to wait.
async fn tick(reader: &Reader, writer: &WriterHandle, delays: &[Duration; 3]) -> anyhow::Result<Duration> {
    let Some(next) = reader.next_due().await? else {
        return Ok(POLL_INTERVAL);
    };
    let Waiting { now, latest } = Waiting::now(delays);
    if next > now && next <= latest {
        let wait = Duration::from_millis(u64::try_from(next - now).unwrap_or(0));
        return Ok(wait.min(POLL_INTERVAL));
    }
    match writer.ask(Job::MoveDue).await? {
        Answer::Moved(MOVE_MAX) => Ok(Duration::ZERO),
        Answer::Moved(_) | Answer::Done | Answer::SuspectsUntil(_) => Ok(POLL_INTERVAL),
    }
}
