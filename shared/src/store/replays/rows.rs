//! Replays between rows and what the rest of the code sees.

use uuid::Uuid;

use super::{ItemState, Refusal, ReplayItem, ReplayRecord, ReplayState};
use crate::{
    domain::CommandId,
    store::{
        StoreError, corrupt,
        entities::{replay_items, replays},
    },
};

impl TryFrom<replays::Model> for ReplayRecord {
    type Error = StoreError;

    fn try_from(row: replays::Model) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            principal: row.principal,
            request: row.request,
            rate: unsigned(row.rate),
            brake: unsigned(row.brake),
            total: unsigned(row.total),
            truncated: row.truncated,
            state: ReplayState::from_word(&row.state).ok_or_else(|| corrupt("state of a replay"))?,
            created_at: row.created_at,
            updated_at: row.updated_at,
            finished_at: row.finished_at,
        })
    }
}

impl TryFrom<replay_items::Model> for ReplayItem {
    type Error = StoreError;

    fn try_from(row: replay_items::Model) -> Result<Self, StoreError> {
        let identity = row.identity.map(|bytes| bytes.try_into());
        let refusal = row.refusal.map(|word| Refusal::from_word(&word));
        Ok(Self {
            position: unsigned(row.position),
            dead_letter: row.dead_letter_id,
            command: row.command_id.map(CommandId::from_uuid),
            identity: identity.transpose().map_err(|_| corrupt("identity"))?,
            state: ItemState::from_word(&row.state).ok_or_else(|| corrupt("state of an item"))?,
            refusal: match refusal {
                Some(None) => return Err(corrupt("refusal").into()),
                Some(refusal) => refusal,
                None => None,
            },
            sent_at: row.sent_at,
        })
    }
}

/// The row of an item.
pub(super) fn item_row(replay: Uuid, item: &ReplayItem) -> replay_items::Model {
    replay_items::Model {
        replay_id: replay,
        position: signed(item.position),
        dead_letter_id: item.dead_letter,
        command_id: item.command.map(|id| id.as_uuid()),
        identity: item.identity.map(|identity| identity.to_vec()),
        state: item.state.as_str().to_owned(),
        refusal: item.refusal.map(|refusal| refusal.as_str().to_owned()),
        sent_at: item.sent_at,
    }
}

pub(super) fn signed(count: u32) -> i32 {
    count.try_into().unwrap_or(i32::MAX)
}

fn unsigned(count: i32) -> u32 {
    count.try_into().unwrap_or_default()
}
