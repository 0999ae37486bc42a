//! What a role that consumes says of itself.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use crate::{
    management::{HEALTH_TIMEOUT, Health, Part},
    runtime::ProcessRuntime,
    store::Store,
};

/// The health of a role that consumes a queue into SQL.
#[derive(Debug)]
pub struct ConsumerHealth {
    consuming: Arc<AtomicBool>,
    store: Store,
    draining: CancellationToken,
    runtime: ProcessRuntime,
}

impl ConsumerHealth {
    /// `consuming` says whether messages come, `draining` is cancelled when the role ends. To be made on the process's
    /// runtime.
    pub fn new(consuming: Arc<AtomicBool>, store: Store, draining: CancellationToken) -> Self {
        Self {
            consuming,
            store,
            draining,
            runtime: ProcessRuntime::current(),
        }
    }
}

#[async_trait]
impl Health for ConsumerHealth {
    fn ready(&self) -> bool {
        !self.draining.is_cancelled()
    }

    async fn parts(&self) -> Vec<Part> {
        let store = self.store.clone();
        let ping = async move { tokio::time::timeout(HEALTH_TIMEOUT, store.ping_writer()).await };
        vec![
            Part {
                name: "broker",
                up: self.consuming.load(Ordering::Relaxed),
            },
            Part {
                name: "store",
                up: matches!(self.runtime.run(ping).await, Ok(Ok(()))),
            },
        ]
    }
}
