//! Dead letters that failed alike.

use shared::store::{
    StoreError,
    dead_letters::{DeadLetterFilter, DeadLetterState, Group, GroupPosition},
};

use super::Actions;

impl Actions {
    /// A page of groups, last seen first, from a position on. Unless the filter has a state, those in which something is open.
    pub(crate) async fn groups(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&GroupPosition>,
        limit: u64,
    ) -> Result<Vec<Group>, StoreError> {
        let filter = DeadLetterFilter {
            state: filter.state.or(Some(DeadLetterState::Open)),
            ..filter.clone()
        };
        self.store.dead_letter_groups(&filter, after, limit).await
    }
}
