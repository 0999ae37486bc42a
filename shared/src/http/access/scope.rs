//! What a caller may do.

/// What a caller may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// `contacts.read`: contacts, their search, their export, and what became of commands and imports.
    ContactsRead,
    /// `contacts.write`: writes, imports, and what became of them.
    ContactsWrite,
    /// `dead-letters.read`: dead letters, personal data masked.
    DeadLettersRead,
    /// `dead-letters.replay`: sending dead letters again, archiving or discarding them.
    DeadLettersReplay,
    /// `dead-letters.edit`: correcting a dead letter before it is sent again.
    DeadLettersEdit,
    /// `dead-letters.reveal`: personal data in dead letters, in the clear.
    DeadLettersReveal,
    /// `audit.read`: who did what.
    AuditRead,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 7] = [
        Self::ContactsRead,
        Self::ContactsWrite,
        Self::DeadLettersRead,
        Self::DeadLettersReplay,
        Self::DeadLettersEdit,
        Self::DeadLettersReveal,
        Self::AuditRead,
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
            Self::AuditRead => "audit.read",
        }
    }

    /// The scope of a word; `None` if it is none of ours.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of scopes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// All of them.
    pub fn all() -> Self {
        Scope::ALL.into_iter().collect()
    }

    /// Those that words name. Words that are none of ours are for others, and ignored.
    pub fn of_words<'a>(words: impl IntoIterator<Item = &'a str>) -> Self {
        words.into_iter().filter_map(Scope::from_word).collect()
    }

    /// Whether it has the scope.
    pub fn has(self, scope: Scope) -> bool {
        self.0 & scope.bit() != 0
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<T: IntoIterator<Item = Scope>>(scopes: T) -> Self {
        Self(scopes.into_iter().fold(0, |bits, scope| bits | scope.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_scopes_or_ignored() {
        let scopes = Scopes::of_words("contacts.read  User.Read dead-letters.edit".split(' '));
        assert_eq!(
            scopes,
            Scopes::from_iter([Scope::ContactsRead, Scope::DeadLettersEdit])
        );
        assert!(!scopes.has(Scope::ContactsWrite));
        assert_eq!(Scopes::of_words(Scope::ALL.map(Scope::as_str)), Scopes::all());
        assert_eq!(Scopes::of_words(["Contacts.Read", ""]), Scopes::default());
    }
}
