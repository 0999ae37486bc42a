//! What is asked of the audit.

pub(crate) mod filter;
pub(crate) mod lines;
pub(crate) mod list;
