//! The stamps of this process: each younger than all that it gave or read before.

use shared::{
    clock::Clock,
    domain::{Stamp, StampClock},
    store::{commands::CommandRecord, contacts::Contact},
};

/// The source of stamps.
#[derive(Debug)]
pub struct Stamps {
    clock: Clock,
    last: StampClock,
    max_ahead_ms: u64,
}

impl Stamps {
    /// A source; stamps read that are more than `max_ahead_ms` ahead are another clock's fault and not followed.
    pub fn new(clock: Clock, max_ahead_ms: u64) -> Self {
        Self {
            clock,
            last: StampClock::default(),
            max_ahead_ms,
        }
    }

    /// The next stamp.
    pub fn next(&self) -> Stamp {
        self.last.next(self.clock.now_ms())
    }

    /// A contact was read.
    pub fn saw_contact(&self, contact: &Contact) {
        self.observe(contact.state.newest_stamp());
    }

    /// A command's record was read. It tells the millisecond of its stamp only, so the next one is taken.
    pub fn saw_command(&self, record: &CommandRecord) {
        let ms = u64::try_from(record.accepted_at.timestamp_millis()).unwrap_or_default();
        self.observe(Stamp::at_ms(ms.saturating_add(1)));
    }

    fn observe(&self, seen: Stamp) {
        self.last.observe(seen, self.clock.now_ms(), self.max_ahead_ms);
    }
}
