//! Bringing payloads under the key that encrypts now, so that an older key can be taken away.

use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QuerySelect, sea_query::Expr,
};
use uuid::Uuid;

use crate::{
    payload_keys::{PayloadKeys, SealedPayload},
    store::{
        Pool, SqlOperation, Store, StoreError,
        entities::dead_letters::{Column, Entity},
    },
};

impl Store {
    /// Encrypts anew at most `limit` of what is kept under a key that is no longer the present one, or plainly (`None`); says how
    /// many. What cannot be read stays as it is, and what is erased meanwhile stays erased.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn rekey_dead_letters(
        &self,
        keys: &PayloadKeys,
        kept_under: Option<&str>,
        limit: u64,
    ) -> Result<u64, StoreError> {
        // Key by key: an index does not help with a choice of them.
        let query = Entity::find()
            .select_only()
            .column(Column::Id)
            .filter(Column::Body.is_not_null())
            .filter(under(kept_under))
            .limit(limit)
            .into_tuple::<Uuid>();
        let ids = self
            .timed(Pool::Write, SqlOperation::Sweep, async {
                Ok(query.all(&self.write).await?)
            })
            .await?;
        let mut done = 0;
        for id in ids {
            // One by one, each a transaction of its own: payloads may be large.
            done += u64::from(
                self.timed(Pool::Write, SqlOperation::Sweep, self.rekey(keys, id))
                    .await?,
            );
        }
        Ok(done)
    }

    /// How many payloads are kept under another key than the present one, or plainly.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub async fn count_under_other_keys(&self, keys: &PayloadKeys) -> Result<u64, StoreError> {
        let query = Entity::find().filter(under_another_key(keys));
        self.timed(Pool::Write, SqlOperation::Sweep, async {
            Ok(query.count(&self.write).await?)
        })
        .await
    }

    /// Whether it is under the present key now and was not.
    async fn rekey(&self, keys: &PayloadKeys, id: Uuid) -> Result<bool, StoreError> {
        let Some(row) = Entity::find_by_id(id).one(&self.write).await? else {
            return Ok(false);
        };
        let Some(bytes) = row.body else {
            return Ok(false);
        };
        let as_it_was = Condition::all()
            .add(Column::Id.eq(id))
            .add(Column::Body.is_not_null())
            .add(under(row.body_key.as_deref()));
        let sealed = SealedPayload {
            key: row.body_key,
            bytes,
        };
        let Ok(payload) = keys.open(id, &sealed) else {
            return Ok(false);
        };
        let anew = keys.seal(id, &payload);
        let update = Entity::update_many()
            .col_expr(Column::Body, Expr::val(anew.bytes))
            .col_expr(Column::BodyKey, Expr::val(anew.key))
            .filter(as_it_was);
        Ok(update.exec(&self.write).await?.rows_affected > 0)
    }
}

fn under(key: Option<&str>) -> Expr {
    match key {
        Some(key) => Column::BodyKey.eq(key),
        None => Column::BodyKey.is_null(),
    }
}

/// As `<` or `>`: an index has no `<>`.
fn under_another_key(keys: &PayloadKeys) -> Condition {
    let another = Condition::any()
        .add(Column::BodyKey.is_null())
        .add(Column::BodyKey.lt(keys.current()))
        .add(Column::BodyKey.gt(keys.current()));
    Condition::all().add(Column::Body.is_not_null()).add(another)
}
