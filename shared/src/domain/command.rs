//! Commands: one requested change of one contact, and how it can end.

use std::{fmt, str::FromStr};

use super::{
    contact::ETag,
    email::Email,
    ids::{CommandId, ContactId, KeyHash, create_belongs},
    name::Name,
    phone::Phone,
    stamp::Stamp,
};

/// What a command does. The tag of every message on the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operation {
    /// Insert a contact (POST).
    Create,
    /// Change fields of a contact (PUT names all of them, PATCH some).
    Update,
    /// Delete a contact and erase its personal data (DELETE).
    Delete,
}

impl Operation {
    /// Every operation.
    pub const ALL: [Self; 3] = [Self::Create, Self::Update, Self::Delete];

    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The text names no operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of create, update, delete")]
pub struct UnknownOperation;

impl FromStr for Operation {
    type Err = UnknownOperation;

    fn from_str(text: &str) -> Result<Self, UnknownOperation> {
        Self::ALL
            .into_iter()
            .find(|operation| operation.as_str() == text)
            .ok_or(UnknownOperation)
    }
}

/// The fields of a new contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewContact {
    /// The name.
    pub name: Name,
    /// The telephone number.
    pub phone: Option<Phone>,
    /// The e-mail address.
    pub email: Option<Email>,
}

/// The fields that an update sets. The outer `None` keeps a field, `Some(None)` clears it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// The name, which cannot be cleared.
    pub name: Option<Name>,
    /// The telephone number.
    pub phone: Option<Option<Phone>>,
    /// The e-mail address.
    pub email: Option<Option<Email>>,
}

/// What a command does, with what it needs for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Insert.
    Create(NewContact),
    /// Change.
    Update(Changes),
    /// Delete.
    Delete,
}

impl Action {
    /// The operation.
    pub fn operation(&self) -> Operation {
        match self {
            Self::Create(_) => Operation::Create,
            Self::Update(_) => Operation::Update,
            Self::Delete => Operation::Delete,
        }
    }
}

/// The condition of a command (`If-Match`, RFC 9110 section 13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    /// `*`: the contact must exist.
    Any,
    /// The contact's entity tag must be one of these.
    Tags(Vec<ETag>),
}

impl IfMatch {
    /// The most entity tags in one condition.
    pub const MAX_TAGS: usize = 16;
}

/// One requested change of one contact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// Which command. The same request under the same idempotency key has the same id.
    pub id: CommandId,
    /// Which contact.
    pub contact_id: ContactId,
    /// When it was accepted.
    pub stamp: Stamp,
    /// Its condition, if any.
    pub if_match: Option<IfMatch>,
    /// What it does.
    pub action: Action,
}

impl Command {
    /// Whether the contact id is one that this command may have: a `create` makes exactly the contact that
    /// its own id, or the hash of its idempotency key, implies.
    pub fn has_its_contact(&self, key: Option<KeyHash>) -> bool {
        match self.action {
            Action::Create(_) => create_belongs(self.id, self.contact_id, key),
            Action::Update(_) | Action::Delete => true,
        }
    }
}

/// How a command ended. Final, never overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Outcome {
    /// It did what it asked for.
    Applied,
    /// Newer commands had already decided every field that it sets.
    Superseded,
    /// A business answer: no, and never again.
    Rejected(Rejection),
}

/// Why a command was rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rejection {
    /// Its `If-Match` did not hold.
    PreconditionFailed,
    /// Its idempotency key had been used for another request.
    IdempotencyKeyReused,
    /// An operator discarded its dead letter.
    Discarded,
}

impl Rejection {
    /// Every rejection.
    pub const ALL: [Self; 3] = [
        Self::PreconditionFailed,
        Self::IdempotencyKeyReused,
        Self::Discarded,
    ];

    /// The code: that of the problem document, and of the row.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PreconditionFailed => "precondition-failed",
            Self::IdempotencyKeyReused => "idempotency-key-reused",
            Self::Discarded => "discarded",
        }
    }

    /// The rejection of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|rejection| rejection.as_str() == code)
    }
}
