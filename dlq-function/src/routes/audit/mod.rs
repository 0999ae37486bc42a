//! What is asked of the audit.

mod filter;
mod lines;
pub(crate) mod list;
