//! `GET /v1/dead-letters`: dead letters, newest first.

use actix_web::{HttpRequest, HttpResponse, http::StatusCode, web::Data};
use shared::http::{
    access::{Caller, Scope},
    json::Field,
    openapi::{
        Description, link, parameter,
        schema::{OperationText, TimeInput, UuidText},
    },
    page::{PageView, limit, limit_holds, take_limit},
    problem::{Code, Problem},
    query,
};
use utoipa::openapi::path::{Parameter, ParameterIn};
use validator::Validate;

use super::{after, cut};
use crate::{
    openapi::{
        DEAD_LETTERS_TAG,
        schemas::{DeadLetterPage, GroupText, ReasonText, StateText},
    },
    routes::{
        Desk,
        filter::FilterFields,
        paging::{self, broken},
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

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
    #[validate(nested)]
    filter: FilterFields,
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

fn parameters() -> impl Iterator<Item = Parameter> {
    let query = || ParameterIn::Query;
    let filters = [
        parameter::<ReasonText>("reason", query(), "Why it could not be processed.", None),
        parameter::<OperationText>("operation", query(), "What the command would do.", None),
        parameter::<GroupText>("group", query(), "Those that failed alike.", None),
        parameter::<UuidText>("contactId", query(), "Those of this contact.", None),
        parameter::<UuidText>("commandId", query(), "Those of this command.", None),
        parameter::<TimeInput>("since", query(), "Received at or after this time.", None),
        parameter::<TimeInput>("until", query(), "Received before this time.", None),
        parameter::<StateText>("state", query(), "What became of it.", None),
    ];
    filters.into_iter().chain(paging::parameters())
}

/// Answers a page, with a link to the next.
///
/// # Errors
/// `malformed-request`, `store-unavailable`.
pub(in crate::routes) async fn list(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::DeadLettersRead])?;
    let mut parameters = query::read(&request, &PARAMETERS)?;
    let cursor = parameters.take("cursor");
    let fields = Fields {
        limit: take_limit(&mut parameters),
        filter: FilterFields::take(&mut parameters),
    };
    paging::check(&fields, parameters)?;
    let filter = fields.filter.filter().map_err(|_| broken())?;
    let limit = limit(&fields.limit).map_err(|_| broken())?;
    let after = after(&desk, &filter, &cursor)?;
    let (store, wanted) = (desk.actions.store.clone(), filter.clone());
    let read = async move { store.dead_letters_page(&wanted, after, limit + 1).await };
    let read = desk.runtime.run(read).await;
    let mut letters = read.map_err(|error| Problem::store(&error))?;
    let next = cut(&desk, &filter, &mut letters, limit);
    let items: Vec<_> = letters.iter().map(DeadLetterView::from).collect();
    Ok(PageView::onwards(&request, items, next))
}
