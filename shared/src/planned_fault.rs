//! Planned faults: named places where a test makes the process die, between two steps that no test could otherwise hit.
//!
//! Without the feature `planned-faults` there are none: [`pass`] is empty and the variable is not read. With it, the
//! variable `CONTATO_PLANNED_FAULT` (no setting: it has one underscore, so that no program refuses it) plans one fault, as
//! `place:action:when`. The action is `kill` (SIGKILL to the own process) or `panic`; `when` is the passing of the place at
//! which it strikes, counted from 1, or, for `handling`, the id of a command: then it strikes every time.
//!
//! ```text
//! CONTATO_PLANNED_FAULT=committed-not-settled:kill:3
//! CONTATO_PLANNED_FAULT=handling:panic:01a20209-1005-829c-b70d-295690fe30f4
//! ```
//!
//! **Invariant:** a program that is shipped is built without the feature.

use crate::domain::CommandId;

#[cfg(any(feature = "planned-faults", test))]
mod plan;

/// Where a process can be made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// `published-not-answered` in producer-api: the broker has confirmed a command, its client has no answer.
    PublishedNotAnswered,
    /// `handling` in consumer-worker: this command is about to be merged. Its transaction is open, so that a panic here is
    /// caught and found to be this command's.
    Handling(CommandId),
    /// `written-not-committed` in consumer-worker: the rows of a batch are written, its transaction is open.
    WrittenNotCommitted,
    /// `committed-not-settled` in consumer-worker: a batch is committed, its deliveries are not settled.
    CommittedNotSettled,
    /// `sent-on-not-settled` in consumer-worker: the retry or the dead letter is confirmed, the delivery that it follows
    /// from is not settled.
    SentOnNotSettled,
    /// `stored-not-settled` in dlq-function: a dead letter is stored, its delivery is not settled.
    StoredNotSettled,
    /// `replayed-not-marked` in dlq-function: a replay is confirmed, its row does not say so yet.
    ReplayedNotMarked,
}

/// Reads the plan. To be called first thing, while a panic can still say what is wrong.
///
/// # Panics
/// If the plan cannot be read.
#[inline(always)]
pub fn arm() {
    #[cfg(any(feature = "planned-faults", test))]
    plan::arm();
}

/// Logs what is planned, if anything.
#[inline(always)]
pub fn announce() {
    #[cfg(any(feature = "planned-faults", test))]
    plan::announce();
}

/// Passes a place; dies here if that is planned.
#[inline(always)]
pub fn pass(place: Place) {
    #[cfg(any(feature = "planned-faults", test))]
    plan::pass(place);
    #[cfg(not(any(feature = "planned-faults", test)))]
    let _ = place;
}
