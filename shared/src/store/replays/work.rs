//! Working on a replay: whose turn it is, what is sent next, and what has become of it.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DatabaseTransaction, DbErr, EntityTrait, QueryFilter,
    QueryOrder, QuerySelect,
    sea_query::{Expr, LockBehavior, LockType, OnConflict},
};
use uuid::Uuid;

use super::{
    Column, Entity, ItemState, ReplayItem, ReplayState,
    rows::{item_row, signed},
};
use crate::{
    domain::CommandId,
    store::{
        Pool, SqlOperation, Store, StoreError,
        bulk::{self, any_of, any_of_bytes},
        commands::DEAD_LETTERED,
        entities::{commands, dead_letters, replay_items},
        sql_time,
    },
    wire::Reason,
};

/// A process's turn with a replay: nobody else works on it until then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Which replay.
    pub replay: Uuid,
    /// Who works on it.
    pub owner: Uuid,
    /// The time now.
    pub now: DateTime<Utc>,
    /// Until when.
    pub until: DateTime<Utc>,
}

/// What is known of a message that is to be sent again, to find failures that came after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent {
    /// Its command; `None` if the outcome of that id is not its own.
    pub command: Option<CommandId>,
    /// How often it had been sent again.
    pub replay: u32,
    /// The identity of its next failure, if its bytes are there.
    pub next: Option<[u8; 32]>,
}

impl Store {
    /// Replays that run and that nobody works on, oldest first.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn free_replays(&self, now: DateTime<Utc>, limit: u64) -> Result<Vec<Uuid>, StoreError> {
        let free = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(free(now))
            .order_by_asc(Column::CreatedAt)
            .limit(limit)
            .into_tuple::<Uuid>();
        self.timed(Pool::Write, SqlOperation::Replay, async {
            Ok(free.all(&self.write).await?)
        })
        .await
    }

    /// Takes the turn with a replay; `false` if it does not run, or another process works on it.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn take_replay(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.timed(Pool::Write, SqlOperation::Replay, async {
            Ok(renew(&self.write, lease, free(lease.now)).await?)
        })
        .await
    }

    /// Keeps the turn; `false` if the replay does not run any more, or another process works on it.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn hold_replay(&self, lease: &Lease) -> Result<bool, StoreError> {
        self.timed(Pool::Write, SqlOperation::Replay, async {
            Ok(renew(&self.write, lease, held(lease)).await?)
        })
        .await
    }

    /// Gives the turn up, so that another process goes on at once.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn release_replay(&self, lease: &Lease) -> Result<(), StoreError> {
        let release = Entity::update_many()
            .col_expr(Column::LeaseOwner, Expr::val(None::<Uuid>))
            .filter(Column::Id.eq(lease.replay))
            .filter(held(lease));
        self.timed(Pool::Write, SqlOperation::Replay, async {
            Ok(release.exec(&self.write).await.map(drop)?)
        })
        .await
    }

    /// Ends a replay, or brakes it; `false` if it was not this process's turn any more.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn end_replay(&self, lease: &Lease, state: ReplayState) -> Result<bool, StoreError> {
        let now = sql_time(lease.now);
        let finished = (state == ReplayState::Finished).then_some(now);
        let end = Entity::update_many()
            .col_expr(Column::State, Expr::val(state.as_str()))
            .col_expr(Column::UpdatedAt, Expr::val(now))
            .col_expr(Column::FinishedAt, Expr::val(finished))
            .col_expr(Column::LeaseOwner, Expr::val(None::<Uuid>))
            .filter(Column::Id.eq(lease.replay))
            .filter(held(lease));
        self.timed(Pool::Write, SqlOperation::Replay, async {
            Ok(end.exec(&self.write).await?.rows_affected > 0)
        })
        .await
    }

    /// The next items that wait, from a position on.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn waiting_items(
        &self,
        replay: Uuid,
        from: u32,
        limit: u64,
    ) -> Result<Vec<ReplayItem>, StoreError> {
        self.items(replay, ItemState::Waiting, from, limit).await
    }

    /// The items that are sent and have no outcome yet.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn sent_items(&self, replay: Uuid) -> Result<Vec<ReplayItem>, StoreError> {
        self.items(replay, ItemState::Sent, 0, u64::from(u16::MAX)).await
    }

    async fn items(
        &self,
        replay: Uuid,
        state: ItemState,
        from: u32,
        limit: u64,
    ) -> Result<Vec<ReplayItem>, StoreError> {
        use replay_items::{Column, Entity};
        let query = Entity::find()
            .filter(Column::ReplayId.eq(replay))
            .filter(Column::State.eq(state.as_str()))
            .filter(Column::Position.gte(signed(from)))
            .order_by_asc(Column::Position)
            .limit(limit);
        let rows = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok(query.all(&self.write).await?)
            })
            .await?;
        rows.into_iter().map(ReplayItem::try_from).collect()
    }

    /// Notes what is about to be sent, and what is refused, before anything is published. Gives the positions of what may be
    /// sent; `None` if it is not this process's turn any more: then nothing may be.
    ///
    /// What is to be sent is noted under the lock of its dead letter: a correction that was made before leaves it out, and one
    /// that is made after sees the note ([`replace_dead_letter`](Self::replace_dead_letter)). What somebody else has locked or
    /// closed meanwhile is left out as well, and waits for the next look.
    ///
    /// # Errors
    /// If SQL does not answer; then nothing is written.
    pub async fn announce_items(
        &self,
        lease: &Lease,
        items: &[ReplayItem],
    ) -> Result<Option<HashSet<u32>>, StoreError> {
        self.timed(Pool::Write, SqlOperation::Replay, async {
            let transaction = self.begin().await?;
            if !renew(&transaction, lease, held(lease)).await? {
                return Ok(None);
            }
            let going = |item: &&ReplayItem| item.state == ItemState::Waiting;
            let letters = items.iter().filter(going).map(|item| item.dead_letter);
            let free = lock_standing(&transaction, letters.collect(), &["open", "replayed"]).await?;
            let free: HashSet<Uuid> = free.into_iter().collect();
            let noted: Vec<ReplayItem> = items
                .iter()
                .filter(|item| !going(item) || free.contains(&item.dead_letter))
                .cloned()
                .collect();
            save(&transaction, lease.replay, &noted).await?;
            transaction.commit().await?;
            Ok(Some(
                noted.iter().filter(going).map(|item| item.position).collect(),
            ))
        })
        .await
    }

    /// Notes what has become of items, whoever's turn it is: it is true. Dead letters that were sent and wait are marked.
    ///
    /// # Errors
    /// If SQL does not answer; then nothing is written.
    pub async fn save_items(
        &self,
        replay: Uuid,
        items: &[ReplayItem],
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let sent = items.iter().filter(|item| item.state == ItemState::Sent);
        let sent: Vec<Uuid> = sent.map(|item| item.dead_letter).collect();
        self.timed(Pool::Write, SqlOperation::Replay, async {
            let transaction = self.begin().await?;
            save(&transaction, replay, items).await?;
            mark_replayed(&transaction, sent, sql_time(now)).await?;
            transaction.commit().await?;
            Ok(())
        })
        .await
    }

    /// Which of these items have an outcome, and which: how their commands have ended, or that they failed again.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn item_outcomes<'a>(
        &self,
        items: impl Iterator<Item = &'a ReplayItem> + Clone,
    ) -> Result<Vec<(u32, ItemState)>, StoreError> {
        let ids = items.clone().filter_map(|item| item.command);
        let ids: Vec<Uuid> = ids.map(|id| id.as_uuid()).collect();
        let identities: Vec<Vec<u8>> = items
            .clone()
            .filter_map(|item| Some(item.identity?.to_vec()))
            .collect();
        let ended = commands::Entity::find()
            .select_only()
            .columns([commands::Column::Id, commands::Column::Status])
            .filter(any_of(&self.write, commands::Column::Id, ids))
            .filter(commands::Column::Status.ne(DEAD_LETTERED))
            .into_tuple::<(Uuid, String)>();
        let failed = dead_letters::Entity::find()
            .select_only()
            .column(dead_letters::Column::Identity)
            .filter(any_of_bytes(
                &self.write,
                dead_letters::Column::Identity,
                identities,
            ))
            .into_tuple::<Vec<u8>>();
        let (ended, failed) = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok((ended.all(&self.write).await?, failed.all(&self.write).await?))
            })
            .await?;
        let ended: HashMap<Uuid, String> = ended.into_iter().collect();
        let failed: HashSet<Vec<u8>> = failed.into_iter().collect();
        let outcome = |item: &ReplayItem| {
            let status = item.command.and_then(|id| ended.get(&id.as_uuid()));
            let again = || {
                item.identity
                    .is_some_and(|identity| failed.contains(identity.as_slice()))
            };
            match status {
                Some(status) => ItemState::from_word(status),
                None => again().then_some(ItemState::DeadAgain),
            }
        };
        Ok(items
            .filter_map(|item| Some((item.position, outcome(item)?)))
            .collect())
    }

    /// For each message the newest failure that came after it and waits, if there is one.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn newer_failures(&self, of: &[Sent]) -> Result<Vec<Option<Uuid>>, StoreError> {
        use dead_letters::{Column, Entity};
        let commands = of.iter().filter_map(|sent| sent.command);
        let commands: Vec<Uuid> = commands.map(|id| id.as_uuid()).collect();
        let next: Vec<Vec<u8>> = of.iter().filter_map(|sent| Some(sent.next?.to_vec())).collect();
        let same_command = any_of(&self.write, Column::CommandId, commands)
            .add(Column::Reason.ne(Reason::IdConflict.as_str()));
        let query = Entity::find()
            .select_only()
            .columns([Column::Id, Column::CommandId, Column::Replay, Column::Identity])
            .filter(Column::State.is_in(["open", "replayed"]))
            .filter(
                Condition::any()
                    .add(same_command)
                    .add(any_of_bytes(&self.write, Column::Identity, next)),
            )
            .order_by_asc(Column::Replay)
            .into_tuple::<(Uuid, Option<Uuid>, i32, Vec<u8>)>();
        let found = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok(query.all(&self.write).await?)
            })
            .await?;
        // By command or by bytes, the highest count of replays last.
        let mut by_command: HashMap<Uuid, (i32, Uuid)> = HashMap::new();
        let mut by_identity: HashMap<&[u8], Uuid> = HashMap::new();
        for (id, command, replay, identity) in &found {
            by_identity.insert(identity, *id);
            if let Some(command) = command {
                by_command.insert(*command, (*replay, *id));
            }
        }
        let newer = |sent: &Sent| {
            let of_command = sent.command.and_then(|id| by_command.get(&id.as_uuid()));
            let of_command = of_command.filter(|(replay, _)| *replay > signed(sent.replay));
            let of_bytes = || by_identity.get(sent.next.as_ref()?.as_slice()).copied();
            of_command.map(|(_, id)| *id).or_else(of_bytes)
        };
        Ok(of.iter().map(newer).collect())
    }
}

/// Running, and nobody works on it.
fn free(now: DateTime<Utc>) -> Condition {
    Condition::all()
        .add(Column::State.eq(ReplayState::Running.as_str()))
        .add(
            Condition::any()
                .add(Column::LeaseOwner.is_null())
                .add(Column::LeaseUntil.lt(now)),
        )
}

/// Running, and this process works on it.
fn held(lease: &Lease) -> Condition {
    Condition::all()
        .add(Column::State.eq(ReplayState::Running.as_str()))
        .add(Column::LeaseOwner.eq(lease.owner))
}

async fn renew(sql: &impl ConnectionTrait, lease: &Lease, condition: Condition) -> Result<bool, DbErr> {
    let renewed = Entity::update_many()
        .col_expr(Column::LeaseOwner, Expr::val(lease.owner))
        .col_expr(Column::LeaseUntil, Expr::val(sql_time(lease.until)))
        .col_expr(Column::UpdatedAt, Expr::val(sql_time(lease.now)))
        .filter(Column::Id.eq(lease.replay))
        .filter(condition)
        .exec(sql)
        .await?;
    Ok(renewed.rows_affected > 0)
}

/// Writes items over what they were, but for those that have ended.
async fn save(sql: &DatabaseTransaction, replay: Uuid, items: &[ReplayItem]) -> Result<(), DbErr> {
    use replay_items::{Column, Entity};
    // Without parameters: `bulk` passes on none but those of rows.
    let going_on = [ItemState::Waiting, ItemState::Sent].map(|state| format!("'{}'", state.as_str()));
    let going_on = format!("replay_items.state IN ({})", going_on.join(", "));
    let overwrite = OnConflict::columns([Column::ReplayId, Column::Position])
        .update_columns([
            Column::CommandId,
            Column::Identity,
            Column::State,
            Column::Refusal,
            Column::SentAt,
        ])
        .action_and_where(Expr::cust(going_on))
        .to_owned();
    let rows = items.iter().map(|item| item_row(replay, item)).collect();
    bulk::insert::<Entity, _>(sql, rows, Some(overwrite)).await
}

/// Marks those that wait.
async fn mark_replayed(sql: &DatabaseTransaction, sent: Vec<Uuid>, now: DateTime<Utc>) -> Result<(), DbErr> {
    use dead_letters::{Column, Entity};
    if sent.is_empty() {
        return Ok(());
    }
    let open = lock_standing(sql, sent, &["open"]).await?;
    Entity::update_many()
        .col_expr(Column::State, Expr::val("replayed"))
        .col_expr(Column::StateChangedAt, Expr::val(now))
        .filter(any_of(sql, Column::Id, open))
        .exec(sql)
        .await
        .map(drop)
}

/// Locks those of the dead letters that stand in one of these ways, and gives them. Those that somebody else has locked are
/// left to them: waiting for the locks of a worker, taken in its own order, could make either fail.
async fn lock_standing(
    sql: &DatabaseTransaction,
    letters: Vec<Uuid>,
    states: &[&str],
) -> Result<Vec<Uuid>, DbErr> {
    use dead_letters::{Column, Entity};
    let standing = any_of(sql, Column::Id, letters).add(Column::State.is_in(states.iter().copied()));
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(standing)
        .lock_with_behavior(LockType::Update, LockBehavior::SkipLocked)
        .into_tuple()
        .all(sql)
        .await
}
