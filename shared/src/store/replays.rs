//! Replays: dead letters that are sent again together, frozen when they were asked for.
//!
//! **Invariant:** the set of a replay never changes once it has begun, and an item that has ended stays as it is. What may have
//! been published is announced first, so that whoever goes on knows which outcomes are this replay's.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, ExprTrait, QueryFilter, QueryOrder, QuerySelect, sea_query::Expr};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError,
    bulk::any_of,
    corrupt,
    entities::{
        replay_items,
        replays::{Column, Entity},
    },
};
use crate::domain::CommandId;

mod control;
mod due;
mod items;
mod rows;
mod start;
mod words;
mod work;

pub use items::ReplayedItem;
pub use start::{NewReplay, ReplaySet, Started};
pub use words::{ItemState, Refusal, ReplayState};
pub use work::{Lease, Sent};

/// A replay.
#[derive(Clone, PartialEq, Eq)]
pub struct ReplayRecord {
    /// Which.
    pub id: Uuid,
    /// Who began it; empty where nobody has to say who they are.
    pub principal: String,
    /// What was asked for, as JSON without personal data.
    pub request: String,
    /// Messages a second at most.
    pub rate: u32,
    /// The share of failures, in percent, beyond which it stops; 0 for never.
    pub brake: u32,
    /// How many dead letters.
    pub total: u32,
    /// Whether more matched than a replay may have.
    pub truncated: bool,
    /// Where it stands.
    pub state: ReplayState,
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// When it last went on.
    pub updated_at: DateTime<Utc>,
    /// When it ended.
    pub finished_at: Option<DateTime<Utc>>,
}

/// Who somebody is may be personal data.
impl std::fmt::Debug for ReplayRecord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ReplayRecord({} {:?})", self.id, self.state)
    }
}

/// A dead letter's place in a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayItem {
    /// From 1, in the order in which they are sent.
    pub position: u32,
    /// Which dead letter.
    pub dead_letter: Uuid,
    /// The command whose outcome is this item's, once it is known.
    pub command: Option<CommandId>,
    /// What a dead letter has if this one fails again; set before it is sent.
    pub identity: Option<[u8; 32]>,
    /// Where it stands.
    pub state: ItemState,
    /// Why it was refused, if it was.
    pub refusal: Option<Refusal>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
}

/// How many dead letters of a replay stand how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReplayCounts {
    /// Not sent yet.
    pub waiting: u64,
    /// Sent, without an outcome yet.
    pub sent: u64,
    /// Their commands were applied.
    pub applied: u64,
    /// Newer commands had decided all that theirs set.
    pub superseded: u64,
    /// Their commands ended with a business answer.
    pub rejected: u64,
    /// They failed again.
    pub dead_again: u64,
    /// They could not be sent.
    pub refused: u64,
    /// Sent, and nothing was heard of them.
    pub unknown: u64,
}

impl ReplayCounts {
    /// How many stand so.
    pub fn of(&mut self, state: ItemState) -> &mut u64 {
        match state {
            ItemState::Waiting => &mut self.waiting,
            ItemState::Sent => &mut self.sent,
            ItemState::Applied => &mut self.applied,
            ItemState::Superseded => &mut self.superseded,
            ItemState::Rejected => &mut self.rejected,
            ItemState::DeadAgain => &mut self.dead_again,
            ItemState::Refused => &mut self.refused,
            ItemState::Unknown => &mut self.unknown,
        }
    }

    /// One of them changes its state, if there is one: they add up to the same whatever is read in between.
    pub fn move_one(&mut self, from: ItemState, to: ItemState) {
        if let Some(left) = self.of(from).checked_sub(1) {
            *self.of(from) = left;
            *self.of(to) += 1;
        }
    }
}

/// What has become of the dead letters of a replay so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReplayTally {
    /// How many stand how.
    pub counts: ReplayCounts,
    /// How many were refused why.
    pub refusals: BTreeMap<Refusal, u64>,
}

/// Where in a list of replays, newest first, a page starts, itself excluded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplayPosition {
    /// When it began.
    pub created_at: DateTime<Utc>,
    /// The replay.
    pub id: Uuid,
}

impl Store {
    /// One replay.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn replay(&self, id: Uuid) -> Result<Option<ReplayRecord>, StoreError> {
        let read = async { Ok(Entity::find_by_id(id).one(&self.write).await?) };
        self.timed(Pool::Write, SqlOperation::Replay, read)
            .await?
            .map(ReplayRecord::try_from)
            .transpose()
    }

    /// A page of replays, newest first, from a position on.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn replays_page(
        &self,
        after: Option<ReplayPosition>,
        limit: u64,
    ) -> Result<Vec<ReplayRecord>, StoreError> {
        let after = after.map(|after| {
            let place = Expr::tuple([Expr::col(Column::CreatedAt), Expr::col(Column::Id)]);
            place.lt(Expr::tuple([Expr::val(after.created_at), Expr::val(after.id)]))
        });
        let query = Entity::find()
            .filter(sea_orm::Condition::all().add_option(after))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .limit(limit);
        let read = async { Ok(query.all(&self.write).await?) };
        let rows = self
            .timed(Pool::Write, SqlOperation::Replay, read)
            .await?
            .into_iter();
        rows.map(ReplayRecord::try_from).collect()
    }

    /// The replays that run, newest first, so many at most.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn running_replays(&self, limit: u64) -> Result<Vec<ReplayRecord>, StoreError> {
        let running = Entity::find()
            .filter(Column::State.eq(ReplayState::Running.as_str()))
            .order_by_desc(Column::CreatedAt)
            .order_by_desc(Column::Id)
            .limit(limit);
        let rows = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok(running.all(&self.write).await?)
            })
            .await?;
        rows.into_iter().map(ReplayRecord::try_from).collect()
    }

    /// What has become of the dead letters of these replays. Outcomes that are known and not yet noted count, too: nobody
    /// notes those of a replay that was stopped.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn replay_tallies(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, ReplayTally>, StoreError> {
        let mut tallies = self.noted(ids).await?;
        for (id, tally) in &mut tallies {
            if tally.counts.sent > 0 {
                let unsettled = self.sent_items(*id).await?;
                for (_, outcome) in self.item_outcomes(unsettled.iter()).await? {
                    tally.counts.move_one(ItemState::Sent, outcome);
                }
            }
        }
        Ok(tallies)
    }

    /// What is noted of the dead letters of these replays.
    async fn noted(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, ReplayTally>, StoreError> {
        use replay_items::{Column, Entity};
        let theirs = any_of(&self.write, Column::ReplayId, ids.to_vec());
        let counts = Entity::find()
            .select_only()
            .columns([Column::ReplayId, Column::State, Column::Refusal])
            .column_as(Column::Position.count(), "count")
            .filter(theirs)
            .group_by(Column::ReplayId)
            .group_by(Column::State)
            .group_by(Column::Refusal)
            .into_tuple::<(Uuid, String, Option<String>, i64)>();
        let rows = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok(counts.all(&self.write).await?)
            })
            .await?;
        let mut tallies: HashMap<Uuid, ReplayTally> = HashMap::new();
        for (id, state, refusal, count) in rows {
            let tally = tallies.entry(id).or_default();
            let count = u64::try_from(count).unwrap_or_default();
            let state = ItemState::from_word(&state).ok_or_else(|| corrupt("state of an item"))?;
            *tally.counts.of(state) += count;
            if let Some(refusal) = refusal {
                let refusal = Refusal::from_word(&refusal).ok_or_else(|| corrupt("refusal"))?;
                *tally.refusals.entry(refusal).or_default() += count;
            }
        }
        Ok(tallies)
    }

    /// How many dead letters of a replay stand how, by what is noted, for who notes it.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn noted_counts(&self, id: Uuid) -> Result<ReplayCounts, StoreError> {
        let noted = self.noted(&[id]).await?;
        Ok(noted.get(&id).map(|tally| tally.counts).unwrap_or_default())
    }

    /// What has become of the dead letters of a replay; see [`replay_tallies`](Self::replay_tallies).
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn replay_tally(&self, id: Uuid) -> Result<ReplayTally, StoreError> {
        Ok(self.replay_tallies(&[id]).await?.remove(&id).unwrap_or_default())
    }
}
