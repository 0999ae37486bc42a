//! `GET /v1/dead-letter-groups`: dead letters that failed alike, counted, last seen first.

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
    group_view::GroupView,
    openapi::{
        DEAD_LETTERS_TAG,
        schemas::{GroupPage, ReasonText, StateText},
    },
    routes::{
        Desk,
        filter::FilterFields,
        paging::{self, broken},
    },
};

const PARAMETERS: [&str; 8] = [
    "reason",
    "operation",
    "contactId",
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
    let about = "Those that failed alike, last seen first: one reason, one operation, one explanation but for its numbers. Unless `state` is given, groups in which something is open; the counts are of all states.";
    Description::new(
        "list-dead-letter-groups",
        DEAD_LETTERS_TAG,
        "List groups of dead letters",
        about,
    )
    .scopes(&[Scope::DeadLettersRead])
    .parameters(parameters())
    .json::<GroupPage>(StatusCode::OK, "A page of groups.", [link()], None)
    .problems([Code::StoreUnavailable])
}

fn parameters() -> impl Iterator<Item = Parameter> {
    let query = || ParameterIn::Query;
    let filters = [
        parameter::<ReasonText>("reason", query(), "Why they could not be processed.", None),
        parameter::<OperationText>("operation", query(), "What the commands would do.", None),
        parameter::<UuidText>(
            "contactId",
            query(),
            "Those of this contact alone are counted.",
            None,
        ),
        parameter::<TimeInput>(
            "since",
            query(),
            "Those received at or after this time alone are counted.",
            None,
        ),
        parameter::<TimeInput>(
            "until",
            query(),
            "Those received before this time alone are counted.",
            None,
        ),
        parameter::<StateText>(
            "state",
            query(),
            "Groups in which something stands so; `open` unless given.",
            None,
        ),
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
    let (actions, wanted) = (desk.actions.clone(), filter.clone());
    let read = async move { actions.groups(&wanted, after.as_ref(), limit + 1).await };
    let read = desk.runtime.run(read).await;
    let mut groups = read.map_err(|error| Problem::store(&error))?;
    let next = cut(&desk, &filter, &mut groups, limit);
    let items: Vec<_> = groups.iter().map(GroupView::from).collect();
    Ok(PageView::onwards(&request, items, next))
}
