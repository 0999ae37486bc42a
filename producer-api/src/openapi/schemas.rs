//! The schemas of what requests and answers are made of. Those of whole answers are derived where they are defined
//! ([`resources`](crate::resources)).

use shared::{
    domain::{Email, Name, Phone, Rejection, SearchQuery},
    http::{
        contact::{ContactItem, SORTS},
        openapi::{
            HEADER_VALUE_MAX_CHARS,
            schema::{CursorText, any_text, integer, list, or_null, page, text, words},
        },
    },
    schema_types,
    store::{commands::RECORDED_STATUSES, imports::ImportFormat},
    wire::CommandStatus,
};
use utoipa::{
    PartialSchema,
    openapi::{ObjectBuilder, schema::AdditionalProperties},
};

use super::parts::filters;
use crate::{
    conditions::IF_MATCH_MAX_CHARS,
    idempotency_key,
    import::{
        MAX_IMPORT_BYTES, MAX_IMPORT_ROWS,
        csv::MAX_COLUMNS,
        resource::{ColumnView, FIRST_REFUSALS, RefusalView, STATUSES as IMPORT_STATUSES},
    },
    resources::{CommandView, DuplicatesView},
    routes::contacts::duplicates::BY,
};

const PATH_MAX_CHARS: usize = 100;
/// What every header matches of which that is ignored which cannot be read.
const ANY_HEADER_PATTERN: &str = r"^[^\x00-\x08\x0a-\x1f\x7f]*$";
const IDEMPOTENCY_KEY_PATTERN: &str =
    r#"^("([\x21\x23-\x5b\x5d-\x7e]|\\["\\]){1,255}"|[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,255})$"#;
const IF_MATCH_PATTERN: &str = r#"^(\*|(W/)?"[\x21\x23-\x7e]*"(, ?(W/)?"[\x21\x23-\x7e]*"){0,15})$"#;
/// An entity tag of ours, and the quotation marks around it.
const ETAG_PATTERN: &str = r#"^"[0-9a-f]{32}(-v)?"$"#;
const ETAG_MAX_CHARS: usize = 36;
/// The longest pointer, code or sentence.
const REFUSAL_MAX_CHARS: usize = 200;
const ORIGIN_MAX_CHARS: usize = 300;
/// More than any export has.
const EXPORT_MAX_CHARS: usize = i32::MAX as usize;
/// [`MAX_LIMIT`](shared::http::page::MAX_LIMIT) contacts of the longest names, whose letters take four bytes each and are folded.
const VCARDS_MAX_CHARS: usize = 256 * 1024;

const STATUSES: [CommandStatus; 5] = [
    CommandStatus::Pending,
    CommandStatus::Applied,
    CommandStatus::Superseded,
    CommandStatus::Rejected(Rejection::PreconditionFailed),
    CommandStatus::DeadLettered,
];

schema_types! {
    /// A name as requests have it.
    NameInput = any_text(Name::MIN_CHARS, Name::MAX_CHARS)
        .description(Some("At least one letter and no control characters; blanks around it do not count."));
    /// A phone as requests have it.
    PhoneInput = any_text(1, Phone::INPUT_MAX_CHARS)
        .description(Some("E.164, or a Brazilian number with its area code (DDD) in any usual punctuation. Must exist in its numbering plan."));
    /// An e-mail address as requests have it.
    EmailInput = any_text(1, Email::MAX_CHARS)
        .description(Some("A local part, `@`, and a domain with a dot."));
    /// A status of a command.
    StatusText = words(STATUSES.map(CommandStatus::as_str));
    /// A status that commands are found by.
    RecordedStatusText = words(RECORDED_STATUSES);
    /// What is searched for.
    SearchText = any_text(1, SearchQuery::MAX_CHARS);
    /// A sort.
    SortText = words(SORTS.into_iter().flat_map(|(word, _)| [word.to_owned(), format!("-{word}")]));
    /// How often a command was tried.
    AttemptsNumber = integer(1, u32::MAX.into());
    /// A path on this server.
    PathText = text(1, PATH_MAX_CHARS).pattern(Some(r"^/v1/[a-z]+/[0-9a-f-]{36}(/[a-z]+)?$"));
    /// A URL of this server.
    UrlText = text(1, PATH_MAX_CHARS + ORIGIN_MAX_CHARS).pattern(Some(r"^https?://[^/]+(/.*)?/v1/[a-z]+/[0-9a-f-]{36}$"));
    /// `Idempotency-Key`.
    IdempotencyKeyText = text(1, 2 * idempotency_key::MAX_CHARS + 2).pattern(Some(IDEMPOTENCY_KEY_PATTERN));
    /// `Prefer`.
    PreferText = text(0, HEADER_VALUE_MAX_CHARS).pattern(Some(ANY_HEADER_PATTERN));
    /// `If-Match`.
    IfMatchText = text(1, IF_MATCH_MAX_CHARS).pattern(Some(IF_MATCH_PATTERN));
    /// `If-None-Match`.
    IfNoneMatchText = text(0, HEADER_VALUE_MAX_CHARS).pattern(Some(ANY_HEADER_PATTERN));
    /// `ETag`.
    ETagText = text(1, ETAG_MAX_CHARS).pattern(Some(ETAG_PATTERN));
    /// `Preference-Applied`.
    PreferenceAppliedText = text(1, HEADER_VALUE_MAX_CHARS).pattern(Some(r"^[a-z0-9=, -]+$"));
    /// vCards.
    VCardsText = text(0, VCARDS_MAX_CHARS).pattern(Some(r"^(BEGIN:VCARD\r\nVERSION:4\.0\r\n[\s\S]*END:VCARD\r\n)*$"));
    /// An export as CSV.
    CsvText = any_text(0, EXPORT_MAX_CHARS)
        .description(Some("RFC 4180, UTF-8 with a byte order mark. What begins like a formula has an apostrophe before it."));
    /// An export as JSON lines.
    JsonLinesText = any_text(0, EXPORT_MAX_CHARS)
        .description(Some("A contact, or what is left of a deleted one, as JSON in each line."));
    /// `Accept-Language`.
    LanguagesText = text(0, HEADER_VALUE_MAX_CHARS).pattern(Some(ANY_HEADER_PATTERN));
    /// `Content-Disposition`.
    AttachmentText = text(1, HEADER_VALUE_MAX_CHARS)
        .pattern(Some(r#"^attachment; filename="contacts-\d{4}-\d\d-\d\d\.(csv|ndjson|vcf)"$"#));
    /// What contacts share.
    SharedFieldText = words(BY.map(|(word, _)| word)).default(Some(BY[0].0.into()));
    /// How many contacts share a value.
    GroupCountNumber = integer(2, i32::MAX.unsigned_abs().into());
    /// A page of groups.
    DuplicatesPage [DuplicatesView] = page::<DuplicatesView>();
    /// The body of POST and PUT.
    NewContact = with_fields(closed("All fields of a contact. A phone or an e-mail address must be there.")).required("name");
    /// The body of PATCH.
    ContactPatch = with_fields(closed(
        "Some fields of a contact: a member that is absent is kept, one that is null is cleared (RFC 7396).",
    ));
    /// The body of a search.
    ContactSearch = filters().into_iter().fold(
        closed("Which contacts: every filter that is there must hold."),
        |object, filter| object.property(filter.name(), filter.in_body()),
    );
    /// A file of contacts.
    ImportFile = any_text(0, usize::try_from(MAX_IMPORT_BYTES).unwrap_or(usize::MAX))
        .description(Some("CSV with a header, NDJSON, or vCards 2.1 to 4.0."));
    /// A format of files.
    FormatText = words(ImportFormat::ALL.map(ImportFormat::as_str));
    /// Where an import stands.
    ImportStatusText = words(IMPORT_STATUSES);
    /// How many there are of something in a file.
    CountNumber = integer(0, MAX_IMPORT_ROWS.into());
    /// A line of a file.
    LineNumber = integer(1, MAX_IMPORT_BYTES);
    /// What a refusal says; never what stood in the row.
    RefusalText = any_text(0, REFUSAL_MAX_CHARS);
    /// A field of a contact that columns become.
    FieldText = words(["name", "phone", "email"]);
    /// A header that is known, as it was written.
    HeaderText = any_text(1, REFUSAL_MAX_CHARS);
    /// Of a CSV: which header became which field of a contact.
    Columns [ColumnView] = list::<ColumnView>(MAX_COLUMNS as u64);
    /// The first refusals of an import.
    FirstRefusals [RefusalView] = list::<RefusalView>(FIRST_REFUSALS);
    /// A page of refusals.
    RefusalPage [RefusalView] = page::<RefusalView>();
    /// A page of contacts.
    ContactPage [ContactItem] = page::<ContactItem>().property("prevCursor", CursorText::schema());
    /// A page of commands.
    CommandPage [CommandView] = page::<CommandView>();
}

/// An object without other members.
fn closed(about: &str) -> ObjectBuilder {
    ObjectBuilder::new()
        .description(Some(about))
        .additional_properties(Some(AdditionalProperties::FreeForm(false)))
}

fn with_fields(object: ObjectBuilder) -> ObjectBuilder {
    object
        .property("name", NameInput::schema())
        .property("phone", or_null::<PhoneInput>())
        .property("email", or_null::<EmailInput>())
}
