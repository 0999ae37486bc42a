//! The process's runtime, also for HTTP handlers.
//!
//! The HTTP server has a runtime per thread, beside this one. A connection to SQL or the broker that is opened there dies
//! with that thread, though other roles of the process may share its pool; so handlers do such work on the runtime that the
//! process began with.

use std::{
    future::Future,
    process::{ExitCode, Termination},
};

use tokio::runtime::{Builder, Handle};

use crate::traces::carried;

/// Half the processors, at least one: whoever answers HTTP and whoever talks to broker and SQL share them. More threads than
/// processors wake each other more often than they get on.
pub fn half_the_processors() -> usize {
    std::thread::available_parallelism().map_or(1, |processors| processors.get().div_ceil(2))
}

/// Runs a program to its end, on half the processors. Why it failed is a line on standard error, whether or not
/// `RUST_BACKTRACE` is set: it says what to do, and a backtrace does not.
pub fn run<T: Termination>(program: impl Future<Output = anyhow::Result<T>>) -> ExitCode {
    let runtime = Builder::new_multi_thread()
        .worker_threads(half_the_processors())
        .enable_all()
        .build();
    match runtime
        .map_err(Into::into)
        .and_then(|runtime| runtime.block_on(program))
    {
        Ok(done) => done.report(),
        Err(error) => {
            eprintln!("Error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// The runtime that it was made on.
#[derive(Clone, Debug)]
pub struct ProcessRuntime(Handle);

impl ProcessRuntime {
    /// The runtime of the caller.
    ///
    /// # Panics
    /// Outside of a runtime.
    pub fn current() -> Self {
        Self(Handle::current())
    }

    /// Starts work on the runtime, in the trace of the caller.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(carried(work));
    }

    /// Does work on the runtime and waits for it. Work that was begun is finished also when nobody waits any more.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        match self.0.spawn(carried(work)).await {
            Ok(done) => done,
            Err(error) => match error.try_into_panic() {
                Ok(panic) => std::panic::resume_unwind(panic),
                // The runtime is going down, and this thread with it.
                Err(_) => std::future::pending().await,
            },
        }
    }
}
