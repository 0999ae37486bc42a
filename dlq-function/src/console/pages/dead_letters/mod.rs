//! `/dead-letters`: the list, one dead letter, and what is done to one or many.

use actix_web::web::ServiceConfig;

use super::{DEAD_LETTERS, act, page};
use crate::console::language::Language;

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

/// So many dead letters, in words.
fn counted(language: Language, count: u64) -> String {
    let noun = language.counted(
        count,
        language.either("dead letter", "mensagem morta"),
        language.either("dead letters", "mensagens mortas"),
    );
    format!("{} {noun}", language.number(count))
}
