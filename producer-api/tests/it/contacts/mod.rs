//! `/v1/contacts`.

mod create;
mod delete;
mod duplicates;
mod export;
mod get;
mod list;
mod patch;
mod replace;
mod search;
