//! `GET /v1/audit`: who did what, newest first; as JSON lines all of it at once.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web::Data,
};
use shared::http::{
    access::{Caller, Scope},
    json::Field,
    openapi::{
        Description, link, parameter,
        schema::{TimeInput, UuidText},
    },
    page::{PageView, limit, limit_holds, take_limit},
    problem::{Code, Problem},
    query,
};
use utoipa::{
    PartialSchema,
    openapi::{
        ContentBuilder,
        path::{Parameter, ParameterIn},
    },
};
use validator::Validate;

use super::{
    after, cut,
    filter::AuditFields,
    lines::{self, NDJSON},
};
use crate::{
    audit_view::AuditView,
    openapi::{
        AUDIT_TAG,
        schemas::{ActText, AuditLines, AuditPage, PrincipalText},
    },
    routes::{
        Desk,
        paging::{self, broken},
    },
};

pub(crate) use super::filter::PRINCIPAL_MAX_CHARS;

const PARAMETERS: [&str; 8] = [
    "action",
    "principal",
    "deadLetterId",
    "replayId",
    "since",
    "until",
    "limit",
    "cursor",
];

#[derive(Debug, Validate)]
struct Fields {
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
    #[validate(nested)]
    filter: AuditFields,
}

/// The operation in the description of the API.
pub(crate) fn describe() -> Description {
    let about = "Newest first; it has ids, closed words and counts, and no personal data of a contact. As `application/x-ndjson` all that the filters let through, an entry a line, without `limit` and `cursor`; an answer that breaks off is not complete.";
    let lines = ContentBuilder::new().schema(Some(AuditLines::schema())).build();
    Description::new("list-audit", AUDIT_TAG, "Read who did what", about)
        .scopes(&[Scope::AuditRead])
        .parameters(parameters())
        .json::<AuditPage>(StatusCode::OK, "A page of the audit.", [link()], None)
        .also(StatusCode::OK, NDJSON, lines)
        .problems([Code::StoreUnavailable])
}

fn parameters() -> impl Iterator<Item = Parameter> {
    let query = || ParameterIn::Query;
    let filters = [
        parameter::<ActText>("action", query(), "What was done.", None),
        parameter::<PrincipalText>("principal", query(), "Who did it.", None),
        parameter::<UuidText>("deadLetterId", query(), "To this dead letter alone.", None),
        parameter::<UuidText>("replayId", query(), "In or to this replay.", None),
        parameter::<TimeInput>("since", query(), "At or after this time.", None),
        parameter::<TimeInput>("until", query(), "Before this time.", None),
    ];
    filters.into_iter().chain(paging::parameters())
}

/// Answers a page, with a link to the next, or all as JSON lines.
///
/// # Errors
/// `malformed-request`, `store-unavailable`.
pub(in crate::routes) async fn list(desk: Data<Desk>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &[Scope::AuditRead])?;
    let mut parameters = query::read(&request, &PARAMETERS)?;
    let cursor = parameters.take("cursor");
    let fields = Fields {
        limit: take_limit(&mut parameters),
        filter: AuditFields::take(&mut parameters),
    };
    paging::check(&fields, parameters)?;
    let filter = fields.filter.filter().map_err(|_| broken())?;
    if lines::wanted(&request) && request.method() != Method::HEAD {
        if [&fields.limit, &cursor] != [&Field::Absent, &Field::Absent] {
            let no_pages = "As JSON lines it has no pages: leave limit and cursor out.";
            return Err(Problem::malformed(no_pages));
        }
        return lines::answer(&desk, filter).await;
    }
    let limit = limit(&fields.limit).map_err(|_| broken())?;
    let after = after(&desk, &filter, &cursor)?;
    let (actions, wanted) = (desk.actions.clone(), filter.clone());
    let read = async move { actions.audit_page(&wanted, after, limit + 1).await };
    let read = desk.runtime.run(read).await;
    let mut entries = read.map_err(|error| Problem::store(&error))?;
    let next = cut(&desk, &filter, &mut entries, limit);
    let items: Vec<_> = entries.iter().map(AuditView::from).collect();
    let mut response = PageView::onwards(&request, items, next);
    response
        .headers_mut()
        .insert(header::VARY, HeaderValue::from_static("Accept"));
    Ok(response)
}
