//! `/dead-letters`: the list, one dead letter, and what is done to one or many.

use actix_web::web::ServiceConfig;
use shared::store::dead_letters::DeadLetterState;
use uuid::Uuid;

use super::{DEAD_LETTERS, REPLAYS_NEW, act, page};
use crate::console::{Trouble, language::Language};

mod acts;
mod confirm;
mod detail;
mod discard;
mod edit;
mod events;
mod json;
mod list;
mod many;
mod reveal;
mod typed;

const CONFIRM: &str = "/dead-letters/confirm";
const ACTS: &str = "/dead-letters/acts";
/// Where a replay of many is planned.

pub(super) fn routes(config: &mut ServiceConfig) {
    page(config, DEAD_LETTERS, list::show);
    // Before the path with an id, which would match these words too.
    act(config, CONFIRM, confirm::ask);
    act(config, ACTS, many::act);
    page(config, "/dead-letters/{id}", detail::show);
    page(config, "/dead-letters/{id}/fate", detail::fate);
    act(config, "/dead-letters/{id}/replay", acts::replay);
    act(config, "/dead-letters/{id}/archive", acts::archive);
    act(config, "/dead-letters/{id}/restore", acts::restore);
    act(config, "/dead-letters/{id}/reveal", reveal::reveal);
    discard::routes(config);
    edit::routes(config);
}

/// The page of a dead letter.
fn path_of(id: Uuid) -> String {
    format!("{DEAD_LETTERS}/{id}")
}

/// The id in a path. What is no UUID names no dead letter.
fn id(text: &str) -> Result<Uuid, Trouble> {
    Uuid::try_parse(text).map_err(|_| Trouble::Missing)
}

/// So many dead letters, in words.
fn counted(language: Language, count: u64) -> String {
    let noun = language.counted(
        count,
        language.either("dead letter", "mensagem morta"),
        language.either("dead letters", "mensagens mortas"),
    );
    format!("{} {noun}", language.number(count))
}

/// The colour of a state.
fn tag(state: DeadLetterState) -> &'static str {
    match state {
        DeadLetterState::Open => "warn",
        DeadLetterState::Resolved => "good",
        DeadLetterState::Archived
        | DeadLetterState::Replayed
        | DeadLetterState::Replaced
        | DeadLetterState::Discarded => "",
    }
}
