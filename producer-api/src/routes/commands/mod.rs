//! `/v1/commands`.

pub mod get;
pub mod list;
