//! producer-api: takes writes as HTTP requests and hands them on as commands; answers reads from SQL.
//!
//! **Invariant:** a 202 says that the broker has stored the command. Accepting a write never needs SQL, except for a
//! contact id that contato did not issue and for a whole file ([`import`]); reading never needs the broker.
//!
//! A write goes `routes` → [`received`] → [`contact_body`](shared::http::contact_body) → [`accept`] → [`answer`]
//! (→ [`waiters`]); everything goes through [`shared::http::edge`].

pub mod accept;
pub mod answer;
pub mod api;
pub mod canary;
pub mod coalescer;
pub mod conditions;
pub mod contact_page;
pub mod contacts_csv;
pub mod export_form;
pub mod idempotency_key;
pub mod import;
pub mod media;
pub mod metrics;
pub mod openapi;
pub mod prefer;
pub mod received;
pub mod representation;
pub mod resources;
pub mod routes;
pub mod server;
pub mod stamps;
pub mod vcard;
pub mod waiters;

pub use accept::ids_of_keyed_create;
pub use server::{Service, build};
