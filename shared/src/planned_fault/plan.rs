//! The plan of a process that was built with planned faults.

use std::{
    str::FromStr,
    sync::{
        LazyLock,
        atomic::{AtomicU64, Ordering},
    },
};

use rustix::process::{Signal, getpid, kill_process};

use super::Place;
use crate::domain::CommandId;

const VARIABLE: &str = "CONTATO_PLANNED_FAULT";

/// The one global of the code: a plan is the process's, and handing it to every place would change what is tested.
static PLAN: LazyLock<Option<Armed>> = LazyLock::new(|| {
    let text = std::env::var(VARIABLE).ok()?;
    let plan = text
        .parse()
        .unwrap_or_else(|fault: PlanError| panic!("{VARIABLE}={text}: {fault}"));
    Some(Armed {
        text,
        plan,
        passed: AtomicU64::new(0),
    })
});

struct Armed {
    text: String,
    plan: Plan,
    passed: AtomicU64,
}

/// What is to happen where and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Plan {
    place: &'static str,
    action: Action,
    when: When,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Action {
    Kill,
    Panic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// At this passing, from 1.
    Passing(u64),
    /// Whenever it is this command.
    Command(CommandId),
}

/// Why a plan cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
enum PlanError {
    #[error("must be place:action:when")]
    Parts,
    #[error("there is no such place")]
    Place,
    #[error("the action must be kill or panic")]
    Action,
    #[error("when must be a number from 1, or for handling the id of a command")]
    When,
}

const PLACES: [&str; 7] = [
    "published-not-answered",
    HANDLING,
    "written-not-committed",
    "committed-not-settled",
    "sent-on-not-settled",
    "stored-not-settled",
    "replayed-not-marked",
];
const HANDLING: &str = "handling";

impl Place {
    fn name(self) -> &'static str {
        match self {
            Self::PublishedNotAnswered => PLACES[0],
            Self::Handling(_) => PLACES[1],
            Self::WrittenNotCommitted => PLACES[2],
            Self::CommittedNotSettled => PLACES[3],
            Self::SentOnNotSettled => PLACES[4],
            Self::StoredNotSettled => PLACES[5],
            Self::ReplayedNotMarked => PLACES[6],
        }
    }
}

impl FromStr for Plan {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let parts: Vec<_> = text.split(':').collect();
        let [place, action, when] = parts[..] else {
            return Err(PlanError::Parts);
        };
        let place = PLACES
            .into_iter()
            .find(|known| *known == place)
            .ok_or(PlanError::Place)?;
        let action = match action {
            "kill" => Action::Kill,
            "panic" => Action::Panic,
            _ => return Err(PlanError::Action),
        };
        let when = match (when.parse(), uuid::Uuid::try_parse(when)) {
            (Ok(passing), _) if passing > 0 => When::Passing(passing),
            (_, Ok(id)) if place == HANDLING => When::Command(CommandId::from_uuid(id)),
            _ => return Err(PlanError::When),
        };
        Ok(Self { place, action, when })
    }
}

impl Plan {
    /// Whether it strikes at a place; `passed` counts the passings of the planned one.
    fn strikes(&self, place: Place, passed: &AtomicU64) -> bool {
        if place.name() != self.place {
            return false;
        }
        match (self.when, place) {
            (When::Command(planned), Place::Handling(id)) => id == planned,
            (When::Command(_), _) => false,
            (When::Passing(planned), _) => passed.fetch_add(1, Ordering::AcqRel) + 1 == planned,
        }
    }
}

pub(super) fn arm() {
    LazyLock::force(&PLAN);
}

pub(super) fn announce() {
    if let Some(armed) = &*PLAN {
        tracing::warn!(fault = armed.text, "a fault is planned: this is a test");
    }
}

pub(super) fn pass(place: Place) {
    let Some(armed) = &*PLAN else { return };
    if !armed.plan.strikes(place, &armed.passed) {
        return;
    }
    match armed.plan.action {
        Action::Kill => {
            // It takes effect before the call returns. Should it fail, the test still sees a death, of another signal.
            let _ = kill_process(getpid(), Signal::KILL);
            std::process::abort();
        }
        Action::Panic => panic!("a planned fault"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plans_are_read_and_strike_once_or_at_their_command() {
        let plan: Plan = "committed-not-settled:kill:3".parse().unwrap();
        let passed = AtomicU64::new(0);
        let struck: Vec<_> = (0..5)
            .map(|_| plan.strikes(Place::CommittedNotSettled, &passed))
            .collect();
        assert_eq!(struck, [false, false, true, false, false]);
        assert!(!plan.strikes(Place::WrittenNotCommitted, &AtomicU64::new(2)));

        let id = "01a20209-1005-829c-b70d-295690fe30f4";
        let plan: Plan = format!("handling:panic:{id}").parse().unwrap();
        let id = CommandId::from_uuid(uuid::Uuid::try_parse(id).unwrap());
        let other = CommandId::from_uuid(uuid::Uuid::nil());
        let struck = [id, other, id].map(|id| plan.strikes(Place::Handling(id), &passed));
        assert_eq!(struck, [true, false, true]);
    }

    #[test]
    fn a_bad_plan_says_what_is_wrong() {
        for (text, fault) in [
            ("handling:kill", PlanError::Parts),
            ("nowhere:kill:1", PlanError::Place),
            ("handling:sleep:1", PlanError::Action),
            ("handling:kill:0", PlanError::When),
            (
                "sent-on-not-settled:kill:01a20209-1005-829c-b70d-295690fe30f4",
                PlanError::When,
            ),
        ] {
            assert_eq!(text.parse::<Plan>(), Err(fault), "{text}");
        }
    }
}
