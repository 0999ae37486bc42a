//! Survival tests: the roles as real processes on a real RabbitMQ and PostgreSQL, killed while they work; afterwards what is
//! left is compared with what was answered.
//!
//! A [`Stack`] is the surroundings of one test. [`Process`] and [`Supervised`] are roles that run, [`Writer`] sends
//! commands and [`History`] remembers every answer, the [`ledger`] writes down every change of the database, and
//! [`Check`] holds all of them against each other.
//!
//! **Invariant:** a test measures; it never mends. Whatever no promise allows is a violation and fails the test.

mod api;
mod binaries;
mod captured;
mod check;
mod history;
pub mod ledger;
mod process;
mod queues;
mod stack;
mod supervisor;
mod writer;

pub use api::Api;
pub use binaries::Role;
pub use captured::{capture, publish};
pub use check::Check;
pub use history::{Answer, Exchange, History, Request};
pub use process::Process;
pub use stack::Stack;
pub use supervisor::Supervised;
pub use test_support::Series;
pub use writer::{Pace, Writer, contact};
