//! Putting dead letters aside, and back. What is archived still waits: it can be sent again or given up, its command's outcome
//! closes it, and no retention removes it.

use chrono::{DateTime, Utc};
use sea_orm::{
    Condition, ConnectionTrait, DbErr, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    sea_query::Expr,
};
use uuid::Uuid;

use super::{DeadLetterFilter, DeadLetterState, matching, standing};
use crate::store::{
    Pool, SqlOperation, Store, StoreError,
    audit::{self, Entry},
    bulk::any_of,
    entities::dead_letters::{Column, Entity},
};

/// Which dead letters an act works on.
#[derive(Clone, Copy, Debug)]
pub enum Which<'a> {
    /// These.
    Ids(&'a [Uuid]),
    /// Those that a filter holds for.
    Matching(&'a DeadLetterFilter),
}

impl Store {
    /// How many of these stand in one of these states.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn count_standing(
        &self,
        which: Which<'_>,
        states: &[DeadLetterState],
    ) -> Result<u64, StoreError> {
        let query = Entity::find().filter(which.standing(&self.write, states));
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, async {
            Ok(query.count(&self.write).await?)
        })
        .await
    }

    /// The oldest of these that stand in one of these states, so many at most, oldest first.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn oldest_standing(
        &self,
        which: Which<'_>,
        states: &[DeadLetterState],
        limit: u64,
    ) -> Result<Vec<Uuid>, StoreError> {
        let standing = which.standing(&self.write, states);
        self.timed(Pool::Write, SqlOperation::ReadDeadLetters, async {
            Ok(oldest(&self.write, standing, limit).await?)
        })
        .await
    }

    /// Puts the oldest of those aside that are open, so many at most, and says how many. The entry, of whose time it is done
    /// and whose count that is, goes to the audit, unless nothing was done.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then.
    pub async fn archive_dead_letters(
        &self,
        which: Which<'_>,
        limit: u64,
        entry: &Entry,
    ) -> Result<u64, StoreError> {
        let open = which.standing(&self.write, &[DeadLetterState::Open]);
        self.set_archived(open, limit, Some(entry.at), entry).await
    }

    /// Puts those back that are archived; else as [`archive_dead_letters`](Self::archive_dead_letters).
    ///
    /// # Errors
    /// As it.
    pub async fn restore_dead_letters(
        &self,
        which: Which<'_>,
        limit: u64,
        entry: &Entry,
    ) -> Result<u64, StoreError> {
        let archived = which.standing(&self.write, &[DeadLetterState::Archived]);
        self.set_archived(archived, limit, None, entry).await
    }

    async fn set_archived(
        &self,
        which: Condition,
        limit: u64,
        since: Option<DateTime<Utc>>,
        entry: &Entry,
    ) -> Result<u64, StoreError> {
        self.timed(Pool::Write, SqlOperation::ChangeDeadLetters, async {
            let transaction = self.begin().await?;
            let ids = oldest(&transaction, which.clone(), limit).await?;
            // They may have been closed since, or moved by another operator.
            let these = any_of(&transaction, Column::Id, ids).add(which);
            let update = Entity::update_many()
                .col_expr(Column::ArchivedAt, Expr::val(since))
                .col_expr(Column::StateChangedAt, Expr::val(entry.at))
                .filter(these);
            let done = update.exec(&transaction).await?.rows_affected;
            if done > 0 {
                let entry = Entry {
                    count: done.try_into().unwrap_or(u32::MAX),
                    ..entry.clone()
                };
                audit::add(&transaction, &entry).await?;
            }
            transaction.commit().await?;
            Ok(done)
        })
        .await
    }
}

async fn oldest(sql: &impl ConnectionTrait, which: Condition, limit: u64) -> Result<Vec<Uuid>, DbErr> {
    Entity::find()
        .select_only()
        .column(Column::Id)
        .filter(which)
        .order_by_asc(Column::ReceivedAt)
        .order_by_asc(Column::Id)
        .limit(limit)
        .into_tuple()
        .all(sql)
        .await
}

impl Which<'_> {
    fn standing(self, sql: &impl ConnectionTrait, states: &[DeadLetterState]) -> Condition {
        let these = match self {
            Self::Ids(ids) => any_of(sql, Column::Id, ids.to_vec()),
            Self::Matching(filter) => matching(filter),
        };
        let stands = states
            .iter()
            .map(|state| standing(*state))
            .fold(Condition::any(), Condition::add);
        these.add(stands)
    }
}
