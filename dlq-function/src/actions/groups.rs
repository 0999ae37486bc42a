//! Dead letters that failed alike.

use std::collections::HashMap;

use shared::store::{
    StoreError,
    dead_letters::{Arrivals, DeadLetterFilter, DeadLetterState, Group, GroupPosition},
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

    /// What arrived of these groups in each of the last hours, as far as the filter lets it through, by their fingerprints.
    pub(crate) async fn arrivals(
        &self,
        groups: &[Group],
        filter: &DeadLetterFilter,
    ) -> Result<HashMap<String, Arrivals>, StoreError> {
        let groups: Vec<_> = groups.iter().map(|group| group.fingerprint.clone()).collect();
        self.store.dead_letter_arrivals(&groups, filter, self.now()).await
    }
}
