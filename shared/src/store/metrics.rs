//! What is measured of SQL: operations by name and failure, and the pools.
//!
//! An operation takes a turn before it takes a connection, and there are as many turns as connections: so it is a turn that it
//! waits for, in the order of arrival, and the wait can be seen, which inside of the pool it cannot.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Instant,
};

use prometheus::Histogram;
use sea_orm::{DatabaseConnection, DbBackend};
use tokio::sync::{Semaphore, SemaphorePermit};

use super::{Store, StoreError};
use crate::metrics::{BoundedHistograms, Metrics, OTHER};

/// Upper bounds in seconds. Fewer than the conventions advise: there is a series for each of them for each operation.
const OPERATION_BUCKETS: [f64; 4] = [0.001, 0.01, 0.1, 1.0];
const WAIT_BUCKETS: [f64; 4] = [0.001, 0.01, 0.1, 1.0];

/// How many combinations of operation and failure, besides the successes that a role expects, have series of their own.
const ADMITTED_MAX: usize = 1;

/// `error_type` of what succeeded.
const NONE: &str = "";

/// What is done with SQL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SqlOperation {
    /// A batch of commands is applied.
    ApplyBatch,
    /// What a batch would come to is looked up.
    ForeseeBatch,
    /// Whether SQL would take a batch is tried.
    Probe,
    /// The version of the schema is read.
    CheckSchema,
    /// It is asked whether SQL answers to reads.
    Ping,
    /// It is asked whether SQL answers where it is written to.
    PingWriter,
    /// Contacts are read by their ids.
    GetContact,
    /// A page of contacts is read.
    ListContacts,
    /// Contacts that share a phone or an e-mail address are looked for.
    FindDuplicates,
    /// An export begins.
    BeginExport,
    /// Commands are read by their ids.
    GetCommand,
    /// Commands are listed or counted.
    ListCommands,
    /// An import is noted or read.
    Import,
    /// A dead letter is stored.
    StoreDeadLetter,
    /// Dead letters are read, listed or counted.
    ReadDeadLetters,
    /// Dead letters are sent again, given up, put aside, corrected.
    ChangeDeadLetters,
    /// A replay of many is worked on or read.
    Replay,
    /// The audit is written or read.
    Audit,
    /// A session of the console is opened, read or closed.
    Session,
    /// What has to go is removed, and what has to change is changed, in the background.
    Sweep,
    /// The server is looked at.
    Examine,
}

impl SqlOperation {
    /// The name in metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ApplyBatch => "apply_batch",
            Self::ForeseeBatch => "foresee_batch",
            Self::Probe => "probe",
            Self::CheckSchema => "check_schema",
            Self::Ping => "ping",
            Self::PingWriter => "ping_writer",
            Self::GetContact => "get_contact",
            Self::ListContacts => "list_contacts",
            Self::FindDuplicates => "find_duplicates",
            Self::BeginExport => "begin_export",
            Self::GetCommand => "get_command",
            Self::ListCommands => "list_commands",
            Self::Import => "import",
            Self::StoreDeadLetter => "store_dead_letter",
            Self::ReadDeadLetters => "read_dead_letters",
            Self::ChangeDeadLetters => "change_dead_letters",
            Self::Replay => "replay",
            Self::Audit => "audit",
            Self::Session => "session",
            Self::Sweep => "sweep",
            Self::Examine => "examine",
        }
    }
}

/// The turns at the connections of a pool.
#[derive(Debug)]
pub(super) struct Turns {
    free: Semaphore,
    waiting: AtomicU32,
}

impl Turns {
    pub(super) fn at(pool: &DatabaseConnection) -> Arc<Self> {
        let connections = usize::try_from(connections(pool).max).unwrap_or(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            free: Semaphore::new(connections.clamp(1, Semaphore::MAX_PERMITS)),
            waiting: AtomicU32::new(0),
        })
    }

    /// Waits for a turn, which ends when it is dropped.
    pub(super) async fn take(&self, metrics: Option<&StoreMetrics>) -> Option<SemaphorePermit<'_>> {
        let wait = metrics.map(|metrics| &metrics.wait);
        if let Ok(turn) = self.free.try_acquire() {
            if let Some(wait) = wait {
                wait.observe(0.0);
            }
            return Some(turn);
        }
        let _waiting = Waiting::of(&self.waiting, wait);
        // Nobody closes the semaphore.
        self.free.acquire().await.ok()
    }
}

/// One who waits; counted out and timed when dropped, also when it has given up: those are the longest waits.
struct Waiting<'a> {
    all: &'a AtomicU32,
    wait: Option<&'a Histogram>,
    since: Instant,
}

impl<'a> Waiting<'a> {
    fn of(all: &'a AtomicU32, wait: Option<&'a Histogram>) -> Self {
        all.fetch_add(1, Ordering::Relaxed);
        Self {
            all,
            wait,
            since: Instant::now(),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        // Timed first: who sees that nobody waits any more sees how long they did.
        if let Some(wait) = self.wait {
            wait.observe(self.since.elapsed().as_secs_f64());
        }
        self.all.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The connections of a pool.
#[derive(Clone, Copy, Debug, Default)]
struct Connections {
    idle: u32,
    open: u32,
    max: u32,
}

fn connections(pool: &DatabaseConnection) -> Connections {
    let idle = |idle: usize| u32::try_from(idle).unwrap_or(u32::MAX);
    if pool.get_database_backend() == DbBackend::Sqlite {
        let pool = pool.get_sqlite_connection_pool();
        Connections {
            idle: idle(pool.num_idle()),
            open: pool.size(),
            max: pool.options().get_max_connections(),
        }
    } else {
        let pool = pool.get_postgres_connection_pool();
        Connections {
            idle: idle(pool.num_idle()),
            open: pool.size(),
            max: pool.options().get_max_connections(),
        }
    }
}

/// What a role counts of its operations.
#[derive(Clone, Debug)]
pub(super) struct StoreMetrics {
    operations: BoundedHistograms<2>,
    wait: Histogram,
}

impl StoreMetrics {
    /// An operation has ended so.
    pub(super) fn ended<T>(&self, operation: SqlOperation, result: &Result<T, StoreError>, since: Instant) {
        let error = result.as_ref().err().map_or(NONE, StoreError::kind);
        let overflow = if error == NONE {
            [OTHER, NONE]
        } else {
            [OTHER, OTHER]
        };
        self.operations
            .while_room([operation.as_str(), error], overflow)
            .observe(since.elapsed().as_secs_f64());
    }
}

impl Store {
    /// The same store, counting what is done through it for a role. The successes of these operations exist from the start.
    #[must_use]
    pub fn metered(self, series: &Metrics, expected: &[SqlOperation]) -> Self {
        let operations = series.bounded_histograms(
            "db_client_operation_duration_seconds",
            "How long operations on SQL took, the wait for a connection included.",
            &OPERATION_BUCKETS,
            ["db_operation_name", "error_type"],
            expected.len() + ADMITTED_MAX,
        );
        for operation in expected {
            operations.while_room([operation.as_str(), NONE], [OTHER, NONE]);
        }
        let wait = series.histogram(
            "db_client_connection_wait_time_seconds",
            "How long operations waited for a connection.",
            &WAIT_BUCKETS,
        );
        self.tell_pools(series);
        Self {
            metrics: Some(StoreMetrics { operations, wait }),
            ..self
        }
    }

    /// The pools as they are at each scrape, added up.
    fn tell_pools(&self, series: &Metrics) {
        let pools = [self.write.clone(), self.read.clone(), self.export.clone()];
        let of_all = {
            let pools = pools.clone();
            move |of: fn(Connections) -> u32| -> f64 {
                pools.iter().map(|pool| f64::from(of(connections(pool)))).sum()
            }
        };
        let all = of_all.clone();
        series.asked_gauges(
            "db_client_connection_count",
            "Connections to SQL.",
            "state",
            ["idle", "used"],
            move || {
                [
                    all(|pool| pool.idle),
                    all(|pool| pool.open.saturating_sub(pool.idle)),
                ]
            },
        );
        series.asked_gauge(
            "db_client_connection_max",
            "The most connections to SQL.",
            move || of_all(|pool| pool.max),
        );
        let turns = [self.write_turns.clone(), self.read_turns.clone()];
        series.asked_gauge(
            "db_client_connection_pending_requests",
            "Operations that wait for a connection.",
            move || {
                turns
                    .iter()
                    .map(|turns| f64::from(turns.waiting.load(Ordering::Relaxed)))
                    .sum()
            },
        );
    }
}
