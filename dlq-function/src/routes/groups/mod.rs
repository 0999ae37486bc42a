//! What is asked of groups of dead letters.

pub(crate) mod list;
