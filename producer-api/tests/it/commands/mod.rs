//! `/v1/commands`.

mod get;
mod list;
