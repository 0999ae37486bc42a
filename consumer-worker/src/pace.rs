//! How much the worker takes into hand: little where a message may end the process, much where none does.

use std::num::NonZeroU16;

/// The most deliveries that wait to be sent on while others are taken one at a time. Each keeps its consumer.
const HELD_MAX: usize = 16;

/// How many deliveries are in hand once messages have come that are arrays: of at most
/// [`MAX_ENVELOPES`](shared::wire::MAX_ENVELOPES) commands each.
const ARRAYS_IN_HAND: usize = 16;

/// How many deliveries are in hand for each command of a batch.
const BATCHES_IN_HAND: usize = 3;

/// After so many batches in a row without an array, deliveries are taken as if there were none. Changing over costs a new
/// consumer, so it is not done for a short pause.
const BATCHES_WITHOUT_ARRAYS: u32 = 64;

/// How much is taken at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// One delivery: after a start, a pause or a reconnect, and as long as deliveries come that had come before. A message
    /// that ends the process is then alone in hand and takes no neighbour over the broker's delivery limit.
    Careful,
    /// Batches of messages of one command each.
    Full,
    /// Batches of messages that may be arrays themselves. The broker counts messages, not the commands in them, so fewer are
    /// taken into hand.
    Arrays,
}

/// What there is to see of a batch before its commands are decided.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seen {
    /// Nothing in it came before.
    pub(crate) fresh: bool,
    /// Some of it are arrays.
    pub(crate) arrays: bool,
}

impl Pace {
    /// How many commands make a batch, where `max` is the most.
    pub(crate) fn together(self, max: usize) -> usize {
        match self {
            Self::Careful => 1,
            Self::Full | Self::Arrays => max,
        }
    }

    /// How many deliveries may be unsettled.
    pub(crate) fn in_hand(self, max: usize) -> NonZeroU16 {
        let bound = match self {
            Self::Careful => 1,
            Self::Full => max * BATCHES_IN_HAND,
            Self::Arrays => ARRAYS_IN_HAND,
        };
        u16::try_from(bound)
            .ok()
            .and_then(NonZeroU16::new)
            .unwrap_or(NonZeroU16::MAX)
    }

    /// The pace for which the consumer is to be changed after a batch, if it is: `without_arrays` batches in a row had none,
    /// `held` deliveries wait to be sent on.
    pub(crate) fn after(self, seen: Seen, without_arrays: u32, held: usize) -> Option<Self> {
        match self {
            // What waits behind it may be arrays: hundreds of those at once would be too much.
            Self::Careful if seen.fresh => Some(Self::Arrays),
            // The one delivery that may be in hand waits to be sent on: without a new consumer nothing more would come.
            Self::Careful if (1..=HELD_MAX).contains(&held) => Some(Self::Careful),
            Self::Full if seen.arrays => Some(Self::Arrays),
            Self::Arrays if without_arrays >= BATCHES_WITHOUT_ARRAYS => Some(Self::Full),
            Self::Careful | Self::Full | Self::Arrays => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_careful_while_messages_come_back_and_takes_fewer_arrays_than_others() {
        let seen = |fresh, arrays| Seen { fresh, arrays };
        for (pace, seen, without_arrays, held, next) in [
            (Pace::Careful, seen(false, false), 1, 0, None),
            (Pace::Careful, seen(false, true), 0, 0, None),
            (Pace::Careful, seen(false, false), 1, 1, Some(Pace::Careful)),
            (Pace::Careful, seen(true, false), 1, 0, Some(Pace::Arrays)),
            (Pace::Careful, seen(true, true), 0, 0, Some(Pace::Arrays)),
            (Pace::Full, seen(true, false), 9, 0, None),
            (Pace::Full, seen(true, true), 0, 0, Some(Pace::Arrays)),
            (Pace::Arrays, seen(true, false), 63, 0, None),
            (Pace::Arrays, seen(true, false), 64, 0, Some(Pace::Full)),
        ] {
            assert_eq!(
                pace.after(seen, without_arrays, held),
                next,
                "{pace:?} {seen:?} {without_arrays} {held}"
            );
        }
        assert_eq!(Pace::Careful.in_hand(500).get(), 1);
        assert!(Pace::Arrays.in_hand(500) < Pace::Full.in_hand(500));
    }
}
