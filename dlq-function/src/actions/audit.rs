//! Who did what.

use shared::store::{
    StoreError,
    audit::{AuditFilter, AuditPosition, Entry},
};

use super::Actions;

impl Actions {
    /// A page of the audit, newest first, from a position on.
    pub(crate) async fn audit_page(
        &self,
        filter: &AuditFilter,
        after: Option<AuditPosition>,
        limit: u64,
    ) -> Result<Vec<Entry>, StoreError> {
        self.store.audit_page(filter, after, limit).await
    }
}
