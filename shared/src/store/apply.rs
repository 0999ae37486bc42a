//! One batch of commands, one transaction.
//!
//! READ COMMITTED with row locks: the contacts are locked first, sorted by id, and what is recorded is read only then, so
//! that two workers with one contact decide one after the other. Where there is no row to lock, the plain INSERT is the
//! lock: a unique violation says that another worker was first, and the batch runs again.

use std::collections::{BTreeSet, HashMap, HashSet};

use chrono::{DateTime, Utc};
use sea_orm::{
    DatabaseTransaction, DbErr, EntityTrait, Iterable, PrimaryKeyToColumn, QueryFilter, QueryOrder,
    QuerySelect, sea_query::OnConflict,
};
use uuid::Uuid;

use super::{
    Pool, SqlOperation, Store, StoreError,
    bulk::{self, any_of},
    commands::{self, Written},
    contacts::{self, Contact},
    dead_letters, entities, sql_time,
};
use crate::{
    domain::{ContactId, ContactState, Entry, Inbox, Life, Stamp, Verdict},
    planned_fault::{Place, pass},
    wire::MAX_ENVELOPES,
};

impl Store {
    /// Applies a batch in the order given; says for each entry what became of it. Nothing is written if it fails.
    ///
    /// `now` is the time of the commit, `latest` the youngest stamp that is believed. At most
    /// [`MAX_ENVELOPES`] entries keep it within the parameters of one statement.
    ///
    /// # Errors
    /// See [`StoreError`]; after [`StoreError::Conflict`] the same batch can be applied again at once.
    pub async fn apply(
        &self,
        entries: &[Entry],
        now: DateTime<Utc>,
        latest: Stamp,
    ) -> Result<Vec<Verdict>, StoreError> {
        let now = sql_time(now);
        self.timed(Pool::Write, SqlOperation::ApplyBatch, async {
            let transaction = self.begin().await?;
            let verdicts = apply(&transaction, entries, now, latest).await?;
            pass(Place::WrittenNotCommitted);
            transaction.commit().await?;
            Ok(verdicts)
        })
        .await
    }

    /// What would become of a batch if it were applied now. Writes nothing and takes no lock.
    ///
    /// # Errors
    /// See [`StoreError`].
    pub async fn foresee(&self, entries: &[Entry], latest: Stamp) -> Result<Vec<Verdict>, StoreError> {
        self.timed(Pool::Write, SqlOperation::ForeseeBatch, async {
            let mut inbox = Inbox::default();
            for part in entries.chunks(MAX_ENVELOPES) {
                let ids = part.iter().map(|entry| entry.command.contact_id.as_uuid());
                let theirs = any_of(&self.write, entities::contacts::Column::Id, ids.collect());
                let query = entities::contacts::Entity::find().filter(theirs);
                let contacts = query.all(&self.write).await?.into_iter().map(Contact::try_from);
                let states = contacts.map(|contact| contact.map(|contact| contact.state));
                let recorded = commands::recorded(&self.write, part).await?;
                inbox.know(
                    states.collect::<Result<Vec<_>, _>>()?,
                    recorded.outcomes,
                    recorded.keys,
                );
            }
            Ok(entries
                .iter()
                .map(|entry| inbox.take(entry.clone(), latest))
                .collect())
        })
        .await
    }
}

async fn apply(
    sql: &DatabaseTransaction,
    entries: &[Entry],
    now: DateTime<Utc>,
    latest: Stamp,
) -> Result<Vec<Verdict>, StoreError> {
    let before = lock_contacts(sql, entries).await?;
    let recorded = commands::recorded(sql, entries).await?;
    let states = before.values().map(|contact| contact.state.clone());
    let mut inbox = Inbox::default();
    inbox.know(states, recorded.outcomes, recorded.keys);
    let verdicts = entries
        .iter()
        .map(|entry| {
            pass(Place::Handling(entry.command.id));
            inbox.take(entry.clone(), latest)
        })
        .collect();

    write_contacts(sql, inbox.changed(), &before, now).await?;
    let waiting: HashSet<Uuid> = recorded.dead_lettered;
    let finished: Vec<Written<'_>> = inbox
        .finished()
        .map(|(entry, outcome)| Written {
            entry,
            outcome,
            finished_at: now,
        })
        .collect();
    commands::write(sql, &finished, &waiting).await?;
    let closed = finished
        .iter()
        .map(|written| written.entry.command.id.as_uuid())
        .filter(|id| waiting.contains(id));
    dead_letters::resolve(sql, closed.collect(), now).await?;
    let deleted = inbox
        .changed()
        .filter(|state| state.life == Life::Deleted)
        .map(|state| state.id.as_uuid());
    dead_letters::erase(sql, deleted.collect()).await?;
    Ok(verdicts)
}

async fn lock_contacts(
    sql: &DatabaseTransaction,
    entries: &[Entry],
) -> Result<HashMap<ContactId, Contact>, StoreError> {
    let ids: BTreeSet<Uuid> = entries
        .iter()
        .map(|entry| entry.command.contact_id.as_uuid())
        .collect();
    let rows = entities::contacts::Entity::find()
        .filter(any_of(
            sql,
            entities::contacts::Column::Id,
            ids.into_iter().collect(),
        ))
        .order_by_asc(entities::contacts::Column::Id)
        .lock_exclusive()
        .all(sql)
        .await?;
    rows.into_iter()
        .map(|row| Contact::try_from(row).map(|contact| (contact.state.id, contact)))
        .collect()
}

/// Rows that were locked are overwritten; rows that were missing are inserted plainly, so that a race shows.
async fn write_contacts(
    sql: &DatabaseTransaction,
    changed: impl Iterator<Item = &ContactState>,
    before: &HashMap<ContactId, Contact>,
    now: DateTime<Utc>,
) -> Result<(), DbErr> {
    use entities::contacts::{Column, Entity, PrimaryKey};
    let (mut locked, mut missing) = (Vec::new(), Vec::new());
    for state in changed {
        let found = before.get(&state.id);
        let rows = if found.is_some() {
            &mut locked
        } else {
            &mut missing
        };
        rows.push(contacts::row(state, found, now));
    }
    if !locked.is_empty() {
        let columns = Column::iter().filter(|column| !matches!(column, Column::Id));
        let overwrite = OnConflict::column(PrimaryKey::Id.into_column())
            .update_columns(columns)
            .to_owned();
        bulk::insert::<Entity, _>(sql, locked, Some(overwrite)).await?;
    }
    bulk::insert::<Entity, _>(sql, missing, None).await
}
