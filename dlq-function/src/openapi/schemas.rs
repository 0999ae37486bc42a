//! The schemas of what answers about dead letters are made of. Those of whole answers are derived where they are defined
//! ([`view`](crate::view)).

use shared::{
    http::openapi::schema::{any_text, integer, list, page, text, words},
    schema_types,
    store::dead_letters::DeadLetterState,
    wire::Reason,
};
use utoipa::openapi::{
    ObjectBuilder, Type,
    schema::{ArrayBuilder, SchemaType},
};

use crate::{actions::HISTORY_MAX, view::DeadLetterView};

/// The longest explanation, in characters.
const DETAIL_MAX_CHARS: usize = 1000;
/// The longest name, in characters.
const WORD_MAX_CHARS: usize = 255;

schema_types! {
    /// A reason.
    ReasonText = words(Reason::ALL.map(Reason::as_str));
    /// A state.
    StateText = words(DeadLetterState::ALL.map(DeadLetterState::as_str));
    /// What happened, without personal data.
    DetailText = any_text(0, DETAIL_MAX_CHARS);
    /// A name, such as of a worker.
    WordText = any_text(0, WORD_MAX_CHARS);
    /// A group.
    GroupText = text(32, 32).pattern(Some("^[0-9a-f]{32}$"));
    /// How often.
    CountNumber = integer(0, u32::MAX.into());
    /// How large, in bytes.
    SizeNumber = integer(0, u32::MAX.into());
    /// A page of dead letters.
    DeadLetterPage [DeadLetterView] = page::<DeadLetterView>();
}

/// A payload with its values masked.
pub(crate) fn masked_body() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(
            "The message, its personal data masked; null if it is not JSON.",
        ))
}

/// The dead letters of one command.
pub(crate) fn history() -> ArrayBuilder {
    list::<DeadLetterView>(HISTORY_MAX)
        .description(Some("Every dead letter of the same command, oldest first."))
}
