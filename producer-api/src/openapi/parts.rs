//! The parameters and headers that several operations have.

use serde_json::{Value, json};
use shared::http::{
    contact::{AreaCodeText, FILTERS, StateText},
    openapi::{
        header_of, parameter,
        schema::{CursorText, LimitNumber, SecondsNumber, TimeInput, UuidText, or_null},
    },
};
use utoipa::{
    PartialSchema,
    openapi::{
        Content, ContentBuilder, Header, RefOr, Schema,
        path::{Parameter, ParameterIn},
    },
};

use super::{
    examples::{ETAG, ID},
    schemas::{
        AttachmentText, CsvText, ETagText, EmailInput, IdempotencyKeyText, IfMatchText, IfNoneMatchText,
        JsonLinesText, LanguagesText, PathText, PhoneInput, PreferText, PreferenceAppliedText,
        RecordedStatusText, SearchText, SharedFieldText, SortText, UrlText, VCardsText,
    },
};

/// The id in the path.
pub fn id(of: &str) -> Parameter {
    let description = format!("The id of the {of}.");
    parameter::<UuidText>("id", ParameterIn::Path, &description, Some(json!(ID)))
}

/// The headers of a write.
pub fn write() -> [Parameter; 2] {
    [idempotency_key(), prefer()]
}

/// `Idempotency-Key`.
pub fn idempotency_key() -> Parameter {
    let key = "A name for this request, such as a UUID: sent again with the same key it has one effect. Encouraged.";
    parameter::<IdempotencyKeyText>(
        "Idempotency-Key",
        ParameterIn::Header,
        key,
        Some(json!("order-7f3a")),
    )
}

/// `Prefer`.
pub fn prefer() -> Parameter {
    let description = "`wait=N`: answer once the command has ended, at most N (30) seconds later. `return=minimal`: without the contact. (RFC 7240)";
    parameter::<PreferText>("Prefer", ParameterIn::Header, description, Some(json!("wait=5")))
}

/// `If-Match`.
pub fn if_match() -> Parameter {
    let description = "Entity tags of the versions that may be changed, or `*`. Decided when the command is applied: 412 when waited for, else the command ends rejected.";
    parameter::<IfMatchText>("If-Match", ParameterIn::Header, description, None)
}

/// `If-None-Match`.
pub fn if_none_match() -> Parameter {
    let description = "Entity tags that the client has: 304 if one of them is current.";
    parameter::<IfNoneMatchText>(
        "If-None-Match",
        ParameterIn::Header,
        description,
        Some(json!(ETAG)),
    )
}

/// The contact whose commands are listed.
pub fn contact_id() -> Parameter {
    let description = "The id of the contact.";
    parameter::<UuidText>("contactId", ParameterIn::Query, description, Some(json!(ID)))
}

/// The status of the commands that are listed.
pub fn status() -> Parameter {
    parameter::<RecordedStatusText>("status", ParameterIn::Query, "Only those with this status.", None)
}

/// What contacts of a group share.
pub fn by() -> Parameter {
    let description = "What the contacts of a group share: phone unless said.";
    parameter::<SharedFieldText>("by", ParameterIn::Query, description, Some(json!("email")))
}

/// What says which contacts are exported, and in which order and language.
pub fn export() -> impl Iterator<Item = Parameter> {
    let filters = filters().into_iter().map(Filter::in_query);
    let known = filters.filter(|filter| FILTERS.contains(&filter.name.as_str()));
    let description = "With Portuguese before English, CSV has Portuguese names and semicolons.";
    let language = parameter::<LanguagesText>(
        "Accept-Language",
        ParameterIn::Header,
        description,
        Some(json!("pt-BR")),
    );
    known.chain([language])
}

/// CSV as content.
pub fn csv() -> Content {
    ContentBuilder::new().schema(Some(CsvText::schema())).build()
}

/// JSON lines as content.
pub fn json_lines() -> Content {
    ContentBuilder::new()
        .schema(Some(JsonLinesText::schema()))
        .build()
}

/// vCards as content.
pub fn vcards() -> Content {
    ContentBuilder::new().schema(Some(VCardsText::schema())).build()
}

/// A filter of contacts: a query parameter, and a member of a search.
pub struct Filter {
    parameter: Parameter,
    or_null: RefOr<Schema>,
}

impl Filter {
    fn of<T: PartialSchema>(name: &str, description: &str, example: Option<Value>) -> Self {
        Self {
            parameter: parameter::<T>(name, ParameterIn::Query, description, example),
            or_null: or_null::<T>(),
        }
    }

    /// Its name in both.
    pub fn name(&self) -> String {
        self.parameter.name.clone()
    }

    /// Its schema in a body, where `null` is as if it were not there.
    pub fn in_body(self) -> RefOr<Schema> {
        let mut schema = self.or_null;
        if let RefOr::T(Schema::Object(object)) = &mut schema {
            object.description = self.parameter.description;
        }
        schema
    }

    /// The query parameter.
    pub fn in_query(self) -> Parameter {
        self.parameter
    }
}

/// The filters of contacts, and what else says which page.
pub fn filters() -> Vec<Filter> {
    vec![
        Filter::of::<AreaCodeText>("areaCode", "The area code (DDD).", None),
        Filter::of::<StateText>("state", "The state (UF).", None),
        Filter::of::<PhoneInput>("phone", "Exactly this phone, in any usual form.", None),
        Filter::of::<EmailInput>("email", "Exactly this e-mail address.", None),
        Filter::of::<SearchText>(
            "q",
            "Words: each must be the beginning of a word of the name, of the e-mail address or of the phone's digits, whatever case and accents.",
            Some(json!("ana")),
        ),
        Filter::of::<TimeInput>(
            "updatedSince",
            "Changed at or after this time, deletes included. Repeat the last 60 seconds.",
            None,
        ),
        Filter::of::<SortText>(
            "sort",
            "What to sort by, with a minus sign for the reverse. -createdAt unless said; with updatedSince only updatedAt.",
            None,
        ),
        Filter::of::<LimitNumber>("limit", "How many at most.", Some(json!(20))),
        cursor(),
    ]
}

fn cursor() -> Filter {
    let description = "The nextCursor of another page with the same filters and the same sort.";
    Filter::of::<CursorText>("cursor", description, None)
}

/// The parameters of a page that is not of contacts.
pub fn page() -> [Parameter; 2] {
    [
        Filter::of::<LimitNumber>("limit", "How many at most.", Some(json!(20))).in_query(),
        cursor().in_query(),
    ]
}

type NamedHeader = (&'static str, Header);

/// `ETag`.
pub fn etag() -> NamedHeader {
    ("ETag", header_of::<ETagText>("The version of the contact."))
}

/// `Content-Disposition`.
pub fn content_disposition() -> NamedHeader {
    let description = "A name for the file, with the day.";
    ("Content-Disposition", header_of::<AttachmentText>(description))
}

/// `Location` of what is named.
pub fn location(of: &str) -> NamedHeader {
    ("Location", header_of::<PathText>(&format!("Where the {of} is.")))
}

/// The headers of a 202.
pub fn accepted() -> [NamedHeader; 4] {
    [
        location("command"),
        (
            "Operation-Location",
            header_of::<UrlText>("Where the command is, as a whole URL."),
        ),
        preference_applied(),
        retry_after_while_pending(),
    ]
}

/// The headers of a 202 of an import.
pub fn import_accepted() -> [NamedHeader; 3] {
    [
        location("import"),
        (
            "Operation-Location",
            header_of::<UrlText>("Where the import is, as a whole URL."),
        ),
        retry_after_of_import(),
    ]
}

/// `Retry-After` of an import.
pub fn retry_after_of_import() -> NamedHeader {
    let description = "When to look at the import again, while it goes on.";
    ("Retry-After", header_of::<SecondsNumber>(description))
}

/// `Retry-After` of a command.
pub fn retry_after_while_pending() -> NamedHeader {
    let description = "When to look at the command again, while it is pending.";
    ("Retry-After", header_of::<SecondsNumber>(description))
}

/// `Preference-Applied`.
pub fn preference_applied() -> NamedHeader {
    (
        "Preference-Applied",
        header_of::<PreferenceAppliedText>("The preferences that were honoured."),
    )
}
