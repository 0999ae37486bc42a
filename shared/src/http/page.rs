//! Pages: how large they are, and the links between them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{HeaderName, HeaderValue, LINK},
};
use serde::Serialize;
use validator::ValidationError;

use super::{
    faults,
    json::{Field, Members},
    problem::Problem,
};

/// The most elements of a page.
pub const MAX_LIMIT: u64 = 100;
/// The elements of a page, unless something else is asked for.
pub const DEFAULT_LIMIT: u64 = 20;

/// A cursor that was not made here for these filters and this order.
pub fn bad_cursor() -> Problem {
    Problem::malformed("The cursor is not one that was given for these filters and this sort.")
}

/// Takes `limit` out of the parameters of a query, where a number is text.
pub fn take_limit(parameters: &mut Members) -> Field {
    match parameters.take("limit") {
        Field::Text(text) => number(&text),
        other => other,
    }
}

fn number(text: &str) -> Field {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse()
        .ok()
        .filter(|_| digits)
        .map_or(Field::Other, Field::Number)
}

/// The limit of a page, or the default.
///
/// # Errors
/// If it is out of bounds.
pub fn limit(field: &Field) -> Result<u64, ValidationError> {
    match field {
        Field::Absent | Field::Null => Ok(DEFAULT_LIMIT),
        Field::Number(limit) if (1..=MAX_LIMIT).contains(limit) => Ok(*limit),
        Field::Number(_) | Field::Text(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => Err(
            faults::of_rule("out-of-bounds", format!("must be a number from 1 to {MAX_LIMIT}")),
        ),
    }
}

/// Whether [`limit`] takes it, for `validator`.
///
/// # Errors
/// As [`limit`].
pub fn limit_holds(field: &Field) -> Result<(), ValidationError> {
    limit(field).map(drop)
}

/// `Link` (RFC 8288) to the neighbours of a page: the same query with another cursor.
pub fn links(
    request: &HttpRequest,
    next: Option<&str>,
    previous: Option<&str>,
) -> Option<(HeaderName, HeaderValue)> {
    let kept: Vec<_> = request
        .query_string()
        .split('&')
        .filter(|pair| !pair.is_empty() && pair.split('=').next() != Some("cursor"))
        .collect();
    let link = |cursor: &str, relation: &str| {
        let cursor = format!("cursor={cursor}");
        let pairs: Vec<_> = kept.iter().copied().chain([cursor.as_str()]).collect();
        format!("<{}?{}>; rel=\"{relation}\"", request.path(), pairs.join("&"))
    };
    let links: Vec<_> = [(next, "next"), (previous, "prev")]
        .into_iter()
        .filter_map(|(cursor, relation)| cursor.map(|cursor| link(cursor, relation)))
        .collect();
    let value = HeaderValue::try_from(links.join(", ")).ok()?;
    (!links.is_empty()).then_some((LINK, value))
}

/// A page.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageView<T> {
    /// The elements.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next_cursor: Option<String>,
    /// Where the page before starts; only in answers that have no `Link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_cursor: Option<String>,
}

impl<T: Serialize> PageView<T> {
    /// The answer with a page of a list that goes one way.
    pub fn onwards(request: &HttpRequest, items: Vec<T>, next_cursor: Option<String>) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if let Some(links) = links(request, next_cursor.as_deref(), None) {
            response.insert_header(links);
        }
        response.json(Self {
            items,
            next_cursor,
            prev_cursor: None,
        })
    }
}
