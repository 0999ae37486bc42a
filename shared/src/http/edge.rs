//! What surrounds every request: its id and trace, its problem document, the headers of every answer, its measurement.
//!
//! **Invariant:** whatever goes wrong, a panic included, is answered with a problem document.

use actix_cors::CorsError;
use actix_web::{
    Error, HttpMessage, HttpRequest, HttpResponse, Resource,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web::{self, Data},
};

use super::{
    connection::{HEAD_TIMEOUT, Requests},
    cors,
    listener::{MAX_HEADER_BYTES, Surroundings},
    problem::{Code, Document, Problem},
    quota::Quota,
};
use crate::wire::is_traceparent;

/// The header that names a request.
pub const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest request id that is taken, in characters.
pub const MAX_REQUEST_ID_CHARS: usize = 64;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The names of a request.
#[derive(Clone, Debug)]
pub struct RequestNames {
    id: String,
    traceparent: Option<String>,
    trace_id: Option<String>,
}

impl RequestNames {
    pub(super) fn of(headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let id = text(&X_REQUEST_ID).filter(|id| is_request_id(id));
        let id = id.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        let traceparent = text(&TRACEPARENT).filter(|value| is_traceparent(value));
        Self {
            id,
            trace_id: traceparent
                .and_then(|text| text.split('-').nth(1))
                .map(str::to_owned),
            traceparent: traceparent.map(str::to_owned),
        }
    }

    /// The W3C trace context, if the client sent a valid one.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    pub(super) fn id(&self) -> String {
        self.id.clone()
    }

    pub(super) fn instance(&self) -> String {
        format!("urn:contato:request:{}", self.id)
    }

    fn trace_id(&self) -> Option<String> {
        self.trace_id.clone()
    }
}

fn is_request_id(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(usual)
}

/// The document of a problem that is not the answer to a request of ours but stands in it.
pub fn document(request: &HttpRequest, problem: &Problem) -> Document {
    let names = request.extensions().get::<RequestNames>().cloned();
    let names = names.unwrap_or_else(|| RequestNames::of(request.headers()));
    problem.document(names.instance(), names.trace_id())
}

/// The middleware.
///
/// # Errors
/// If the request failed, with the answer in the error.
pub async fn surround(
    surroundings: Data<Surroundings>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let mut names = RequestNames::of(request.headers());
    let route = || request.match_pattern();
    let serving = surroundings
        .traces
        .serving(request.method(), route, names.traceparent());
    names.trace_id = serving.trace_id().or(names.trace_id);
    let outcome = serving
        .around(surrounded(names, surroundings, request, next))
        .await;
    serving.answered(match &outcome {
        Ok(response) => response.status(),
        Err(error) => error.as_response_error().status_code(),
    });
    outcome
}

async fn surrounded(
    names: RequestNames,
    surroundings: Data<Surroundings>,
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let in_hand = surroundings
        .metrics
        .request(request.method(), request.match_pattern());
    let of_connection = request.conn_data::<Requests>().map(Requests::begin);
    let identity = surroundings
        .access
        .identify(request.path(), request.headers())
        .await;
    let quota = surroundings.count(&request, identity.as_ref());
    request.extensions_mut().insert(names.clone());
    if let Some(quota) = quota {
        request.extensions_mut().insert(quota);
    }
    if let Some(identity) = identity {
        request.extensions_mut().insert(identity);
    }
    let outcome = next.call(request).await;
    drop(of_connection);
    let problem = match &outcome {
        Ok(response) => response.response().error().map(of_error),
        Err(error) => Some(of_error(error)),
    };
    let code = problem.as_ref().map(Problem::code);
    let mut outcome = match outcome {
        Ok(response) => {
            let (request, response) = response.into_parts();
            let response = finished(response.map_into_boxed_body(), problem, &names, quota);
            Ok(ServiceResponse::new(request, response))
        }
        Err(error) => Err(finished(error.error_response(), problem, &names, quota)),
    };
    let (status, head) = match &mut outcome {
        Ok(response) => (response.status(), response.response_mut().head_mut()),
        Err(response) => (response.status(), response.head_mut()),
    };
    if surroundings.drain.begun() {
        head.set_connection_type(ConnectionType::Close);
    }
    in_hand.answered(status, code);
    tracing::debug!(request.id = names.id, http.status = status.as_u16(), "answered");
    outcome.map_err(|response| InternalError::from_response("unanswered", response).into())
}

fn finished(
    response: HttpResponse,
    problem: Option<Problem>,
    names: &RequestNames,
    quota: Option<Quota>,
) -> HttpResponse {
    let mut response = explained(response, problem, names);
    let headers = response.headers_mut();
    join_vary(headers);
    if let Some(quota) = quota {
        quota.tell(headers);
    }
    if let Ok(id) = HeaderValue::from_str(&names.id) {
        headers.insert(X_REQUEST_ID, id);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}

/// A problem gets its document; what the framework answers by itself becomes a problem.
fn explained(response: HttpResponse, problem: Option<Problem>, names: &RequestNames) -> HttpResponse {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let bare = failed && !response.headers().contains_key(header::CONTENT_TYPE);
    let Some(problem) = problem.or_else(|| bare.then(|| framework(status))) else {
        return response;
    };
    let mut explained = problem.response(names.instance(), names.trace_id());
    // What the middlewares inside this one have said of the answer, such as CORS.
    for (name, value) in response.headers() {
        if *name != header::CONTENT_TYPE && *name != header::CONTENT_LENGTH {
            explained.headers_mut().append(name.clone(), value.clone());
        }
    }
    explained
}

/// One line of `Vary`: some caches read only the first.
fn join_vary(headers: &mut HeaderMap) {
    let lines: Vec<_> = headers.get_all(header::VARY).collect();
    if lines.len() > 1 {
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        if let Ok(joined) = HeaderValue::from_bytes(&lines.join(&b", "[..])) {
            headers.insert(header::VARY, joined);
        }
    }
}

fn of_error(error: &Error) -> Problem {
    if let Some(problem) = error.as_error::<Problem>() {
        return problem.clone();
    }
    match error.as_error::<CorsError>() {
        Some(error) => cors::refusal(error),
        None => framework(error.as_response_error().status_code()),
    }
}

/// The problem of a status that the framework gave.
pub(super) fn framework(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => nothing_there(),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::PayloadTooLarge, "The body is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new(Code::UnsupportedMediaType, "The media type is not supported.")
        }
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => header_too_large(),
        StatusCode::REQUEST_TIMEOUT => {
            let detail = format!("The head of a request has to arrive within {HEAD_TIMEOUT:?}.");
            Problem::new(Code::RequestTimeout, detail)
        }
        status if status.is_client_error() => Problem::malformed("The request cannot be read."),
        _ => Problem::new(
            Code::InternalError,
            "The request ended in a defect of the service.",
        ),
    }
}

/// 431.
pub(super) fn header_too_large() -> Problem {
    let detail = format!("The header section has at most {MAX_HEADER_BYTES} bytes.");
    Problem::new(Code::HeaderTooLarge, detail)
}

/// A resource that answers methods without a route with what it allows.
pub fn resource(path: &'static str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move || async move {
        Err::<String, Problem>(method_not_allowed(allowed))
    }))
}

/// The answer to a path without a resource.
///
/// # Errors
/// Always: `not-found`.
pub async fn no_such_route() -> Result<String, Problem> {
    Err(nothing_there())
}

/// `not-found` for a path without a resource.
pub fn nothing_there() -> Problem {
    Problem::new(Code::NotFound, "No resource has this path.")
}

/// 405 with what is allowed instead.
pub fn method_not_allowed(allowed: &'static str) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("This resource allows {allowed}."))
        .with_header(header::ALLOW, HeaderValue::from_static(allowed))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::middleware::from_fn;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::{
        http::{access::Access, drain::Drain, listener, metrics::HttpMetrics},
        settings::{Auth, Http, Origins},
        traces::Traces,
    };

    fn access(address: std::net::SocketAddr) -> Access {
        Access::at_start(&Auth::default(), None, address).expect("on this machine")
    }

    #[test]
    fn request_ids_are_short_and_plain() {
        assert!(is_request_id("a.B_c-1") && is_request_id(&"a".repeat(64)));
        for text in ["", "a b", "a:b", "é", &"a".repeat(65)] {
            assert!(!is_request_id(text), "{text}");
        }
    }

    #[actix_web::test]
    async fn a_panic_is_answered_with_a_problem() {
        const PAGE: &str = "https://app.example";
        async fn panics() -> HttpResponse {
            panic!("ana@example.com")
        }
        let metrics = HttpMetrics::new(&crate::metrics::Metrics::new(), &[]);
        let drain = Drain::new(CancellationToken::new(), Duration::ZERO);
        let address = "127.0.0.1:8080".parse().expect("an address");
        let traces = Traces::default();
        let surroundings =
            Surroundings::new(address, &Http::default(), metrics, drain, access(address), traces);
        let app = actix_web::App::new()
            .app_data(Data::new(surroundings))
            .route("/panics", web::get().to(panics))
            .wrap(from_fn(listener::admit))
            .wrap(cors::middleware(&Origins(vec![PAGE.to_owned()])))
            .wrap(from_fn(surround));
        let app = actix_web::test::init_service(app).await;
        let request = actix_web::test::TestRequest::get()
            .uri("/panics")
            .insert_header((X_REQUEST_ID, "r-1"))
            .insert_header((header::ORIGIN, PAGE))
            .to_request();
        let Err(error) = actix_web::test::try_call_service(&app, request).await else {
            panic!("the panic was not noticed");
        };
        // What the server does with it.
        let response = error.error_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers().get(X_REQUEST_ID).expect("an id"), "r-1");
        let readable_by = response.headers().get(header::ACCESS_CONTROL_ALLOW_ORIGIN);
        assert_eq!(readable_by.expect("an origin"), PAGE);
        let body = actix_web::body::to_bytes(response.into_body())
            .await
            .expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["type"], "/docs#internal-error");
        assert_eq!(body["instance"], "urn:contato:request:r-1");
        assert!(!body.to_string().contains("ana@"));
    }
}
