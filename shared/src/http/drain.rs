//! Between being told to stop and stopping: a listener still answers, but each answer closes its connection and `/readyz`
//! says that it is not ready, so that whoever balances the load sends elsewhere before nobody listens.
//!
//! Without this time, a request that is sent in the moment in which the listener closes gets no answer.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// The drain of a listener. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Drain {
    stop: CancellationToken,
    time: Duration,
}

impl Drain {
    /// A drain that begins when `stop` is cancelled and takes so long.
    pub fn new(stop: CancellationToken, time: Duration) -> Self {
        Self { stop, time }
    }

    /// Whether it has begun.
    pub fn begun(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Waits until it is over: the listener may close.
    pub async fn over(self) {
        self.stop.cancelled().await;
        tokio::time::sleep(self.time).await;
    }
}
