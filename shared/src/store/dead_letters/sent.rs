//! When dead letters were sent again, in which replay, and by whom.

use std::{cmp::Reverse, collections::HashMap, fmt, time::Duration};

use chrono::{DateTime, Utc};
use sea_orm::{
    ColumnTrait, Condition, DatabaseTransaction, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect,
    sea_query::{LockType, Query},
};
use uuid::Uuid;

use super::{DeadLetterState, StoredDeadLetter, replace::listed};
use crate::store::{
    Pool, SqlOperation, Store, StoreError,
    audit::{Act, Entry, add},
    entities::{audit, dead_letters::Column, replay_items, replays},
    replays::{ItemState, ReplayState},
};

/// For so long it is taken that a dead letter which was to be sent may still be on its way to the broker: longer than any publish
/// takes, and than clocks are apart.
const ON_ITS_WAY: Duration = Duration::from_secs(15);

/// A dead letter was sent again, or was asked to be.
#[derive(Clone, PartialEq, Eq)]
pub struct Sending {
    /// When.
    pub at: DateTime<Utc>,
    /// Who asked for it; empty where nobody has to say who they are.
    pub principal: String,
    /// In which replay of many; `None` for one by itself.
    pub replay: Option<Uuid>,
    /// Whether what was sent is a correction.
    pub corrected: bool,
}

/// Who somebody is may be personal data.
impl fmt::Debug for Sending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sending({} {:?})", self.at, self.replay)
    }
}

impl Store {
    /// Notes in the audit that a dead letter is about to be sent, unless it is closed, and says how it stands. Under its lock: a
    /// correction that was made before is seen here, and one that is made after sees the note
    /// ([`replace_dead_letter`](Self::replace_dead_letter)).
    ///
    /// # Errors
    /// See [`StoreError`]; then it must not be sent.
    pub async fn note_sending(
        &self,
        dead_letter: Uuid,
        entry: &Entry,
    ) -> Result<Option<DeadLetterState>, StoreError> {
        self.timed(Pool::Write, SqlOperation::ChangeDeadLetters, async {
            let transaction = self.begin().await?;
            let this = Condition::all().add(Column::Id.eq(dead_letter));
            let found = listed(this, Some(LockType::Update), &transaction).await?;
            let state = found.first().map(|found| found.state);
            match state {
                Some(DeadLetterState::Open | DeadLetterState::Archived | DeadLetterState::Replayed) => {
                    add(&transaction, entry).await?;
                }
                Some(DeadLetterState::Resolved | DeadLetterState::Replaced | DeadLetterState::Discarded)
                | None => {}
            }
            transaction.commit().await?;
            Ok(state)
        })
        .await
    }

    /// The last times, at most `limit`, newest first, that a dead letter was sent again: by itself, in a replay of many, or as
    /// a correction in the place of others, which are given.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn sendings(
        &self,
        dead_letter: Uuid,
        replaces: &[Uuid],
        limit: u64,
    ) -> Result<Vec<Sending>, StoreError> {
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, async {
            let mut sendings = self.sent_alone(dead_letter, replaces, limit).await?;
            sendings.extend(self.sent_in_replays(dead_letter, limit).await?);
            sendings.sort_by_key(|sending| Reverse(sending.at));
            sendings.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
            Ok(sendings)
        })
        .await
    }

    async fn sent_alone(
        &self,
        dead_letter: Uuid,
        replaces: &[Uuid],
        limit: u64,
    ) -> Result<Vec<Sending>, StoreError> {
        let [replayed, edited] = [Act::Replay, Act::EditAndReplay].map(Act::as_str);
        let itself = Condition::all()
            .add(audit::Column::DeadLetterId.eq(dead_letter))
            .add(audit::Column::Action.is_in([replayed, edited]));
        let in_their_place = Condition::all()
            .add(audit::Column::DeadLetterId.is_in(replaces.iter().copied()))
            .add(audit::Column::Action.eq(edited));
        let entries = audit::Entity::find()
            .filter(Condition::any().add(itself).add(in_their_place))
            .order_by_desc(audit::Column::At)
            .order_by_desc(audit::Column::Id)
            .limit(limit)
            .all(&self.write)
            .await?;
        let sending = |entry: audit::Model| Sending {
            at: entry.at,
            corrected: entry.action == edited,
            principal: entry.principal,
            replay: None,
        };
        Ok(entries.into_iter().map(sending).collect())
    }

    async fn sent_in_replays(&self, dead_letter: Uuid, limit: u64) -> Result<Vec<Sending>, StoreError> {
        let items = replay_items::Entity::find()
            .filter(replay_items::Column::DeadLetterId.eq(dead_letter))
            .filter(replay_items::Column::SentAt.is_not_null())
            .order_by_desc(replay_items::Column::SentAt)
            .limit(limit)
            .all(&self.write)
            .await?;
        let ids = items.iter().map(|item| item.replay_id);
        let theirs = replays::Entity::find().filter(replays::Column::Id.is_in(ids));
        let asked: HashMap<Uuid, String> = theirs
            .all(&self.write)
            .await?
            .into_iter()
            .map(|replay| (replay.id, replay.principal))
            .collect();
        let sending = |item: replay_items::Model| {
            Some(Sending {
                at: item.sent_at?,
                principal: asked.get(&item.replay_id).cloned().unwrap_or_default(),
                replay: Some(item.replay_id),
                corrected: false,
            })
        };
        Ok(items.into_iter().filter_map(sending).collect())
    }
}

/// Whether one that waits was to be sent a moment ago, by itself or in a replay that runs, and what came of it is not known.
pub(super) async fn on_its_way(
    sql: &DatabaseTransaction,
    letters: &[StoredDeadLetter],
    now: DateTime<Utc>,
) -> Result<bool, DbErr> {
    let waits = |letter: &&StoredDeadLetter| {
        matches!(letter.state, DeadLetterState::Open | DeadLetterState::Archived)
    };
    let waiting = || letters.iter().filter(waits);
    let noted = Condition::all()
        .add(audit::Column::DeadLetterId.is_in(waiting().map(|letter| letter.id)))
        .add(audit::Column::Action.eq(Act::Replay.as_str()))
        .add(audit::Column::At.gt(now - ON_ITS_WAY));
    if audit::Entity::find().filter(noted).count(sql).await? > 0 {
        return Ok(true);
    }
    let announced = Condition::all()
        .add(replay_items::Column::DeadLetterId.is_in(waiting().map(|letter| letter.id)))
        .add(replay_items::Column::State.eq(ItemState::Waiting.as_str()))
        .add(replay_items::Column::Identity.is_not_null());
    let running = Query::select()
        .column(replays::Column::Id)
        .from(replays::Entity)
        .and_where(replays::Column::State.eq(ReplayState::Running.as_str()))
        .to_owned();
    let announced = announced.add(replay_items::Column::ReplayId.in_subquery(running));
    Ok(replay_items::Entity::find().filter(announced).count(sql).await? > 0)
}
