//! A group of dead letters as the inbox shows it.

use shared::{
    store::dead_letters::{ARRIVAL_HOURS, Arrivals, DeadLetterState, Group},
    wire::Reason,
};

use crate::console::{
    address::Parameters,
    filters::Filters,
    language::Language,
    pages::{DEAD_LETTERS, REPLAYS_NEW},
    plots::Bars,
    reasons::Explained,
    texts,
    times::{Time, utc},
};

/// How many of the hours that are told of are plotted; those before are compared with them.
const PLOTTED: usize = ARRIVAL_HOURS / 2;

texts! {
    rising: "rising", "em alta";
    falling: "falling", "em queda";
    steady: "steady", "estável";
    new: "new", "novo";
    quiet: "nothing new", "nada de novo";
    now: "in the last 24 h", "nas últimas 24 h";
    before: "in the 24 h before", "nas 24 h anteriores";
    arrivals: "Arrivals by the hour in the last 24 h:", "Chegadas por hora nas últimas 24 h:";
    at_most: "in an hour at most:", "no máximo em uma hora:";
}

/// How what arrived in the last day compares with the day before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trend {
    /// It had not been seen before.
    New,
    /// At least half as much again.
    Rising,
    Steady,
    /// At most two thirds.
    Falling,
    /// Nothing arrived.
    Quiet,
}

impl Trend {
    fn of(last: u64, before: u64, is_new: bool) -> Self {
        match (last, before) {
            (0, _) => Self::Quiet,
            (_, 0) if is_new => Self::New,
            (_, _) if last.saturating_mul(2) >= before.saturating_mul(3) => Self::Rising,
            (_, _) if last.saturating_mul(3) <= before.saturating_mul(2) => Self::Falling,
            (_, _) => Self::Steady,
        }
    }
}

/// A group.
#[derive(Debug)]
pub(super) struct Card {
    pub(super) reason: &'static str,
    pub(super) explained: Explained,
    pub(super) operation: Option<&'static str>,
    pub(super) detail: String,
    /// How many are open, in words.
    pub(super) open: Option<String>,
    /// How many stand otherwise.
    pub(super) others: Vec<String>,
    pub(super) first_seen: Time,
    pub(super) last_seen: Time,
    pub(super) bars: Bars,
    pub(super) trend: String,
    pub(super) trend_tag: &'static str,
    pub(super) look: String,
    /// Where it can be sent again from, if something of it can.
    pub(super) replay: Option<String>,
    /// Whether that can help: what is wrong with a message stays wrong.
    pub(super) helps: bool,
    /// What an archive is to be of: what is open of what is shown.
    pub(super) archive: Parameters,
}

impl Card {
    pub(super) fn new(language: Language, filters: &Filters, group: Group, arrivals: &Arrivals) -> Self {
        let count = |(state, count): (DeadLetterState, u64)| {
            (count > 0).then(|| (state, standing(language, state, count)))
        };
        let counts = DeadLetterState::ALL
            .into_iter()
            .zip(group.counts)
            .filter_map(count);
        let (open, others): (Vec<_>, Vec<_>) = counts.partition(|(state, _)| *state == DeadLetterState::Open);
        let shown = filters.filter.state.unwrap_or(DeadLetterState::Open);
        let (before, last) = arrivals.0.split_at(ARRIVAL_HOURS - PLOTTED);
        let sum = |counts: &[u64]| counts.iter().sum::<u64>();
        let trend = Trend::of(sum(last), sum(before), is_new(&group, arrivals));
        Self {
            reason: group.reason.as_str(),
            explained: language.reason(group.reason),
            operation: group.operation.map(|operation| language.operation(operation)),
            open: open.into_iter().map(|(_, words)| words).next(),
            others: others.into_iter().map(|(_, words)| words).collect(),
            first_seen: utc(group.first_seen),
            last_seen: utc(group.last_seen),
            bars: bars(language, last),
            trend: told(language, trend, sum(last), sum(before)),
            trend_tag: match trend {
                Trend::New | Trend::Rising => "warn",
                Trend::Falling | Trend::Quiet => "good",
                Trend::Steady => "",
            },
            look: of_group(filters, &group, shown).path(DEAD_LETTERS, &[]),
            replay: can_be_sent(shown).then(|| of_group(filters, &group, shown).path(REPLAYS_NEW, &[])),
            helps: can_help(group.reason),
            archive: of_group(filters, &group, DeadLetterState::Open),
            detail: group.detail,
        }
    }
}

/// Whether all that is kept of a group arrived in the hours that are plotted.
fn is_new(group: &Group, arrivals: &Arrivals) -> bool {
    let total: u64 = group.counts.iter().sum();
    arrivals.0[ARRIVAL_HOURS - PLOTTED..].iter().sum::<u64>() >= total
}

/// So many that stand so. The Portuguese words are plain adjectives.
fn standing(language: Language, state: DeadLetterState, count: u64) -> String {
    let word = language.state(state);
    let ending = language.either("", language.counted(count, "", "s"));
    format!("{} {word}{ending}", language.number(count))
}

fn can_be_sent(state: DeadLetterState) -> bool {
    match state {
        DeadLetterState::Open | DeadLetterState::Archived | DeadLetterState::Replayed => true,
        DeadLetterState::Resolved | DeadLetterState::Replaced | DeadLetterState::Discarded => false,
    }
}

/// Whether what failed for a reason can come to something else by itself, or by what is mended elsewhere.
fn can_help(reason: Reason) -> bool {
    match reason {
        Reason::UnknownVersion
        | Reason::UnknownOperation
        | Reason::ContactUnknown
        | Reason::StampAhead
        | Reason::StoreRefused
        | Reason::HandlerPanic
        | Reason::DeliveryLimit
        | Reason::Expired
        | Reason::Unknown => true,
        Reason::Undecodable | Reason::Unstorable | Reason::TooLarge | Reason::IdConflict => false,
    }
}

/// The filters that let through what they let through of a group now, and stands so.
fn of_group(filters: &Filters, group: &Group, state: DeadLetterState) -> Parameters {
    let kept = filters.fields().iter();
    // What a group says already, and what is said anew.
    let kept = kept.filter(|(name, _)| !matches!(name.as_str(), "group" | "state" | "reason" | "operation"));
    let anew = [("group", group.fingerprint.as_str()), ("state", state.as_str())];
    let anew = anew.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Parameters::of_pairs(kept.cloned().chain(anew))
}

fn bars(language: Language, counts: &[u64]) -> Bars {
    let t = Texts::of(language);
    let sum = language.number(counts.iter().sum());
    let most = language.number(counts.iter().copied().max().unwrap_or_default());
    Bars {
        label: format!("{} {sum}; {} {most}", t.arrivals, t.at_most),
        counts: counts.to_vec(),
    }
}

fn told(language: Language, trend: Trend, last: u64, before: u64) -> String {
    let t = Texts::of(language);
    let before = language.number(before);
    let word = match trend {
        Trend::New => return format!("{}: {} {}", t.new, language.number(last), t.now),
        Trend::Rising => t.rising,
        Trend::Steady => t.steady,
        Trend::Falling => t.falling,
        Trend::Quiet => return format!("{} {}", t.quiet, t.now),
    };
    let last = language.number(last);
    format!("{word}: {last} {}, {before} {}", t.now, t.before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_is_compared_with_the_one_before() {
        for (last, before, is_new, trend) in [
            (0, 0, true, Trend::Quiet),
            (0, 9, false, Trend::Quiet),
            (1, 0, true, Trend::New),
            (1, 0, false, Trend::Rising),
            (3, 2, false, Trend::Rising),
            (29, 20, false, Trend::Steady),
            (7, 10, false, Trend::Steady),
            (2, 3, false, Trend::Falling),
        ] {
            assert_eq!(Trend::of(last, before, is_new), trend, "{last} {before}");
        }
    }

    #[test]
    fn counts_agree_with_their_words() {
        let state = DeadLetterState::Open;
        assert_eq!(standing(Language::English, state, 2), "2 open");
        assert_eq!(standing(Language::Portuguese, state, 1), "1 aberta");
        assert_eq!(standing(Language::Portuguese, state, 1_200), "1.200 abertas");
    }
}
