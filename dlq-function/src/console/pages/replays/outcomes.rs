//! What became, or would become, of the dead letters of a replay: in words, with a tone, and as parts of a bar.

use shared::store::replays::{ItemState, Refusal};

use crate::{
    actions::{Prediction, Preview},
    console::{
        language::Language,
        plots::{Shares, Tone},
    },
    replays::{CountsView, RefusalsView},
};

/// So many that came to the same.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) tone: Tone,
    pub(super) word: &'static str,
    pub(super) number: String,
    count: u64,
}

impl Outcome {
    fn new(language: Language, tone: Tone, word: &'static str, count: u64) -> Self {
        Self {
            tone,
            word,
            number: language.number(count),
            count,
        }
    }
}

/// A bar of them, that is read out as they are written.
pub(super) fn shares(outcomes: &[Outcome]) -> Shares {
    let told = outcomes
        .iter()
        .map(|outcome| format!("{}: {}", outcome.word, outcome.number));
    Shares {
        label: told.collect::<Vec<_>>().join(", "),
        parts: outcomes
            .iter()
            .map(|outcome| (outcome.tone, outcome.count))
            .collect(),
    }
}

/// What would become of them; without what becomes of none.
pub(super) fn foreseen(language: Language, preview: &Preview) -> Vec<Outcome> {
    let outcome = |(prediction, count): (&Prediction, &u64)| {
        let tone = match prediction {
            Prediction::WouldApply => Tone::Good,
            Prediction::WouldBeSuperseded => Tone::Fair,
            Prediction::WouldBeRejected => Tone::Plain,
            Prediction::HasEnded => Tone::Rest,
            Prediction::WouldFailAgain => Tone::Bad,
            Prediction::CannotBeSent => Tone::Warn,
        };
        Outcome::new(language, tone, language.prediction(*prediction), *count)
    };
    preview.would.iter().map(outcome).collect()
}

/// What became of them, ends first; without what became of none.
pub(super) fn become_of(language: Language, counts: &CountsView) -> Vec<Outcome> {
    let told = [
        (ItemState::Applied, counts.applied),
        (ItemState::Superseded, counts.superseded),
        (ItemState::Rejected, counts.rejected),
        (ItemState::DeadAgain, counts.dead_again),
        (ItemState::Refused, counts.refused),
        (ItemState::Unknown, counts.unknown),
        (ItemState::Sent, counts.sent),
        (ItemState::Waiting, counts.waiting),
    ];
    let there = told.into_iter().filter(|(_, count)| *count > 0);
    there
        .map(|(state, count)| Outcome::new(language, tone(state), language.item_state(state), count))
        .collect()
}

/// How many have an outcome.
pub(super) fn ended(counts: &CountsView) -> u64 {
    counts.applied + counts.superseded + counts.rejected + counts.dead_again + counts.refused + counts.unknown
}

/// Why some were not sent, and how many.
pub(super) fn refused(language: Language, refusals: &RefusalsView) -> Vec<(&'static str, String)> {
    let told = [
        (Refusal::Missing, refusals.missing),
        (Refusal::Resolved, refusals.resolved),
        (Refusal::Discarded, refusals.discarded),
        (Refusal::Replaced, refusals.replaced),
        (Refusal::Erased, refusals.erased),
        (Refusal::Locked, refusals.locked),
        (Refusal::Newer, refusals.newer),
    ];
    let there = told.into_iter().filter(|(_, count)| *count > 0);
    there
        .map(|(refusal, count)| (language.refusal(refusal), language.number(count)))
        .collect()
}

fn tone(state: ItemState) -> Tone {
    match state {
        ItemState::Waiting => Tone::Rest,
        ItemState::Sent => Tone::Busy,
        ItemState::Applied => Tone::Good,
        ItemState::Superseded => Tone::Fair,
        ItemState::Rejected => Tone::Plain,
        ItemState::DeadAgain => Tone::Bad,
        ItemState::Refused => Tone::Warn,
        ItemState::Unknown => Tone::Vague,
    }
}
