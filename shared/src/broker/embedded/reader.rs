//! The reading connection, shared by consumers, the clock of the retry tiers and `depth`.
//!
//! **Invariant:** it never writes. In WAL mode it waits for no writer, and no writer waits for it.

use chrono::Utc;
use sea_orm::sqlx::{self, Connection, Row as _, SqliteConnection, sqlite::SqliteRow};
use tokio::sync::Mutex;

use super::file::QueueFile;
use crate::broker::{BrokerReason, Message, Queue};

const ROWS_AFTER: &str = "
SELECT id, kind, message_id, content_type, attempt, replay, traceparent, deliveries, redelivered, reason, body
FROM messages WHERE queue = ?1 AND id > ?2 ORDER BY id LIMIT ?3";

const ROWS_WITH: &str = "
SELECT id, kind, message_id, content_type, attempt, replay, traceparent, deliveries, redelivered, reason, body
FROM messages WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY id";

const COUNT: &str = "SELECT count(*) FROM messages WHERE queue = ?1";

/// What is due. A message waits in its tier while `now < available_at <= now + longest delay`.
pub(super) const DUE: &str =
    "SELECT id FROM messages WHERE available_at <= ?1 ORDER BY available_at, id LIMIT ?2";

/// Later than `now + longest delay` is no time that a tier gives: the clock was set back, or the delays were shortened.
/// Such a message is due rather than lost for days.
pub(super) const TOO_LATE: &str =
    "SELECT id FROM messages WHERE available_at > ?1 ORDER BY available_at, id LIMIT ?2";

const DUE_OF_ALL: &str = "SELECT count(*) FROM messages WHERE available_at <= ?1 OR available_at > ?2";

const DUE_OF_TIER: &str = "
SELECT count(*) FROM messages WHERE (available_at <= ?1 OR available_at > ?2) AND queue = ?3";

const NEXT_DUE: &str = "SELECT min(available_at) FROM messages WHERE available_at IS NOT NULL";

/// A message in the file.
#[derive(Debug)]
pub(super) struct Row {
    /// Its place in the order.
    pub id: i64,
    /// The message.
    pub message: Message,
    /// How often it was given back, or handed out as a suspect.
    pub deliveries: u32,
    /// Whether a process that has ended may have handed it out.
    pub redelivered: bool,
    /// Why the broker moved it to its queue.
    pub reason: Option<BrokerReason>,
}

/// The two ends of the time that a message of a retry tier waits, in milliseconds since 1970.
#[derive(Clone, Copy, Debug)]
pub(super) struct Waiting {
    /// After this.
    pub now: i64,
    /// Up to this.
    pub latest: i64,
}

impl Waiting {
    /// As of now.
    pub fn now(delays: &[std::time::Duration; 3]) -> Self {
        let now = Utc::now().timestamp_millis();
        let latest = delays.iter().map(|delay| after(now, *delay)).max().unwrap_or(now);
        Self { now, latest }
    }
}

/// A time that much later.
pub(super) fn after(time: i64, delay: std::time::Duration) -> i64 {
    time.saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX))
}

/// The reader.
#[derive(Debug)]
pub(super) struct Reader {
    file: QueueFile,
    connection: Mutex<Option<SqliteConnection>>,
}

impl Reader {
    /// Connects when first asked.
    pub fn new(file: QueueFile) -> Self {
        Self {
            file,
            connection: Mutex::new(None),
        }
    }

    /// The first `count` messages of a queue beyond an id.
    pub async fn rows_after(&self, queue: Queue, id: i64, count: usize) -> Result<Vec<Row>, sqlx::Error> {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        let query = sqlx::query(ROWS_AFTER).bind(queue.name()).bind(id).bind(count);
        self.with(async |connection| query.try_map(row).fetch_all(connection).await)
            .await
    }

    /// Those of the messages that are still there.
    pub async fn rows_with(&self, ids: &[i64]) -> Result<Vec<Row>, sqlx::Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let query = sqlx::query(ROWS_WITH).bind(id_list(ids));
        self.with(async |connection| query.try_map(row).fetch_all(connection).await)
            .await
    }

    /// How many messages are in a queue. What is due in a retry tier counts for `contato`: it has only not been
    /// moved yet.
    pub async fn count(&self, queue: Queue, waiting: Waiting) -> Result<u64, sqlx::Error> {
        let (now, latest) = (waiting.now, waiting.latest);
        self.with(async |connection| {
            // One snapshot, or a message on its way would be counted twice or not at all.
            let mut snapshot = connection.begin().await?;
            let all: i64 = sqlx::query_scalar(COUNT)
                .bind(queue.name())
                .fetch_one(&mut *snapshot)
                .await?;
            let due: i64 = match queue {
                Queue::Commands => {
                    let due = sqlx::query_scalar(DUE_OF_ALL).bind(now).bind(latest);
                    due.fetch_one(&mut *snapshot).await?
                }
                Queue::Retry(_) => {
                    let due = sqlx::query_scalar(DUE_OF_TIER)
                        .bind(now)
                        .bind(latest)
                        .bind(queue.name());
                    -due.fetch_one(&mut *snapshot).await?
                }
                Queue::DeadLetters | Queue::Parking => 0,
            };
            snapshot.rollback().await?;
            Ok(u64::try_from(all + due).unwrap_or(0))
        })
        .await
    }

    /// When the next message of a retry tier is due, in milliseconds since 1970.
    pub async fn next_due(&self) -> Result<Option<i64>, sqlx::Error> {
        self.with(async |connection| sqlx::query_scalar(NEXT_DUE).fetch_one(connection).await)
            .await
    }

    /// Lets go of the file.
    pub async fn close(&self) {
        if let Some(connection) = self.connection.lock().await.take() {
            // A connection that cannot be closed in order is closed anyway.
            drop(connection.close().await);
        }
    }

    /// Asks the connection, and gets another one next time if that fails.
    async fn with<T>(
        &self,
        ask: impl AsyncFnOnce(&mut SqliteConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        let mut slot = self.connection.lock().await;
        let mut connection = match slot.take() {
            Some(connection) => connection,
            None => self.file.connect().await?,
        };
        let answer = ask(&mut connection).await?;
        *slot = Some(connection);
        Ok(answer)
    }
}

/// Ids as a JSON array: one parameter, so one prepared statement for any number of them.
pub(super) fn id_list(ids: &[i64]) -> String {
    let ids: Vec<String> = ids.iter().map(i64::to_string).collect();
    format!("[{}]", ids.join(","))
}

/// How a reason is stored.
pub(super) fn reason_name(reason: BrokerReason) -> &'static str {
    match reason {
        BrokerReason::DeliveryLimit => "delivery_limit",
        BrokerReason::Expired => "expired",
        BrokerReason::Rejected => "rejected",
        BrokerReason::Other => "other",
    }
}

fn reason_named(name: &str) -> BrokerReason {
    match name {
        "delivery_limit" => BrokerReason::DeliveryLimit,
        "expired" => BrokerReason::Expired,
        "rejected" => BrokerReason::Rejected,
        _ => BrokerReason::Other,
    }
}

fn row(row: SqliteRow) -> Result<Row, sqlx::Error> {
    let reason: Option<String> = row.try_get("reason")?;
    Ok(Row {
        id: row.try_get("id")?,
        deliveries: row.try_get("deliveries")?,
        redelivered: row.try_get("redelivered")?,
        reason: reason.as_deref().map(reason_named),
        message: Message {
            body: row.try_get("body")?,
            kind: row.try_get("kind")?,
            message_id: row.try_get("message_id")?,
            content_type: row.try_get("content_type")?,
            attempt: row.try_get("attempt")?,
            replay: row.try_get("replay")?,
            traceparent: row.try_get("traceparent")?,
        },
    })
}
