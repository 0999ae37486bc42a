//! A role that is started again whenever it dies, as an orchestrator would.

use std::{
    os::unix::process::ExitStatusExt,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use test_support::eventually_within;
use tokio::{
    task::JoinHandle,
    time::{MissedTickBehavior, interval},
};

use crate::{
    Series,
    process::{FAULT, Process, Start, scrape},
};

const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A role that dies more often is not what any test plans.
const DEATHS_MAX: usize = 200;

const SIGKILL: i32 = 9;

/// A role under a supervisor; gone when dropped.
#[derive(Debug)]
pub struct Supervised {
    start: Start,
    watched: Arc<Watched>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Watched {
    /// How each life ended, in order.
    deaths: Mutex<Vec<std::process::ExitStatus>>,
    /// The last scrape of each life.
    lives: Mutex<Vec<Series>>,
    stopping: AtomicBool,
}

impl Supervised {
    pub(crate) fn run(start: Start, fault: impl Fn(usize) -> Option<String> + Send + 'static) -> Self {
        let watched = Arc::<Watched>::default();
        let task = tokio::spawn(supervise(start.clone(), fault, watched.clone()));
        Self { start, watched, task }
    }

    /// Where its public listener is, in every life. consumer-worker has none.
    pub fn origin(&self) -> String {
        self.start.origin()
    }

    /// Waits until it says that it works, with broker and SQL.
    ///
    /// # Panics
    /// If it does not work in time.
    pub async fn works(&self) {
        self.start.works().await;
    }

    /// How often it has died.
    pub fn deaths(&self) -> usize {
        self.watched.deaths.lock().unwrap().len()
    }

    /// Waits until it has died so often.
    ///
    /// # Panics
    /// If it has not in time.
    pub async fn died(&self, times: usize, within: Duration) {
        let what = format!("a role dies {times} times");
        eventually_within(within, &what, async || (self.deaths() >= times).then_some(())).await;
    }

    /// A series summed over all lives, as far as it was seen: what a life counted last may be missing.
    pub fn sum(&self, name: &str, labels: &[&str]) -> f64 {
        let lives = self.watched.lives.lock().unwrap();
        lives.iter().map(|life| life.sum(name, labels)).sum()
    }

    /// SIGTERM, and waits for a clean end. Every death before must have been a SIGKILL.
    ///
    /// # Panics
    /// If it does not end well, or died otherwise before.
    pub async fn stop(self) {
        const PATIENCE: Duration = Duration::from_secs(30);
        self.watched.stopping.store(true, Ordering::Relaxed);
        let what = "the supervised role has ended";
        eventually_within(PATIENCE, what, async || self.task.is_finished().then_some(())).await;
        let deaths = self.watched.deaths.lock().unwrap();
        let (last, planned) = deaths.split_last().expect("it has ended");
        assert!(last.success(), "it ended with {last}");
        assert!(
            planned.iter().all(|status| status.signal() == Some(SIGKILL)),
            "not only the planned deaths: {planned:?}"
        );
    }
}

impl Drop for Supervised {
    fn drop(&mut self) {
        // The task owns the process, which ends with it.
        self.task.abort();
    }
}

async fn supervise(start: Start, fault: impl Fn(usize) -> Option<String>, watched: Arc<Watched>) {
    for life in 0..DEATHS_MAX {
        let start = match fault(life) {
            Some(fault) => start.clone().with(&[(FAULT, &fault)]),
            None => start.clone(),
        };
        watched.lives.lock().unwrap().push(Series::default());
        let status = live(start.spawn(), &watched).await;
        watched.deaths.lock().unwrap().push(status);
        if watched.stopping.load(Ordering::Relaxed) {
            return;
        }
    }
    panic!("it died {DEATHS_MAX} times");
}

async fn live(mut process: Process, watched: &Watched) -> std::process::ExitStatus {
    let mut told = false;
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        looks.tick().await;
        if let Some(status) = process.ended() {
            return status;
        }
        if !told && watched.stopping.load(Ordering::Relaxed) {
            process.terminate();
            told = true;
        }
        if let Some(series) = scrape(process.management()).await
            && let Some(last) = watched.lives.lock().unwrap().last_mut()
        {
            *last = series;
        }
    }
}
