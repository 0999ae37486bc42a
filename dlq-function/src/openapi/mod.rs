//! The API for dead letters as an OpenAPI document. Each operation is described beside its handler.

use actix_web::http::Method;
use shared::{
    http::openapi::{
        Api, header_of, parameter,
        schema::{SecondsNumber, UuidText},
    },
    management,
};
use utoipa::openapi::{
    Header,
    path::{Parameter, ParameterIn},
};

use crate::routes::{
    ARCHIVE, AUDIT, DEAD_LETTER, DEAD_LETTERS, DISCARD, DISCARD_MANY, EDIT_AND_REPLAY, GROUPS, REPLAY,
    REPLAY_ITEMS, REPLAY_OF_MANY, REPLAY_RESUME, REPLAY_STOP, REPLAYS, RESTORE, REVEAL, audit,
    dead_letters::{archive, discard, discard_many, edit_and_replay, get, list, replay, restore, reveal},
    groups, replays,
};

pub(crate) mod schemas;

use schemas::PathText;

/// The group of the operations on dead letters.
pub(crate) const DEAD_LETTERS_TAG: &str = "dead letters";
/// The group of the operations on the audit.
pub(crate) const AUDIT_TAG: &str = "audit";

/// The group of the operations on replays of many.
pub(crate) const REPLAYS_TAG: &str = "replays";

const DESCRIPTION: &str = "Keeps the messages that could not be processed, explains them, and sends them again on command.

A replay sends the same command again under its own id, so that once or ten times is the same. Personal data is masked wherever it is shown, but where it is asked for in the clear, which stands in the audit.";

/// The API.
pub fn api() -> Api {
    Api {
        title: "contato: dead letters",
        description: DESCRIPTION,
        tags: &[
            (DEAD_LETTERS_TAG, "Messages that wait for a person or a policy."),
            (
                REPLAYS_TAG,
                "Many dead letters that are sent again together, at a pace.",
            ),
            (AUDIT_TAG, "Who did what."),
            management::HEALTH_GROUP,
        ],
        operations: vec![
            (Method::GET, DEAD_LETTERS, list::describe()),
            (Method::GET, GROUPS, groups::list::describe()),
            (Method::POST, ARCHIVE, archive::describe()),
            (Method::POST, RESTORE, restore::describe()),
            (Method::POST, DISCARD_MANY, discard_many::describe()),
            (Method::GET, DEAD_LETTER, get::describe()),
            (Method::POST, REPLAY, replay::describe()),
            (Method::POST, DISCARD, discard::describe()),
            (Method::POST, EDIT_AND_REPLAY, edit_and_replay::describe()),
            (Method::POST, REVEAL, reveal::describe()),
            (Method::POST, REPLAYS, replays::start::describe()),
            (Method::GET, REPLAYS, replays::list::describe()),
            (Method::GET, REPLAY_OF_MANY, replays::get::describe()),
            (Method::GET, REPLAY_ITEMS, replays::items::describe()),
            (Method::POST, REPLAY_STOP, replays::stop::describe()),
            (Method::POST, REPLAY_RESUME, replays::resume::describe()),
            (Method::GET, AUDIT, audit::list::describe()),
            management::describe_health(),
        ],
    }
}

/// The id in the path.
pub(crate) fn id_parameter() -> Parameter {
    let description = "The id of the dead letter.";
    parameter::<UuidText>("id", ParameterIn::Path, description, None)
}

/// The id of a replay in the path.
pub(crate) fn replay_id_parameter() -> Parameter {
    parameter::<UuidText>("id", ParameterIn::Path, "The id of the replay.", None)
}

/// `Location` of a replay.
pub(crate) fn location() -> (&'static str, Header) {
    ("Location", header_of::<PathText>("Where the replay is."))
}

/// `Retry-After` of a replay.
pub(crate) fn retry_after() -> (&'static str, Header) {
    (
        "Retry-After",
        header_of::<SecondsNumber>("While it runs: the seconds to wait before looking again."),
    )
}
