//! What became of each dead letter of a replay.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect};
use uuid::Uuid;

use super::{ItemState, Refusal, ReplayItem, rows::signed};
use crate::{
    domain::CommandId,
    store::{
        Pool, SqlOperation, Store, StoreError,
        bulk::{any_of, any_of_bytes},
        entities::{
            dead_letters,
            replay_items::{Column, Entity},
        },
    },
};

/// What became of a dead letter of a replay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedItem {
    /// Its place, from 1, in the order in which they are sent.
    pub position: u32,
    /// Which dead letter.
    pub dead_letter: Uuid,
    /// Its command, as far as that is known.
    pub command: Option<CommandId>,
    /// What became of it.
    pub state: ItemState,
    /// Why it was not sent, if it was not.
    pub refusal: Option<Refusal>,
    /// The dead letter that it has become, if it failed again and that one is kept.
    pub failure: Option<Uuid>,
    /// When it was sent.
    pub sent_at: Option<DateTime<Utc>>,
}

impl Store {
    /// A page of what became of the dead letters of a replay that are noted to stand in one of these ways, in the order in which
    /// they are sent, behind a position. Outcomes that are known and not yet noted are told: nobody notes those of a replay that
    /// was stopped.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn replayed_items(
        &self,
        replay: Uuid,
        noted: &[ItemState],
        after: u32,
        limit: u64,
    ) -> Result<Vec<ReplayedItem>, StoreError> {
        let mut query = Entity::find()
            .filter(Column::ReplayId.eq(replay))
            .filter(Column::Position.gt(signed(after)))
            .order_by_asc(Column::Position)
            .limit(limit);
        // Of all of them the primary key has the order.
        if noted.len() < ItemState::ALL.len() {
            query = query.filter(Column::State.is_in(noted.iter().map(|state| state.as_str())));
        }
        let rows = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok(query.all(&self.write).await?)
            })
            .await?;
        let items: Result<Vec<_>, _> = rows.into_iter().map(ReplayItem::try_from).collect();
        let mut items = items?;
        let sent = items.iter().filter(|item| item.state == ItemState::Sent);
        let outcomes: HashMap<u32, ItemState> = self.item_outcomes(sent).await?.into_iter().collect();
        for item in &mut items {
            item.state = outcomes.get(&item.position).copied().unwrap_or(item.state);
        }
        let failures = self.failures(&items).await?;
        let commands = self.commands_of(&items).await?;
        let told = |item: ReplayItem| ReplayedItem {
            position: item.position,
            dead_letter: item.dead_letter,
            command: item.command.or_else(|| commands.get(&item.dead_letter).copied()),
            state: item.state,
            refusal: item.refusal,
            failure: match (item.state, item.identity) {
                (ItemState::DeadAgain, Some(identity)) => failures.get(identity.as_slice()).copied(),
                (_, _) => None,
            },
            sent_at: item.sent_at,
        };
        Ok(items.into_iter().map(told).collect())
    }

    /// The dead letters that items have become, by their identities.
    async fn failures(&self, items: &[ReplayItem]) -> Result<HashMap<Vec<u8>, Uuid>, StoreError> {
        use dead_letters::{Column, Entity};
        let again = items.iter().filter(|item| item.state == ItemState::DeadAgain);
        let identities: Vec<_> = again.filter_map(|item| Some(item.identity?.to_vec())).collect();
        if identities.is_empty() {
            return Ok(HashMap::new());
        }
        let query = Entity::find()
            .select_only()
            .columns([Column::Identity, Column::Id])
            .filter(any_of_bytes(&self.write, Column::Identity, identities))
            .into_tuple::<(Vec<u8>, Uuid)>();
        let found = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok(query.all(&self.write).await?)
            })
            .await?;
        Ok(found.into_iter().collect())
    }

    /// The commands of the dead letters that were not sent.
    async fn commands_of(&self, items: &[ReplayItem]) -> Result<HashMap<Uuid, CommandId>, StoreError> {
        use dead_letters::{Column, Entity};
        let unsent = items.iter().filter(|item| item.command.is_none());
        let unsent: Vec<Uuid> = unsent.map(|item| item.dead_letter).collect();
        if unsent.is_empty() {
            return Ok(HashMap::new());
        }
        let query = Entity::find()
            .select_only()
            .columns([Column::Id, Column::CommandId])
            .filter(any_of(&self.write, Column::Id, unsent))
            .filter(Column::CommandId.is_not_null())
            .into_tuple::<(Uuid, Uuid)>();
        let found = self
            .timed(Pool::Write, SqlOperation::Replay, async {
                Ok(query.all(&self.write).await?)
            })
            .await?;
        let command = |(letter, command)| (letter, CommandId::from_uuid(command));
        Ok(found.into_iter().map(command).collect())
    }
}
