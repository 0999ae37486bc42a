//! What an operator on call wants to know at a glance: how much waits and for how long, how commands end, and whether the
//! parts work.
//!
//! **Invariant:** a look ends within [`PATIENCE`], whatever does not answer; what is not known then is told as not known.

use std::{
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use chrono::{DateTime, TimeDelta, Utc};
use prometheus::IntGauge;
use shared::{
    broker::{Queue, RetryTier},
    settings::Settings,
    store::{
        SchemaVersion, StoreError,
        commands::StatusCounts,
        dead_letters::{DeadLetterFilter, DeadLetterState},
        replays::ReplayRecord,
    },
};
use uuid::Uuid;

use crate::{actions::Actions, metrics::DlqMetrics};

mod counted;

use counted::Counted;

/// How long anything may take to answer.
const PATIENCE: Duration = Duration::from_secs(2);
/// The minutes in which ended commands are counted. At 1,000 a second PostgreSQL counts one in some 40 ms, once.
pub(crate) const MINUTES: usize = 30;
/// The hours in which dead letters that came are counted, the one that is not over included.
pub(crate) const HOURS: usize = 24;
/// A minute, or an hour, is counted this long after its end: what says when it happened is committed after that.
const SETTLED_AFTER: TimeDelta = TimeDelta::seconds(10);
/// The replays that are told of.
const REPLAYS: u64 = 3;

/// What looks know of one another, and of this process.
#[derive(Debug)]
pub(crate) struct Watch {
    consuming: Arc<AtomicBool>,
    has_reader: bool,
    under_other_keys: IntGauge,
    minutes: Counted<StatusCounts>,
    hours: Counted<u64>,
}

/// What was seen.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) letters: Option<Letters>,
    /// Dead letters that came, by hour, the one that is not over last.
    pub(crate) arrivals: Vec<Option<u64>>,
    /// Commands that ended, by minute, oldest first.
    pub(crate) ended: Vec<Option<StatusCounts>>,
    pub(crate) backlog: Backlog,
    pub(crate) parts: Vec<(Part, Stands)>,
    /// Versions of the schema that are missing.
    pub(crate) missing_versions: Vec<String>,
    /// The newest version that the database has.
    pub(crate) version: Option<String>,
    pub(crate) under_other_keys: u64,
    /// Those that run, then the newest.
    pub(crate) replays: Option<Vec<ReplayRecord>>,
}

/// The dead letters that wait.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Letters {
    pub(crate) open: u64,
    pub(crate) archived: u64,
    /// Which has been open for longest, and since when.
    pub(crate) oldest: Option<(Uuid, DateTime<Utc>)>,
}

/// How many messages wait in the queues, where that is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Backlog {
    pub(crate) commands: Option<u64>,
    /// In all retry tiers.
    pub(crate) retries: Option<u64>,
    pub(crate) dead_letters: Option<u64>,
    pub(crate) parked: Option<u64>,
}

/// A part that contato needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// SQL where it is written to.
    Writer,
    /// SQL where contacts and commands are read, if that is another.
    Reader,
    Broker,
    /// What brings dead letters from the queue to SQL.
    Collector,
    /// Whether the database is as new as this program.
    Schema,
}

/// How a part stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stands {
    Up,
    Down,
    /// It has not answered in time.
    Silent,
}

impl Watch {
    pub(crate) fn new(settings: &Settings, consuming: Arc<AtomicBool>, metrics: &DlqMetrics) -> Self {
        Self {
            consuming,
            has_reader: settings.store.read_url.is_some(),
            under_other_keys: metrics.under_other_keys.clone(),
            minutes: Counted::new(TimeDelta::minutes(1), MINUTES),
            hours: Counted::new(TimeDelta::hours(1), HOURS - 1),
        }
    }

    /// Looks at everything at once.
    pub(crate) async fn look(&self, actions: &Actions) -> Seen {
        let now = actions.now();
        let settled = now - SETTLED_AFTER;
        let (letters, arrivals, ended, backlog, (parts, schema), replays) = tokio::join!(
            in_time(letters(actions)),
            self.arrivals(actions, settled),
            self.ended(actions, settled),
            backlog(actions),
            self.parts(actions),
            in_time(actions.recent_replays(REPLAYS)),
        );
        let missing = schema.iter().filter(|version| !version.applied);
        let newest = schema.iter().rfind(|version| version.applied);
        Seen {
            letters: letters.ok(),
            arrivals,
            ended,
            backlog,
            parts,
            missing_versions: missing.map(|version| version.name.clone()).collect(),
            version: newest.map(|version| version.name.clone()),
            under_other_keys: self.under_other_keys.get().try_into().unwrap_or_default(),
            replays: replays.ok(),
        }
    }

    async fn arrivals(&self, actions: &Actions, settled: DateTime<Utc>) -> Vec<Option<u64>> {
        let came = |since, until: Option<DateTime<Utc>>| {
            let came = DeadLetterFilter {
                since: Some(since),
                until,
                ..DeadLetterFilter::default()
            };
            async move { actions.store.dead_letters_count(&came).await }
        };
        let over = |since, until| came(since, Some(until));
        let (this_hour, _) = tokio::join!(
            in_time(came(self.hours.last_end(settled), None)),
            in_time(self.hours.bring_up_to(settled, over)),
        );
        let mut hours = self.hours.up_to(settled);
        hours.push(this_hour.ok());
        hours
    }

    async fn ended(&self, actions: &Actions, settled: DateTime<Utc>) -> Vec<Option<StatusCounts>> {
        let ended = |since, until| async move { actions.store.commands_ended(since, until).await };
        // What it has counted until then stays counted.
        let _ = in_time(self.minutes.bring_up_to(settled, ended)).await;
        self.minutes.up_to(settled)
    }

    async fn parts(&self, actions: &Actions) -> (Vec<(Part, Stands)>, Vec<SchemaVersion>) {
        let store = &actions.store;
        let reader = async {
            match self.has_reader {
                true => Some(in_time(store.ping()).await),
                false => None,
            }
        };
        let (writer, reader, schema) =
            tokio::join!(in_time(store.ping_writer()), reader, in_time(store.schema()));
        let current = |versions: &[SchemaVersion]| versions.iter().all(|version| version.applied);
        let mut parts = vec![(Part::Writer, Stands::of(&writer))];
        parts.extend(reader.map(|reader| (Part::Reader, Stands::of(&reader))));
        parts.push((Part::Broker, Stands::up(actions.broker.connected())));
        parts.push((
            Part::Collector,
            Stands::up(self.consuming.load(Ordering::Relaxed)),
        ));
        parts.push((
            Part::Schema,
            match &schema {
                Ok(versions) => Stands::up(current(versions)),
                Err(_) => Stands::of(&schema),
            },
        ));
        (parts, schema.unwrap_or_default())
    }
}

impl Stands {
    fn up(is_up: bool) -> Self {
        if is_up { Self::Up } else { Self::Down }
    }

    fn of<T>(answer: &Result<T, NoAnswer>) -> Self {
        match answer {
            Ok(_) => Self::Up,
            Err(NoAnswer::Refused) => Self::Down,
            Err(NoAnswer::Late) => Self::Silent,
        }
    }
}

/// Why something is not known.
#[derive(Clone, Copy, Debug)]
enum NoAnswer {
    /// What was asked says no.
    Refused,
    /// It has not answered in time.
    Late,
}

async fn in_time<T, E>(work: impl Future<Output = Result<T, E>>) -> Result<T, NoAnswer> {
    match tokio::time::timeout(PATIENCE, work).await {
        Ok(answer) => answer.map_err(|_| NoAnswer::Refused),
        Err(_) => Err(NoAnswer::Late),
    }
}

async fn letters(actions: &Actions) -> Result<Letters, StoreError> {
    let standing = |state| DeadLetterFilter {
        state: Some(state),
        ..DeadLetterFilter::default()
    };
    let (open, archived) = (
        standing(DeadLetterState::Open),
        standing(DeadLetterState::Archived),
    );
    let store = &actions.store;
    let (open, archived, oldest) = tokio::try_join!(
        store.dead_letters_count(&open),
        store.dead_letters_count(&archived),
        store.oldest_open_dead_letter(),
    )?;
    Ok(Letters {
        open,
        archived,
        oldest,
    })
}

async fn backlog(actions: &Actions) -> Backlog {
    let depth = async |queue| in_time(actions.broker.depth(queue)).await.ok();
    let [one, two, three] = RetryTier::ALL.map(Queue::Retry);
    let (commands, one, two, three, dead_letters, parked) = tokio::join!(
        depth(Queue::Commands),
        depth(one),
        depth(two),
        depth(three),
        depth(Queue::DeadLetters),
        depth(Queue::Parking),
    );
    Backlog {
        commands,
        retries: [one, two, three].into_iter().sum(),
        dead_letters,
        parked,
    }
}
