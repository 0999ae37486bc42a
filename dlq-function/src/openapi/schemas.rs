//! The schemas of what answers about dead letters are made of. Those of whole answers are derived where they are defined
//! ([`view`](crate::view)).

use shared::{
    domain::Operation,
    http::{
        openapi::schema::{CursorText, integer, or_null, text, words},
        page::MAX_LIMIT,
    },
    schema_types,
    store::dead_letters::DeadLetterState,
    wire::Reason,
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        ObjectBuilder, Ref, RefOr, Schema, Type,
        schema::{ArrayBuilder, SchemaType},
    },
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
    /// An operation.
    OperationText = words(Operation::ALL.map(Operation::as_str));
    /// What happened, without personal data.
    DetailText = text(0, DETAIL_MAX_CHARS).pattern(Some(r"^[\s\S]*$"));
    /// A name, such as of a worker.
    WordText = text(0, WORD_MAX_CHARS).pattern(Some(r"^[\s\S]*$"));
    /// A group.
    GroupText = text(32, 32).pattern(Some("^[0-9a-f]{32}$"));
    /// How often.
    CountNumber = integer(0, u32::MAX.into());
    /// How large, in bytes.
    SizeNumber = integer(0, u32::MAX.into());
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
    list(HISTORY_MAX).description(Some("Every dead letter of the same command, oldest first."))
}

/// A page of dead letters.
#[derive(Debug)]
pub(crate) struct DeadLetterPage;

impl PartialSchema for DeadLetterPage {
    fn schema() -> RefOr<Schema> {
        ObjectBuilder::new()
            .property("items", list(MAX_LIMIT))
            .property("nextCursor", or_null::<CursorText>())
            .required("items")
            .required("nextCursor")
            .into()
    }
}

impl ToSchema for DeadLetterPage {
    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((DeadLetterView::name().into_owned(), DeadLetterView::schema()));
    }
}

fn list(max: u64) -> ArrayBuilder {
    ArrayBuilder::new()
        .items(Ref::from_schema_name(DeadLetterView::name()))
        .max_items(usize::try_from(max).ok())
}
