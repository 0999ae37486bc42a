//! The canary: every so often a contact that is nobody's goes the way of a client's, and is timed. It is created, applied by a
//! worker, read back from SQL, and deleted again, so that somebody is told when nobody happens to write.
//!
//! It begins where a request has been read, so listeners and credentials have no part in it.
//!
//! **Invariant:** at most one contact of it is not deleted: before a run creates another, the last one's delete has been confirmed by
//! the broker. A run has ended before the next begins. That holds for a process: what one that was killed leaves behind no other
//! knows of.

use actix_web::web::Data;
use rand::RngExt;
use shared::{domain::ContactId, metrics::Metrics, settings::CanarySettings};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;

use crate::api::Api;

mod run;
mod series;

pub use run::{NAME, PRINCIPAL};

use run::{Run, Step, Why, delete};
use series::CanaryMetrics;

/// The longest that a run may take, however rare runs are.
const RUN_MAX: Duration = Duration::from_secs(60);
/// What part of an interval a run may take at most. The rest is for asking why, for deleting and for the jitter.
const RUN_SHARE: f64 = 0.6;
/// How much shorter or longer than said an interval may be, so that replicas do not run together.
const JITTER: f64 = 0.1;
/// The first run comes within this time, so that a new installation is soon known to work.
const FIRST_RUN_WITHIN: Duration = Duration::from_secs(10);
/// How long the delete of what a run has left may take to be confirmed.
const CLEAN_UP_MAX: Duration = Duration::from_secs(1);

/// The canary of this process.
#[derive(Debug)]
pub struct Canary {
    every: Duration,
    metrics: CanaryMetrics,
    /// What is to be deleted.
    left: Option<ContactId>,
    /// Whether the last run failed, so that it is told when one succeeds again.
    failing: bool,
}

impl Canary {
    /// The canary, if the settings want one, with its series.
    pub fn new(settings: &CanarySettings, series: &Metrics) -> Option<Self> {
        let every = settings.every?.0;
        Some(Self {
            every,
            metrics: CanaryMetrics::new(series, every),
            left: None,
            failing: false,
        })
    }

    /// Runs until `stop`; then a run in hand is given up, and its contact deleted if the broker takes that.
    pub async fn run(mut self, api: &Data<Api>, stop: CancellationToken) {
        let mut pause = self.every.min(FIRST_RUN_WITHIN).mul_f64(rand::random());
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = sleep(pause) => {}
            }
            let began = Instant::now();
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                () = self.once(api) => {}
            }
            pause = self.interval().saturating_sub(began.elapsed());
        }
        // Told already, if it fails: by whatever keeps the broker from taking it.
        let _ = self.clean_up(api).await;
    }

    fn interval(&self) -> Duration {
        let factor = rand::rng().random_range(1.0 - JITTER..1.0 + JITTER);
        self.every.mul_f64(factor)
    }

    async fn once(&mut self, api: &Data<Api>) {
        if let Err(why) = self.clean_up(api).await {
            return self.failed(Step::Delete, &why);
        }
        let began = Instant::now();
        let mut run = Run::new(api, began + self.every.mul_f64(RUN_SHARE).min(RUN_MAX));
        self.left = Some(run.contact);
        match run.steps().await {
            Ok(()) => {
                self.left = None;
                self.metrics.succeeded(began.elapsed());
                if std::mem::take(&mut self.failing) {
                    tracing::info!("the canary succeeds again");
                }
            }
            Err(why) => {
                if run.step == Step::ApplyDelete {
                    // Its delete is in the queue.
                    self.left = None;
                }
                self.failed(run.step, &why);
                // What cannot be deleted now is deleted before the next run, which then tells.
                let _ = self.clean_up(api).await;
            }
        }
    }

    fn failed(&mut self, step: Step, why: &Why) {
        self.failing = true;
        self.metrics.failed();
        tracing::warn!(
            canary.step = %step,
            canary.reason = %why,
            "the canary failed: what it does, clients' writes do, too"
        );
    }

    /// Deletes what a run has left. Where its create never arrived this is a delete of nothing, which does no harm.
    async fn clean_up(&mut self, api: &Data<Api>) -> Result<(), Why> {
        if let Some(contact) = self.left {
            delete(api, contact, Instant::now() + CLEAN_UP_MAX).await?;
            self.left = None;
        }
        Ok(())
    }
}
