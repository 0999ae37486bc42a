//! `GET /v1/dead-letters`: dead letters, newest first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use chrono::{DateTime, Utc};
use serde::Serialize;
use shared::{
    domain::Operation,
    http::{
        access::{Caller, Scope},
        cursor::{Cursor, Way},
        faults::{self, of_rule},
        json::{Field, Members},
        openapi::{
            Description, link, parameter,
            schema::{CursorText, LimitNumber, OperationText, TimeInput, UuidText},
        },
        page::{self, bad_cursor, limit, limit_holds, take_limit},
        problem::{Code, Problem},
        query,
    },
    store::{
        contacts::SortKey,
        dead_letters::{DeadLetterFilter, DeadLetterPosition, DeadLetterState},
    },
    wire::Reason,
};
use utoipa::openapi::path::{Parameter, ParameterIn};
use validator::{Validate, ValidationError};

use super::Desk;
use crate::{
    openapi::{
        DEAD_LETTERS_TAG,
        schemas::{DeadLetterPage, GroupText, ReasonText, StateText},
    },
    view::DeadLetterView,
};

const PARAMETERS: [&str; 10] = [
    "reason",
    "operation",
    "group",
    "contactId",
    "commandId",
    "since",
    "until",
    "state",
    "limit",
    "cursor",
];

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PageView {
    items: Vec<DeadLetterView>,
    next_cursor: Option<String>,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Newest first. Every filter that is given must hold.";
    Description::new("list-dead-letters", DEAD_LETTERS_TAG, "List dead letters", about)
        .scopes(&[Scope::DeadLettersRead])
        .parameters(parameters())
        .json::<DeadLetterPage>(StatusCode::OK, "A page of dead letters.", [link()], None)
        .problems([Code::StoreUnavailable])
}

fn parameters() -> [Parameter; 10] {
    let query = || ParameterIn::Query;
    [
        parameter::<ReasonText>("reason", query(), "Why it could not be processed.", None),
        parameter::<OperationText>("operation", query(), "What the command would do.", None),
        parameter::<GroupText>("group", query(), "Those that failed alike.", None),
        parameter::<UuidText>("contactId", query(), "Those of this contact.", None),
        parameter::<UuidText>("commandId", query(), "Those of this command.", None),
        parameter::<TimeInput>("since", query(), "Received at or after this time.", None),
        parameter::<TimeInput>("until", query(), "Received before this time.", None),
        parameter::<StateText>("state", query(), "What became of it.", None),
        parameter::<LimitNumber>("limit", query(), "How many at most.", None),
        parameter::<CursorText>(
            "cursor",
            query(),
            "The nextCursor of another page with the same filters.",
            None,
        ),
    ]
}

/// Answers a page, with a link to the next.
///
/// # Errors
/// `malformed-request`, `store-unavailable`.
pub(super) async fn list(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::DeadLettersRead])?;
    let mut parameters = query::read(&request, &PARAMETERS)?;
    let cursor = parameters.take("cursor");
    let fields = Fields::take(&mut parameters);
    let found = faults::found(&fields, parameters);
    let broken = || Problem::malformed("Query parameters break rules.");
    if !found.is_empty() {
        return Err(broken().with_faults(found));
    }
    let filter = fields.filter().map_err(|_| broken())?;
    let limit = limit(&fields.limit).map_err(|_| broken())?;
    let scope = format!("dead-letters {filter:?}");
    let after = match cursor {
        Field::Text(text) => Some(position(&desk, &text, &scope).ok_or_else(bad_cursor)?),
        Field::Absent | Field::Null | Field::Number(_) | Field::Other => None,
    };

    let store = desk.actions.store.clone();
    let read = async move { store.dead_letters_page(&filter, after, limit + 1).await };
    let mut letters = desk
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = letters.len() > limit;
    letters.truncate(limit);
    let next_cursor = letters.last().filter(|_| more).map(|last| {
        let cursor = Cursor {
            way: Way::Next,
            key: SortKey::Time(last.received_at),
            id: last.id,
        };
        cursor.seal(&desk.ids, &scope)
    });
    let mut response = HttpResponse::Ok();
    if let Some(links) = page::links(&request, next_cursor.as_deref(), None) {
        response.insert_header(links);
    }
    Ok(response.json(PageView {
        items: letters.iter().map(DeadLetterView::from).collect(),
        next_cursor,
    }))
}

fn position(desk: &Desk, text: &str, scope: &str) -> Option<DeadLetterPosition> {
    let cursor = Cursor::open(text, &desk.ids, scope)?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Time(received_at)) => Some(DeadLetterPosition {
            received_at,
            id: cursor.id,
        }),
        (Way::Next, SortKey::Text(_)) | (Way::Previous, _) => None,
    }
}

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "reason_holds"))]
    reason: Field,
    #[validate(custom(function = "operation_holds"))]
    operation: Field,
    #[validate(custom(function = "group_holds"))]
    group: Field,
    #[validate(custom(function = "id_holds"))]
    contact_id: Field,
    #[validate(custom(function = "id_holds"))]
    command_id: Field,
    #[validate(custom(function = "time_holds"))]
    since: Field,
    #[validate(custom(function = "time_holds"))]
    until: Field,
    #[validate(custom(function = "state_holds"))]
    state: Field,
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
}

impl Fields {
    fn take(parameters: &mut Members) -> Self {
        Self {
            reason: parameters.take("reason"),
            operation: parameters.take("operation"),
            group: parameters.take("group"),
            contact_id: parameters.take("contactId"),
            command_id: parameters.take("commandId"),
            since: parameters.take("since"),
            until: parameters.take("until"),
            state: parameters.take("state"),
            limit: take_limit(parameters),
        }
    }

    fn filter(&self) -> Result<DeadLetterFilter, ValidationError> {
        Ok(DeadLetterFilter {
            reason: reason(&self.reason)?,
            operation: operation(&self.operation)?,
            group: group(&self.group)?,
            contact_id: id(&self.contact_id)?,
            command_id: id(&self.command_id)?,
            since: time(&self.since)?,
            until: time(&self.until)?,
            state: state(&self.state)?,
        })
    }
}

fn reason(field: &Field) -> Result<Option<Reason>, ValidationError> {
    let known = || format!("must be one of {}", Reason::ALL.map(Reason::as_str).join(", "));
    faults::parsed(field, |text| {
        Reason::from_code(text).ok_or_else(|| of_rule("unknown-reason", known()))
    })
}

fn operation(field: &Field) -> Result<Option<Operation>, ValidationError> {
    faults::parsed(field, |text| {
        text.parse().map_err(|error| of_rule("unknown-operation", error))
    })
}

fn group(field: &Field) -> Result<Option<String>, ValidationError> {
    let well_formed = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    faults::parsed(field, |text| {
        let group = well_formed(text).then(|| text.to_owned());
        group.ok_or_else(|| of_rule("malformed", "must be 32 hexadecimal digits"))
    })
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(field: &Field) -> Result<Option<T>, ValidationError> {
    faults::parsed(field, |text| {
        text.parse().map_err(|error| of_rule("malformed", error))
    })
}

fn time(field: &Field) -> Result<Option<DateTime<Utc>>, ValidationError> {
    faults::parsed(field, |text| {
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.with_timezone(&Utc))
            .map_err(|_| {
                of_rule(
                    "malformed",
                    "must be a time such as 2026-11-22T08:00:00Z (RFC 3339)",
                )
            })
    })
}

fn state(field: &Field) -> Result<Option<DeadLetterState>, ValidationError> {
    let known = || {
        format!(
            "must be one of {}",
            DeadLetterState::ALL.map(DeadLetterState::as_str).join(", ")
        )
    };
    faults::parsed(field, |text| {
        DeadLetterState::from_word(text).ok_or_else(|| of_rule("unknown-state", known()))
    })
}

fn reason_holds(field: &Field) -> Result<(), ValidationError> {
    reason(field).map(drop)
}

fn operation_holds(field: &Field) -> Result<(), ValidationError> {
    operation(field).map(drop)
}

fn group_holds(field: &Field) -> Result<(), ValidationError> {
    group(field).map(drop)
}

fn id_holds(field: &Field) -> Result<(), ValidationError> {
    id::<shared::domain::ContactId>(field).map(drop)
}

fn time_holds(field: &Field) -> Result<(), ValidationError> {
    time(field).map(drop)
}

fn state_holds(field: &Field) -> Result<(), ValidationError> {
    state(field).map(drop)
}
