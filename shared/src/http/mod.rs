//! What the HTTP listeners of all roles have in common: problem documents, reading requests, pages, what surrounds every
//! request.

pub mod access;
pub mod body;
mod connection;
pub mod contact;
pub mod contact_body;
pub mod cors;
pub mod cursor;
pub mod docs;
pub mod drain;
pub mod edge;
pub mod faults;
pub mod forwarded;
pub mod json;
pub mod listener;
pub mod lists;
pub mod metrics;
pub mod openapi;
pub mod page;
pub mod problem;
pub mod query;
pub mod quota;
pub mod sealed;

pub use connection::HEAD_TIMEOUT;
