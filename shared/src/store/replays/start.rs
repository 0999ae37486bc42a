//! Beginning a replay: the set is frozen in one statement, whatever arrives meanwhile.

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, Order, QueryFilter,
    sea_query::{Alias, Expr, Query, SelectStatement},
};
use uuid::Uuid;

use super::{
    Column, ItemState, ReplayItem, ReplayState, due,
    rows::{item_row, signed},
};
use crate::{
    store::{
        Pool, SqlOperation, Store, StoreError,
        audit::{self, Entry},
        bulk,
        dead_letters::{DeadLetterFilter, matching},
        entities::{
            dead_letters, replay_items,
            replays::{ActiveModel, Entity, Model},
        },
    },
    wire::Reason,
};

/// How many ids are inserted at once.
const IDS_STEP: usize = 1000;

/// A replay that is to begin.
#[derive(Clone, PartialEq, Eq)]
pub struct NewReplay {
    /// A new id.
    pub id: Uuid,
    /// Who begins it.
    pub principal: String,
    /// What was asked for, as JSON without personal data.
    pub request: String,
    /// Messages a second at most.
    pub rate: u32,
    /// The share of failures, in percent, beyond which it stops; 0 for never.
    pub brake: u32,
}

/// Who somebody is may be personal data.
impl std::fmt::Debug for NewReplay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewReplay({})", self.id)
    }
}

/// Which dead letters a replay sends again.
#[derive(Clone, Copy, Debug)]
pub enum ReplaySet<'a> {
    /// These, in this order; whether they can be sent is found out one by one.
    Ids(&'a [Uuid]),
    /// Those that a filter holds for, oldest first, but for those that wait in a replay that runs.
    Matching(&'a DeadLetterFilter),
    /// Those that a policy sends by itself: open ones that died of one of the reasons, were sent again so often before, came
    /// before a time, and were never part of a replay by this principal.
    Due {
        /// Why they died.
        reasons: &'a [Reason],
        /// How often they had been sent again.
        replay: u32,
        /// Stored before.
        received_before: DateTime<Utc>,
        /// Whose replays each is part of once.
        principal: &'a str,
    },
}

/// What came of beginning a replay.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Started {
    /// It has begun with so many dead letters.
    With(u32),
    /// Nothing was done: so many are in the set, which is not what was expected.
    Unexpected(u32),
}

impl Store {
    /// Begins a replay of at most `limit` dead letters, if as many as `expected` are found where that is said. The entry, of
    /// whose time it is begun, goes to the audit with the number.
    ///
    /// # Errors
    /// See [`StoreError`]; a conflict if the id is taken. Nothing is written then.
    pub async fn start_replay(
        &self,
        new: &NewReplay,
        set: ReplaySet<'_>,
        limit: u32,
        expected: Option<u64>,
        entry: &Entry,
    ) -> Result<Started, StoreError> {
        self.timed(Pool::Write, SqlOperation::Replay, async {
            let transaction = self.begin().await?;
            let total = freeze(&transaction, new.id, set, limit).await?;
            if expected.is_some_and(|expected| expected != u64::from(total)) {
                return Ok(Started::Unexpected(total));
            }
            Entity::insert(ActiveModel::from(row(new, total, entry.at)))
                .exec_without_returning(&transaction)
                .await?;
            if total == limit && has_more(&transaction, set, limit).await? {
                let truncated = Entity::update_many().col_expr(Column::Truncated, Expr::val(true));
                let this = truncated.filter(Column::Id.eq(new.id));
                this.exec(&transaction).await?;
            }
            let entry = Entry {
                replay: Some(new.id),
                count: total,
                ..entry.clone()
            };
            audit::add(&transaction, &entry).await?;
            transaction.commit().await?;
            Ok(Started::With(total))
        })
        .await
    }

    /// The dead letters that a replay of this set would begin with now, at most `limit`, and whether there are more.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn replay_candidates(
        &self,
        set: ReplaySet<'_>,
        limit: u32,
    ) -> Result<(Vec<Uuid>, bool), StoreError> {
        let mut found = match set {
            ReplaySet::Ids(ids) => ids.to_vec(),
            ReplaySet::Matching(_) | ReplaySet::Due { .. } => {
                let query = candidates(set, u64::from(limit) + 1);
                let rows = self
                    .timed(Pool::Write, SqlOperation::Replay, async {
                        Ok(self.write.query_all(&query).await?)
                    })
                    .await?;
                let ids = rows.iter().map(|row| row.try_get_by_index(0));
                ids.collect::<Result<_, _>>()?
            }
        };
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        Ok((found, more))
    }
}

fn row(new: &NewReplay, total: u32, now: DateTime<Utc>) -> Model {
    let state = if total == 0 {
        ReplayState::Finished
    } else {
        ReplayState::Running
    };
    Model {
        id: new.id,
        principal: new.principal.clone(),
        request: new.request.clone(),
        rate: signed(new.rate),
        brake: signed(new.brake),
        total: signed(total),
        truncated: false,
        state: state.as_str().to_owned(),
        created_at: now,
        updated_at: now,
        finished_at: (total == 0).then_some(now),
        lease_owner: None,
        lease_until: None,
    }
}

/// Writes the items; says how many.
async fn freeze(
    sql: &DatabaseTransaction,
    replay: Uuid,
    set: ReplaySet<'_>,
    limit: u32,
) -> Result<u32, DbErr> {
    if let ReplaySet::Ids(ids) = set {
        return insert_ids(sql, replay, ids, limit).await;
    }
    let mut insert = Query::insert();
    insert
        .into_table(replay_items::Entity)
        .columns([
            replay_items::Column::ReplayId,
            replay_items::Column::Position,
            replay_items::Column::DeadLetterId,
            replay_items::Column::State,
        ])
        .select_from(numbered(replay, candidates(set, limit.into())))
        .map_err(|error| DbErr::Custom(error.to_string()))?;
    let frozen = sql.execute(&insert).await?.rows_affected();
    Ok(frozen.try_into().unwrap_or(u32::MAX))
}

/// Whether more match than were frozen: those wait in a replay now, and match no more.
async fn has_more(sql: &DatabaseTransaction, set: ReplaySet<'_>, limit: u32) -> Result<bool, DbErr> {
    match set {
        ReplaySet::Ids(ids) => Ok(ids.len() > usize::try_from(limit).unwrap_or(usize::MAX)),
        ReplaySet::Matching(_) | ReplaySet::Due { .. } => {
            Ok(sql.query_one(&candidates(set, 1)).await?.is_some())
        }
    }
}

async fn insert_ids(sql: &DatabaseTransaction, replay: Uuid, ids: &[Uuid], limit: u32) -> Result<u32, DbErr> {
    let kept = &ids[..ids.len().min(usize::try_from(limit).unwrap_or(usize::MAX))];
    let rows: Vec<_> = (1..)
        .zip(kept)
        .map(|(position, id)| ReplayItem {
            position,
            dead_letter: *id,
            command: None,
            identity: None,
            state: ItemState::Waiting,
            refusal: None,
            sent_at: None,
        })
        .map(|item| item_row(replay, &item))
        .collect();
    for part in rows.chunks(IDS_STEP) {
        bulk::insert::<replay_items::Entity, _>(sql, part.to_vec(), None).await?;
    }
    Ok(kept.len().try_into().unwrap_or(u32::MAX))
}

/// The dead letters of a set that is found by a condition, oldest first.
fn candidates(set: ReplaySet<'_>, limit: u64) -> SelectStatement {
    let condition = match set {
        ReplaySet::Ids(ids) => Condition::all().add(dead_letters::Column::Id.is_in(ids.iter().copied())),
        ReplaySet::Matching(filter) => matching(filter).add(waits_in_no_running_replay()),
        ReplaySet::Due {
            reasons,
            replay,
            received_before,
            principal,
        } => due::condition(reasons, replay, received_before, principal).add(waits_in_no_running_replay()),
    };
    Query::select()
        .columns([
            (dead_letters::Entity, dead_letters::Column::Id),
            (dead_letters::Entity, dead_letters::Column::ReceivedAt),
        ])
        .from(dead_letters::Entity)
        .cond_where(condition)
        .order_by(
            (dead_letters::Entity, dead_letters::Column::ReceivedAt),
            Order::Asc,
        )
        .order_by((dead_letters::Entity, dead_letters::Column::Id), Order::Asc)
        .limit(limit)
        .to_owned()
}

/// The rows of the items of such a set.
fn numbered(replay: Uuid, candidates: SelectStatement) -> SelectStatement {
    Query::select()
        .expr(Expr::val(replay))
        .expr(Expr::cust("ROW_NUMBER() OVER (ORDER BY received_at, id)"))
        .column(dead_letters::Column::Id)
        .expr(Expr::cust(format!("'{}'", ItemState::Waiting.as_str())))
        .from_subquery(candidates, Alias::new("candidates"))
        .to_owned()
}

/// Two operators at once need not send the same dead letter twice.
///
/// Counted for each dead letter by the index of its items. `NOT EXISTS` would be planned as a join, and, where the server knows
/// no figures of these tables yet, as one that goes through all items for each dead letter.
fn waits_in_no_running_replay() -> Expr {
    Expr::cust(
        "(SELECT COUNT(*) FROM replay_items WHERE replay_items.dead_letter_id = dead_letters.id \
         AND replay_items.state = 'waiting' \
         AND (SELECT replays.state FROM replays WHERE replays.id = replay_items.replay_id) = 'running') = 0",
    )
}
