//! The pure heart of contato: what a contact is, what a command is, and how a command changes a contact.
//!
//! **Invariant:** nothing in here does IO, reads a clock or draws a random number; time and randomness are
//! given. Everything else in the workspace may know the domain, the domain knows nobody.

mod area_code;
mod command;
mod contact;
mod email;
mod ids;
mod inbox;
mod merge;
mod name;
mod phone;
mod search;
mod stamp;

pub use area_code::{AreaCode, State};
pub use command::{Action, Changes, Command, IfMatch, NewContact, Operation, Outcome, Rejection};
pub use contact::{ContactState, ETag, ETagError, Life, Mark, Slot};
pub use email::{Email, EmailError};
pub use ids::{
    CommandId, ContactId, Id, IdError, IdIssuer, IdKey, IdKeyError, ImportId, IssuedIds, KeyHash,
    MAX_IMPORT_ROWS, RequestHash, Unrecorded, import_commands,
};
pub use inbox::{Entry, Inbox, Poison, Recorded, Verdict};
pub use merge::merge;
pub use name::{Name, NameError};
pub use phone::{Phone, PhoneError};
pub use search::{SearchQuery, SearchQueryError, Term, words};
pub use stamp::{Stamp, StampClock, StampError};
