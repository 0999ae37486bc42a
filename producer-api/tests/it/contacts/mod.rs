//! `/v1/contacts`.

mod create;
mod delete;
mod get;
mod list;
mod patch;
mod replace;
mod search;
