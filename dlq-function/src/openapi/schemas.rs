//! The schemas of what answers about dead letters are made of. Those of whole answers are derived where they are defined
//! ([`view`](crate::view)).

use shared::{
    http::openapi::schema::{
        OperationText, TimeInput, UuidText, any_text, integer, list, or_null, page, text, words,
    },
    schema_types,
    store::{audit::Act, dead_letters::DeadLetterState},
    wire::Reason,
};
use utoipa::{
    PartialSchema,
    openapi::{
        ObjectBuilder, RefOr, Schema, Type,
        schema::{AdditionalProperties, ArrayBuilder, SchemaType},
    },
};

use crate::{
    actions::{DISCARDED_AT_ONCE_MAX, HISTORY_MAX},
    audit_view::AuditView,
    group_view::GroupView,
    routes::{IDS_MAX, audit::list::PRINCIPAL_MAX_CHARS, dead_letters::many::RefusalView},
    view::DeadLetterView,
};

/// The longest explanation, in characters.
const DETAIL_MAX_CHARS: usize = 1000;
/// The longest name, in characters.
const WORD_MAX_CHARS: usize = 255;

schema_types! {
    /// A reason.
    ReasonText = words(Reason::ALL.map(Reason::as_str));
    /// A state.
    StateText = words(DeadLetterState::ALL.map(DeadLetterState::as_str));
    /// Yes or no.
    FlagValue = ObjectBuilder::new().schema_type(Type::Boolean);
    /// How many are expected.
    ExpectNumber = integer(0, u32::MAX.into());
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
    /// A page of groups.
    GroupPage [GroupView] = page::<GroupView>();
    /// A page of the audit.
    AuditPage [AuditView] = page::<AuditView>();
    /// The audit as JSON lines.
    AuditLines = any_text(0, i32::MAX as usize).description(Some("An entry of the audit as JSON in each line."));
    /// An act.
    ActText = words(Act::ALL.map(Act::as_str));
    /// Who somebody is.
    PrincipalText = any_text(1, PRINCIPAL_MAX_CHARS);
    /// What an entry of the audit says.
    AuditText = any_text(0, DETAIL_MAX_CHARS);
    /// A code, as a problem has it.
    CodeText = text(1, WORD_MAX_CHARS).pattern(Some("^[a-z-]+$"));
    /// Which dead letters, and how it is meant.
    Selection = chosen("Which dead letters, and how it is meant.");
}

/// The body of an action on many dead letters.
pub(crate) fn chosen(about: &str) -> ObjectBuilder {
    let ids = ArrayBuilder::new()
        .items(UuidText::schema())
        .min_items(Some(1))
        .max_items(Some(IDS_MAX))
        .description(Some("These, instead of a filter."));
    ObjectBuilder::new()
        .description(Some(about))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
        .property("ids", ids)
        .property(
            "reason",
            described::<ReasonText>("Why it could not be processed."),
        )
        .property(
            "operation",
            described::<OperationText>("What the command would do."),
        )
        .property("group", described::<GroupText>("Those that failed alike."))
        .property("contactId", described::<UuidText>("Those of this contact."))
        .property("commandId", described::<UuidText>("Those of this command."))
        .property("since", described::<TimeInput>("Received at or after this time."))
        .property(
            "until",
            described::<TimeInput>("Received before this time; before the request unless said."),
        )
        .property(
            "state",
            described::<StateText>("What became of it; open unless said."),
        )
        .property("dryRun", described::<FlagValue>("Only say what would happen."))
        .property(
            "expect",
            described::<ExpectNumber>("How many are expected: with another number nothing is done."),
        )
}

/// A member that may be left out, or `null`.
fn described<T: PartialSchema>(about: &str) -> RefOr<Schema> {
    let mut schema = or_null::<T>();
    if let RefOr::T(Schema::Object(object)) = &mut schema {
        object.description = Some(about.to_owned());
    }
    schema
}

/// To which dead letters an act was done, as it was asked for.
pub(crate) fn selected() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(
            "To which, if to many: ids or a filter, as it was asked for.",
        ))
}

/// Those that an act was refused for.
pub(crate) fn refusals() -> ArrayBuilder {
    list::<RefusalView>(DISCARDED_AT_ONCE_MAX.into()).description(Some("To which it was not done, and why."))
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
