//! What states are tagged as, by a class of the style sheet: `good`, `warn`, `bad` or none. Words stand in the tag.

use shared::{
    store::{dead_letters::DeadLetterState, replays::ReplayState},
    wire::CommandStatus,
};

pub(crate) fn of_letter(state: DeadLetterState) -> &'static str {
    match state {
        DeadLetterState::Open => "warn",
        DeadLetterState::Resolved => "good",
        DeadLetterState::Archived
        | DeadLetterState::Replayed
        | DeadLetterState::Replaced
        | DeadLetterState::Discarded => "",
    }
}

pub(crate) fn of_replay(state: ReplayState) -> &'static str {
    match state {
        ReplayState::Running => "",
        ReplayState::Stopped => "warn",
        ReplayState::Braked => "bad",
        ReplayState::Finished => "good",
    }
}

pub(crate) fn of_command(status: CommandStatus) -> &'static str {
    match status {
        CommandStatus::Applied => "good",
        CommandStatus::Pending | CommandStatus::Superseded => "",
        CommandStatus::Rejected(_) => "warn",
        CommandStatus::DeadLettered => "bad",
    }
}
