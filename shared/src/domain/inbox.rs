//! The inbox: each command has one effect and one outcome, however often and in whatever company it arrives.
//!
//! [`Inbox`] is loaded with what a store has recorded of the contacts, command ids and idempotency keys of a
//! batch, takes the batch entry by entry, and then says what to write. Stores and the simulator use it unchanged.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::{
    command::{Command, Outcome, Rejection},
    contact::ContactState,
    ids::{CommandId, ContactId, KeyHash, RequestHash},
    merge::merge,
    stamp::Stamp,
};

/// One command as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// The command.
    pub command: Command,
    /// The hash of its principal and idempotency key, if it had one.
    pub key_hash: Option<KeyHash>,
    /// The hash of its request.
    pub request_hash: RequestHash,
    /// Whether the contact's id carries our tag.
    pub contact_is_ours: bool,
    /// Which attempt this is, from 1.
    pub attempt: u32,
}

/// A final outcome on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// How the command ended.
    pub outcome: Outcome,
    /// The hash of the request that ended so.
    pub request_hash: RequestHash,
}

/// Why an entry cannot be decided and goes to the dead letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Poison {
    /// The id has ended with another request.
    IdConflict,
    /// Stamped too far ahead of the worker's clock.
    StampAhead,
    /// The contact has no row and its id is not one of ours.
    ContactUnknown,
}

/// What became of one entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It has ended now; the outcome is to be recorded.
    Finished(Outcome),
    /// It had ended before; nothing to do.
    Repeat(Outcome),
    /// It cannot be decided.
    Poison(Poison),
}

/// The pure part of one batch.
#[derive(Debug, Default)]
pub struct Inbox {
    contacts: HashMap<ContactId, ContactState>,
    outcomes: HashMap<CommandId, Recorded>,
    keys: HashMap<KeyHash, CommandId>,
    changed: BTreeSet<ContactId>,
    finished: BTreeMap<CommandId, (Entry, Outcome)>,
}

impl Inbox {
    /// Tells what is on record: the contacts of the batch, the final outcomes of its command ids, and which command used
    /// which of its idempotency keys.
    pub fn know(
        &mut self,
        contacts: impl IntoIterator<Item = ContactState>,
        outcomes: impl IntoIterator<Item = (CommandId, Recorded)>,
        keys: impl IntoIterator<Item = (KeyHash, CommandId)>,
    ) {
        self.contacts
            .extend(contacts.into_iter().map(|contact| (contact.id, contact)));
        self.outcomes.extend(outcomes);
        self.keys.extend(keys);
    }

    /// Decides one entry. `latest` is the youngest stamp that is believed: the worker's time and `clock.maxAhead`.
    pub fn take(&mut self, entry: Entry, latest: Stamp) -> Verdict {
        let command = &entry.command;
        if let Some(recorded) = self.outcomes.get(&command.id) {
            return if recorded.request_hash == entry.request_hash {
                Verdict::Repeat(recorded.outcome)
            } else {
                Verdict::Poison(Poison::IdConflict)
            };
        }
        if command.stamp > latest {
            return Verdict::Poison(Poison::StampAhead);
        }
        let key_reused = entry
            .key_hash
            .and_then(|key| self.keys.get(&key))
            .is_some_and(|used| *used != command.id);
        if key_reused {
            return self.finish(entry, Outcome::Rejected(Rejection::IdempotencyKeyReused));
        }
        let current = self.contacts.get(&command.contact_id);
        if current.is_none() && !entry.contact_is_ours {
            return Verdict::Poison(Poison::ContactUnknown);
        }
        let (after, outcome) = merge(current.cloned(), command);
        if let Some(after) = after
            && current != Some(&after)
        {
            self.changed.insert(after.id);
            self.contacts.insert(after.id, after);
        }
        self.finish(entry, outcome)
    }

    /// The contacts that changed, sorted by id, each once.
    pub fn changed(&self) -> impl Iterator<Item = &ContactState> {
        self.changed.iter().map(|id| &self.contacts[id])
    }

    /// The commands that ended in this batch, sorted by id, with their outcomes.
    pub fn finished(&self) -> impl Iterator<Item = (&Entry, Outcome)> {
        self.finished.values().map(|(entry, outcome)| (entry, *outcome))
    }

    fn finish(&mut self, mut entry: Entry, outcome: Outcome) -> Verdict {
        if outcome == Outcome::Rejected(Rejection::IdempotencyKeyReused) {
            // The key stays with the command that used it first.
            entry.key_hash = None;
        }
        if let Some(key) = entry.key_hash {
            self.keys.insert(key, entry.command.id);
        }
        let recorded = Recorded {
            outcome,
            request_hash: entry.request_hash,
        };
        self.outcomes.insert(entry.command.id, recorded);
        self.finished.insert(entry.command.id, (entry, outcome));
        Verdict::Finished(outcome)
    }
}
