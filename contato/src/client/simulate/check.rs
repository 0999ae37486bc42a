//! Whether anything was lost: every command that was accepted has an outcome, or is a dead letter.

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    time::Duration,
};

use futures_util::{StreamExt, stream};
use indicatif::ProgressBar;
use tokio::time::{Instant, sleep, timeout};

use crate::client::{
    api::Api,
    follow::{self, LOOK_AGAIN},
};

/// How long one look at a command may take.
const LOOK_MAX: Duration = Duration::from_secs(10);
const PENDING: &str = "pending";
/// How many ids are named of those that have no outcome.
const NAMED_MAX: usize = 5;

/// What became of the commands.
#[derive(Debug, Default)]
pub(super) struct Checked {
    /// How many ended so, by the API's words.
    outcomes: BTreeMap<String, u64>,
    /// Those of which nothing is known.
    pub(super) open: Vec<String>,
}

/// Asks after each command until all have ended, for so long; each is asked after at least once.
pub(super) async fn check(
    api: &Api,
    accepted: VecDeque<String>,
    within: Duration,
    at_once: usize,
    bar: &ProgressBar,
) -> Checked {
    let until = Instant::now() + within;
    let mut checked = Checked {
        open: accepted.into(),
        ..Checked::default()
    };
    loop {
        bar.set_message(format!(
            "checking: {} commands have no outcome yet",
            checked.open.len()
        ));
        let looks = std::mem::take(&mut checked.open).into_iter().map(async |id| {
            let status = status(api, &id).await;
            (id, status)
        });
        let looked: Vec<_> = stream::iter(looks).buffer_unordered(at_once).collect().await;
        for (id, status) in looked {
            match status {
                Some(status) if status != PENDING => *checked.outcomes.entry(status).or_default() += 1,
                _ => checked.open.push(id),
            }
        }
        if checked.open.is_empty() || Instant::now() > until {
            return checked;
        }
        sleep(LOOK_AGAIN).await;
    }
}

/// What the API says of a command; `None` if it does not answer.
async fn status(api: &Api, id: &str) -> Option<String> {
    let command = timeout(LOOK_MAX, follow::command(api, id)).await.ok()?.ok()?;
    Some(command.view.status)
}

impl fmt::Display for Checked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let outcomes = self
            .outcomes
            .iter()
            .map(|(word, count)| format!("{word} {count}"));
        let outcomes: Vec<_> = outcomes.collect();
        let total = self.outcomes.values().sum::<u64>() + self.open.len() as u64;
        writeln!(
            f,
            "{:12}  {total} accepted commands: {}",
            "checked",
            outcomes.join(", ")
        )?;
        if !self.open.is_empty() {
            writeln!(f, "{:12}  {} have no outcome yet, such as", "", self.open.len())?;
        }
        for id in self.open.iter().take(NAMED_MAX) {
            writeln!(f, "{:12}  {id}", "")?;
        }
        Ok(())
    }
}
