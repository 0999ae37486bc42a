//! Stopping a replay and letting it go on.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QuerySelect, sea_query::Expr};
use uuid::Uuid;

use super::{Column, Entity, ReplayState};
use crate::store::{
    Pool, SqlOperation, Store, StoreError,
    audit::{self, Entry},
    corrupt,
};

impl Store {
    /// Stops a replay that runs; says how it stood before, `None` if there is none. One that does not run is left as it is. The
    /// entry goes to the audit if something was done.
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then.
    pub async fn stop_replay(&self, id: Uuid, entry: &Entry) -> Result<Option<ReplayState>, StoreError> {
        self.turn(id, &[ReplayState::Running], ReplayState::Stopped, entry)
            .await
    }

    /// Lets a replay that was stopped or braked go on; as [`stop_replay`](Self::stop_replay).
    ///
    /// # Errors
    /// See [`StoreError`]; nothing is changed then.
    pub async fn resume_replay(&self, id: Uuid, entry: &Entry) -> Result<Option<ReplayState>, StoreError> {
        let resting = [ReplayState::Stopped, ReplayState::Braked];
        self.turn(id, &resting, ReplayState::Running, entry).await
    }

    async fn turn(
        &self,
        id: Uuid,
        from: &[ReplayState],
        to: ReplayState,
        entry: &Entry,
    ) -> Result<Option<ReplayState>, StoreError> {
        self.timed(Pool::Write, SqlOperation::Replay, async {
            let transaction = self.begin().await?;
            let Some(found) = Entity::find_by_id(id).lock_exclusive().one(&transaction).await? else {
                return Ok(None);
            };
            let before = ReplayState::from_word(&found.state).ok_or_else(|| corrupt("state of a replay"))?;
            if !from.contains(&before) {
                return Ok(Some(before));
            }
            Entity::update_many()
                .col_expr(Column::State, Expr::val(to.as_str()))
                .col_expr(Column::UpdatedAt, Expr::val(entry.at))
                .col_expr(Column::LeaseOwner, Expr::val(None::<Uuid>))
                .filter(Column::Id.eq(id))
                .exec(&transaction)
                .await?;
            let entry = Entry {
                replay: Some(id),
                count: found.total.try_into().unwrap_or_default(),
                before: Some(before.as_str().to_owned()),
                after: Some(to.as_str().to_owned()),
                ..entry.clone()
            };
            audit::add(&transaction, &entry).await?;
            transaction.commit().await?;
            Ok(Some(before))
        })
        .await
    }
}
