//! What one transaction of the writer does.
//!
//! **Invariant:** whatever [`apply`] reports is true only once its transaction is committed.

use std::sync::Arc;

use sea_orm::sqlx::{self, AssertSqlSafe, Connection, SqliteConnection};

use super::{
    reader::{DUE, TOO_LATE, Waiting, after, id_list, reason_name},
    writer::{Answer, Failure, Job},
};
use crate::broker::{BrokerReason, Message, Queue, QueueOptions};

/// How many messages of a crashed process are suspects: more than a worker has in hand.
pub const SUSPECTS_MAX: u32 = 2000;
/// The most messages of the retry tiers that are moved in one transaction.
pub(super) const MOVE_MAX: usize = 1000;
/// How many rows one INSERT has: few sizes, so that each is prepared once.
const INSERT_ROWS: [usize; 3] = [64, 8, 1];

/// The queues that can be consumed, in the order of the feeds.
const CONSUMED: [Queue; 3] = [Queue::Commands, Queue::DeadLetters, Queue::Parking];

const DELETE: &str = "DELETE FROM messages WHERE id IN (SELECT value FROM json_each(?1))";

const COUNT_DELIVERY: &str = "
UPDATE messages SET deliveries = deliveries + 1 WHERE id IN (SELECT value FROM json_each(?1))
RETURNING id, deliveries";

const FLAG: &str = "UPDATE messages SET redelivered = 1 WHERE id IN (SELECT value FROM json_each(?1))";

const COPY: &str = "
INSERT INTO messages (queue, available_at, kind, message_id, content_type, attempt, replay, traceparent, reason, body)
SELECT ?2, NULL, kind, message_id, content_type, attempt, replay, traceparent, ?3, body
FROM messages WHERE id IN (SELECT value FROM json_each(?1)) ORDER BY available_at, id";

const WAITING_IN: &str = "SELECT count(*) FROM messages WHERE queue = ?1";

const SUSPECTS: &str = "SELECT id FROM messages WHERE queue = ?1 ORDER BY id LIMIT ?2";

/// What a transaction changed.
#[derive(Debug, Default)]
pub(super) struct Changes {
    /// The answer to each job, in order.
    pub answers: Vec<Result<Answer, Failure>>,
    /// The queues that have got messages.
    pub filled: Vec<Queue>,
    /// The messages that have left their queue.
    pub gone: Vec<(Queue, Vec<i64>)>,
}

impl Changes {
    fn fill(&mut self, queue: Queue) {
        if !self.filled.contains(&queue) {
            self.filled.push(queue);
        }
    }
}

/// Does the jobs. `in_hand` is how many messages of `contato` are not waiting but in hand.
pub(super) async fn apply(
    connection: &mut SqliteConnection,
    jobs: &[&Job],
    options: &QueueOptions,
    in_hand: u64,
) -> Result<Changes, sqlx::Error> {
    let mut changes = Changes::default();
    let mut room = match options.max_length {
        Some(max) if jobs.iter().any(|job| job.fills(Queue::Commands)) => {
            let stored: i64 = sqlx::query_scalar(WAITING_IN)
                .bind(Queue::Commands.name())
                .fetch_one(&mut *connection)
                .await?;
            let waiting = u64::try_from(stored).unwrap_or(0).saturating_sub(in_hand);
            max.saturating_sub(waiting)
        }
        Some(_) | None => u64::MAX,
    };
    let mut inserts = Vec::new();
    for job in jobs {
        let answer = match job {
            Job::Publish {
                queue: Queue::Commands,
                ..
            } if room == 0 => Err(Failure::Full),
            Job::Publish { queue, message } => {
                room -= u64::from(*queue == Queue::Commands);
                inserts.push((*queue, message));
                Ok(Answer::Done)
            }
            Job::Settle { queue, ids } => {
                sqlx::query(DELETE)
                    .bind(id_list(ids))
                    .execute(&mut *connection)
                    .await?;
                changes.gone.push((*queue, ids.clone()));
                Ok(Answer::Done)
            }
            Job::Count { queue, ids } => {
                let limit = options.delivery_limit;
                count_delivery(connection, *queue, ids, limit, &mut changes)
                    .await
                    .map(Ok)?
            }
            Job::Reject { queue, id } => {
                let to = queue.dead_letters_to();
                relocate(connection, &[*id], to, Some(BrokerReason::Rejected)).await?;
                changes.fill(to);
                changes.gone.push((*queue, vec![*id]));
                Ok(Answer::Done)
            }
            Job::MoveDue => move_due(connection, options, &mut changes).await.map(Ok)?,
            Job::StartConsuming => start_consuming(connection).await.map(Ok)?,
        };
        changes.answers.push(answer);
    }
    changes.filled.extend(inserts.iter().map(|(queue, _)| *queue));
    insert(connection, &inserts, options).await?;
    Ok(changes)
}

/// Notes that nobody consumes any more, and which messages have been in hand until now.
pub(super) async fn stop_consuming(
    connection: &mut SqliteConnection,
    redelivered: &[i64],
) -> Result<(), sqlx::Error> {
    let list = id_list(redelivered);
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    sqlx::query(FLAG).bind(list).execute(&mut *transaction).await?;
    sqlx::query("DELETE FROM consuming")
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

impl Job {
    fn fills(&self, queue: Queue) -> bool {
        matches!(self, Self::Publish { queue: to, .. } if *to == queue)
    }
}

impl Queue {
    /// Where RabbitMQ's arguments send what is rejected. Parking is the end of the road, so it stays there.
    fn dead_letters_to(self) -> Self {
        match self {
            Self::Commands => Self::DeadLetters,
            Self::Retry(_) => Self::Commands,
            Self::DeadLetters | Self::Parking => Self::Parking,
        }
    }
}

async fn insert(
    connection: &mut SqliteConnection,
    mut messages: &[(Queue, &Message)],
    options: &QueueOptions,
) -> Result<(), sqlx::Error> {
    let Waiting { now, .. } = Waiting::now(&options.retry_delays);
    for size in INSERT_ROWS {
        let values = vec!["(?, ?, ?, ?, ?, ?, ?, ?, ?)"; size].join(", ");
        let sql: Arc<str> = format!(
            "INSERT INTO messages (queue, available_at, kind, message_id, content_type, attempt, replay, \
             traceparent, body) VALUES {values}"
        )
        .into();
        while let Some((chunk, rest)) = messages.split_at_checked(size) {
            // Nothing in the text comes from a message.
            let mut query = sqlx::query(AssertSqlSafe(sql.clone()));
            for (queue, message) in chunk {
                let available_at = match queue {
                    Queue::Retry(tier) => Some(after(now, options.retry_delays[tier.index()])),
                    Queue::Commands | Queue::DeadLetters | Queue::Parking => None,
                };
                query = query
                    .bind(queue.name())
                    .bind(available_at)
                    .bind(message.kind.as_str())
                    .bind(message.message_id.as_str())
                    .bind(message.content_type.as_str())
                    .bind(message.attempt)
                    .bind(message.replay)
                    .bind(message.traceparent.as_deref())
                    .bind(message.body.as_slice());
            }
            query.execute(&mut *connection).await?;
            messages = rest;
        }
    }
    Ok(())
}

/// Moves messages to the end of another queue.
async fn relocate(
    connection: &mut SqliteConnection,
    ids: &[i64],
    to: Queue,
    reason: Option<BrokerReason>,
) -> Result<(), sqlx::Error> {
    let list = id_list(ids);
    let reason = reason.map(reason_name);
    sqlx::query(COPY)
        .bind(&list)
        .bind(to.name())
        .bind(reason)
        .execute(&mut *connection)
        .await?;
    sqlx::query(DELETE).bind(&list).execute(&mut *connection).await?;
    Ok(())
}

/// Only `contato` has a delivery limit: nothing may be lost for being read too often where people look for it.
async fn count_delivery(
    connection: &mut SqliteConnection,
    queue: Queue,
    ids: &[i64],
    limit: u32,
    changes: &mut Changes,
) -> Result<Answer, sqlx::Error> {
    let counts: Vec<(i64, i64)> = sqlx::query_as(COUNT_DELIVERY)
        .bind(id_list(ids))
        .fetch_all(&mut *connection)
        .await?;
    if queue != Queue::Commands {
        return Ok(Answer::Moved(0));
    }
    let beyond = counts
        .into_iter()
        .filter(|(_, deliveries)| *deliveries > i64::from(limit));
    let mut beyond: Vec<i64> = beyond.map(|(id, _)| id).collect();
    if beyond.is_empty() {
        return Ok(Answer::Moved(0));
    }
    beyond.sort_unstable();
    let moved = beyond.len();
    relocate(
        connection,
        &beyond,
        Queue::DeadLetters,
        Some(BrokerReason::DeliveryLimit),
    )
    .await?;
    changes.fill(Queue::DeadLetters);
    changes.gone.push((queue, beyond));
    Ok(Answer::Moved(moved))
}

async fn move_due(
    connection: &mut SqliteConnection,
    options: &QueueOptions,
    changes: &mut Changes,
) -> Result<Answer, sqlx::Error> {
    let Waiting { now, latest } = Waiting::now(&options.retry_delays);
    let mut due = Vec::new();
    // Two queries, since each follows the index: after a long pause there may be very many.
    for (sql, time) in [(DUE, now), (TOO_LATE, latest)] {
        let room = i64::try_from(MOVE_MAX - due.len()).unwrap_or(0);
        let query = sqlx::query_scalar(sql).bind(time).bind(room);
        let ids: Vec<i64> = query.fetch_all(&mut *connection).await?;
        due.extend(ids);
    }
    if !due.is_empty() {
        relocate(connection, &due, Queue::Commands, None).await?;
        changes.fill(Queue::Commands);
    }
    Ok(Answer::Moved(due.len()))
}

async fn start_consuming(connection: &mut SqliteConnection) -> Result<Answer, sqlx::Error> {
    let noted = sqlx::query("INSERT OR IGNORE INTO consuming (only) VALUES (1)");
    let crashed = noted.execute(&mut *connection).await?.rows_affected() == 0;
    let mut until = [0; 3];
    if crashed {
        for (queue, until) in CONSUMED.iter().zip(&mut until) {
            let query = sqlx::query_scalar(SUSPECTS).bind(queue.name()).bind(SUSPECTS_MAX);
            let suspects: Vec<i64> = query.fetch_all(&mut *connection).await?;
            let flag = sqlx::query(FLAG).bind(id_list(&suspects));
            flag.execute(&mut *connection).await?;
            *until = suspects.last().copied().unwrap_or(0);
        }
    }
    Ok(Answer::SuspectsUntil(until))
}
