//! The console as a browser without scripts sees it. What needs one with scripts is tried by scripts/check-console.

mod audit;
mod browser;
mod commands;
mod contacts;
mod dead_letters;
mod frame;
mod hostile;
mod inbox;
mod overview;
mod reader;
mod replays;
mod routes;
mod sign_in;
mod sign_in_at_issuer;

pub use browser::{Browser, Form, Page};
