//! `GET /v1/commands?contactId=`: the commands of a contact that have left the queue, newest first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use shared::{
    domain::{CommandId, ContactId},
    http::{
        access::Caller,
        cursor::{Cursor, Way},
        faults::{self, fault},
        json::{Field, Members},
        openapi::{Description, link, required},
        page::{self, PageView, limit, limit_holds, take_limit},
        problem::{Code, Problem},
        query,
    },
    store::{
        commands::{CommandFilter, CommandPosition, RECORDED_STATUSES},
        contacts::SortKey,
    },
};
use validator::{Validate, ValidationError};

use super::FOLLOWERS;
use crate::{
    api::Api,
    openapi::{COMMANDS_TAG, parts, schemas::CommandPage},
    resources::CommandView,
};

const PARAMETERS: [&str; 4] = ["contactId", "status", "limit", "cursor"];

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "contact_holds"))]
    contact_id: Field,
    #[validate(custom(function = "status_holds"))]
    status: Field,
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
}

struct CommandQuery {
    filter: CommandFilter,
    limit: u64,
    after: Option<CommandPosition>,
    scope: String,
}

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "Newest first. Those that are still queued have no record yet and are not in it.";
    Description::new(
        "list-commands",
        COMMANDS_TAG,
        "List the commands of a contact",
        about,
    )
    .scopes(&FOLLOWERS)
    .parameters([required(parts::contact_id()), parts::status()])
    .parameters(parts::page())
    .json::<CommandPage>(StatusCode::OK, "A page of commands.", [link()], None)
    .problems([Code::StoreUnavailable])
}

/// Answers a page. Commands that are still queued have no record, so they are not in it.
///
/// # Errors
/// As the contract has it.
pub async fn list(api: Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &FOLLOWERS)?;
    let parameters = query::read(&request, &PARAMETERS)?;
    let CommandQuery {
        filter,
        limit,
        after,
        scope,
    } = read(&api, parameters)?;
    let store = api.store.clone();
    let read = async move { store.commands_page(&filter, after, limit + 1).await };
    let mut records = api
        .runtime
        .run(read)
        .await
        .map_err(|error| Problem::store(&error))?;
    for record in &records {
        api.stamps.saw_command(record);
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = records.len() > limit;
    records.truncate(limit);
    let next = records.last().filter(|_| more).map(|record| {
        let cursor = Cursor {
            way: Way::Next,
            key: SortKey::Time(record.accepted_at),
            id: record.id.as_uuid(),
        };
        cursor.seal(api.id_key(), &scope)
    });
    let items = records.iter().map(CommandView::from).collect();
    Ok(PageView::onwards(&request, items, next))
}

fn read(api: &Api, mut parameters: Members) -> Result<CommandQuery, Problem> {
    let fields = Fields {
        contact_id: parameters.take("contactId"),
        status: parameters.take("status"),
        limit: take_limit(&mut parameters),
    };
    let cursor = parameters.take("cursor");
    let broken = || Problem::malformed("Query parameters break rules.");
    let found = faults::found(&fields, parameters);
    if !found.is_empty() {
        return Err(broken().with_faults(found));
    }
    let filter = CommandFilter {
        contact_id: contact(&fields.contact_id).map_err(|_| broken())?,
        status: status(&fields.status).map_err(|_| broken())?,
    };
    let scope = format!("commands {:?} {:?}", filter.contact_id, filter.status);
    let after = match cursor {
        Field::Text(text) => Some(position(api, &text, &scope).ok_or_else(page::bad_cursor)?),
        Field::Absent | Field::Null | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            None
        }
    };
    Ok(CommandQuery {
        filter,
        limit: limit(&fields.limit).map_err(|_| broken())?,
        after,
        scope,
    })
}

fn position(api: &Api, text: &str, scope: &str) -> Option<CommandPosition> {
    let cursor = Cursor::open(text, api.id_key(), scope)?;
    match (cursor.way, cursor.key) {
        (Way::Next, SortKey::Time(accepted_at)) => Some(CommandPosition {
            accepted_at,
            id: CommandId::from_uuid(cursor.id),
        }),
        (Way::Next, SortKey::Text(_)) | (Way::Previous, _) => None,
    }
}

fn contact(field: &Field) -> Result<Option<ContactId>, ValidationError> {
    faults::parsed(field, |text| {
        text.parse().map_err(|error| faults::of_rule("malformed", error))
    })
}

/// Required: commands are found by their contact.
fn contact_holds(field: &Field) -> Result<(), ValidationError> {
    contact(field)?
        .map(drop)
        .ok_or_else(|| fault("required", "must be there"))
}

fn status(field: &Field) -> Result<Option<&'static str>, ValidationError> {
    faults::parsed(field, |text| {
        RECORDED_STATUSES
            .into_iter()
            .find(|status| *status == text)
            .ok_or_else(|| {
                let known = RECORDED_STATUSES.join(", ");
                faults::of_rule("unknown-status", format!("must be one of {known}"))
            })
    })
}

fn status_holds(field: &Field) -> Result<(), ValidationError> {
    status(field).map(drop)
}
