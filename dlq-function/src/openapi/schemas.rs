//! The schemas of what answers about dead letters are made of. Those of whole answers are derived where they are defined
//! ([`view`](crate::view)).

use shared::{
    domain::{Email, Name, Phone},
    http::{
        body::MAX_BODY_BYTES,
        openapi::schema::{
            OperationText, TimeInput, UuidText, any_text, integer, list, or_null, page, text, words,
        },
    },
    schema_types,
    store::{
        audit::Act,
        dead_letters::{DeadLetterState, REPLACED_MAX},
        replays::{ItemState, Refusal, ReplayState},
    },
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
    actions::{DISCARDED_AT_ONCE_MAX, FieldChange, HISTORY_MAX, NEWER_MAX, SENDINGS_MAX, all_fields},
    audit_view::AuditView,
    group_view::GroupView,
    replays::{BRAKE_MAX, ItemView, Pace, RATE_MAX, ReplayView},
    routes::{IDS_MAX, audit::list::PRINCIPAL_MAX_CHARS, dead_letters::many::RefusalView},
    view::{ContactNow, DeadLetterView, NewerCommand, SendingView},
};

/// The longest explanation, in characters.
const DETAIL_MAX_CHARS: usize = 1000;
/// The longest path, in characters.
const PATH_MAX_CHARS: usize = 255;
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
    /// A W3C trace id.
    TraceIdText = text(32, 32).pattern(Some("^[0-9a-f]{32}$"));
    /// Where a contact is in its life.
    LifeText = words(ContactNow::LIVES);
    /// How a command ended.
    EndedText = words(["applied", "superseded", "rejected"]);
    /// A value, masked.
    MaskedText = any_text(0, DETAIL_MAX_CHARS);
    /// What may differ between two messages.
    FieldText = words(all_fields());
    /// A message.
    BodyText = any_text(0, i32::MAX as usize);
    /// A message in base64.
    BodyBase64Text = text(0, i32::MAX as usize).pattern(Some("^[A-Za-z0-9+/]*={0,2}$"));
    /// A name as requests have it.
    NameInput = any_text(Name::MIN_CHARS, Name::MAX_CHARS);
    /// A phone as requests have it.
    PhoneInput = any_text(1, Phone::INPUT_MAX_CHARS);
    /// An e-mail address as requests have it.
    EmailInput = any_text(1, Email::MAX_CHARS);
    /// A whole message.
    MessageInput = any_text(1, MAX_BODY_BYTES)
        .description(Some("An envelope as JSON, for a message whose fields cannot be read. Instead of fields."));
    /// What is corrected.
    CorrectionBody = correction();
    /// The commands that ended after a dead letter's was stamped.
    NewerCommands [NewerCommand] = list::<NewerCommand>(NEWER_MAX).description(Some(
        "Commands of the same contact that ended after this one was stamped, newest first.",
    ));
    /// When a dead letter was sent again.
    Sendings [SendingView] = list::<SendingView>(SENDINGS_MAX).description(Some(
        "When it was sent again, in which replay, and who asked for it; newest first.",
    ));
    /// The differences that a correction makes.
    FieldChanges [FieldChange] = list::<FieldChange>(all_fields().count() as u64)
        .description(Some("What it changes, personal data masked."));
    /// Where a replay stands.
    ReplayStateText = words(ReplayState::ALL.map(ReplayState::as_str));
    /// Messages a second.
    RateNumber = integer(1, RATE_MAX.into()).default(Some(Pace::default().rate.into()));
    /// A share of failures in percent; 0 for never.
    BrakeNumber = integer(0, BRAKE_MAX.into()).default(Some(Pace::default().brake.into()));
    /// A path below this host.
    PathText = text(1, PATH_MAX_CHARS).pattern(Some("^/v1/"));
    /// A page of replays.
    ReplayPage [ReplayView] = page::<ReplayView>();
    /// Where a dead letter of a replay stands.
    ItemStateText = words(ItemState::ALL.map(ItemState::as_str));
    /// Why a dead letter of a replay was not sent.
    ItemRefusalText = words(Refusal::ALL.map(Refusal::as_str));
    /// A page of the dead letters of a replay.
    ReplayItemPage [ItemView] = page::<ItemView>();
    /// What is asked for when a replay is begun.
    ReplayRequest = chosen("Which dead letters, and how fast.")
        .property("rate", described::<RateNumber>("Messages a second at most."))
        .property("brake", described::<BrakeNumber>("It stops once more than this share of the outcomes are failures, in percent, from five outcomes on; 0 for never."));
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
    PrincipalText = text(1, PRINCIPAL_MAX_CHARS).pattern(Some(r"^[^\u0000-\u001F\u007F-\u009F]+$"));
    /// What an entry of the audit says.
    AuditText = any_text(0, DETAIL_MAX_CHARS);
    /// A code, as a problem has it.
    CodeText = text(1, WORD_MAX_CHARS).pattern(Some("^[a-z-]+$"));
    /// Those that an act was refused for.
    Refusals [RefusalView] = list::<RefusalView>(DISCARDED_AT_ONCE_MAX.into())
        .description(Some("To which it was not done, and why."));
    /// Which dead letters, and how it is meant.
    Selection = chosen("Which dead letters, and how it is meant.");
}

/// The body of an action on many dead letters.
pub(crate) fn chosen(about: &str) -> ObjectBuilder {
    let ids = ArrayBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Array, Type::Null]))
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

/// What was asked for.
pub(crate) fn selection() -> ObjectBuilder {
    ObjectBuilder::new().schema_type(Type::Object).description(Some(
        "Which dead letters were asked for: ids, or the members of a filter.",
    ))
}

/// A payload with its values masked.
pub(crate) fn masked_body() -> ObjectBuilder {
    ObjectBuilder::new()
        .schema_type(SchemaType::from_iter([Type::Object, Type::Null]))
        .description(Some(
            "The message, its personal data masked; null if it is not JSON, erased or locked.",
        ))
}

/// The dead letters of one command.
pub(crate) fn history() -> ArrayBuilder {
    list::<DeadLetterView>(HISTORY_MAX)
        .description(Some("Every dead letter of the same command, oldest first."))
}

/// The dead letters that one replaces.
pub(crate) fn replaces() -> ArrayBuilder {
    ArrayBuilder::new()
        .items(UuidText::schema())
        .max_items(usize::try_from(REPLACED_MAX).ok())
        .description(Some(
            "The dead letters in whose place it was sent, oldest first: those that it corrects.",
        ))
}

fn correction() -> ObjectBuilder {
    let dry_run = ObjectBuilder::new()
        .schema_type(Type::Boolean)
        .description(Some("Only says what would be changed."));
    ObjectBuilder::new()
        .description(Some(
            "Fields of the contact, of which null clears one; or a message.",
        ))
        .property("name", NameInput::schema())
        .property("phone", or_null::<PhoneInput>())
        .property("email", or_null::<EmailInput>())
        .property("message", MessageInput::schema())
        .property("dryRun", dry_run)
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}
