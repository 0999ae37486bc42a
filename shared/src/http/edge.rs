//! What surrounds every request: its id and trace, its problem document, the headers of every answer, its measurement.
//!
//! **Invariant:** whatever goes wrong, a panic included, is answered with a problem document.

use std::panic::AssertUnwindSafe;

use actix_web::{
    Error, HttpMessage, HttpResponse, Resource,
    body::{BoxBody, MessageBody},
    dev::{ServiceRequest, ServiceResponse},
    error::InternalError,
    http::{
        ConnectionType, StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    middleware::Next,
    web,
};
use futures_util::FutureExt;

use super::{
    drain::Drain,
    metrics::HttpMetrics,
    problem::{Code, Problem},
};

/// What the health routes allow.
const HEALTH_METHODS: &str = "GET, HEAD";

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
}

impl RequestNames {
    fn of(headers: &HeaderMap) -> Self {
        let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let id = text(&X_REQUEST_ID).filter(|id| is_request_id(id));
        let id = id.map_or_else(|| uuid::Uuid::now_v7().to_string(), str::to_owned);
        let traceparent = text(&TRACEPARENT).filter(|value| is_traceparent(value));
        Self {
            id,
            traceparent: traceparent.map(str::to_owned),
        }
    }

    /// The W3C trace context, if the client sent a valid one.
    pub fn traceparent(&self) -> Option<&str> {
        self.traceparent.as_deref()
    }

    fn instance(&self) -> String {
        format!("urn:contato:request:{}", self.id)
    }

    fn trace_id(&self) -> Option<String> {
        let trace_id = self.traceparent.as_deref()?.split('-').nth(1)?;
        Some(trace_id.to_owned())
    }
}

fn is_request_id(text: &str) -> bool {
    let usual = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    (1..=MAX_REQUEST_ID_CHARS).contains(&text.len()) && text.bytes().all(usual)
}

/// Version 00 of W3C Trace Context, section 3.2.2; what a later version appends is not known and not passed on.
fn is_traceparent(text: &str) -> bool {
    let mut parts = text.split('-');
    let mut hex = |length: usize| {
        parts.next().filter(|part| {
            part.len() == length && part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        })
    };
    let (version, trace, span, flags) = (hex(2), hex(32), hex(16), hex(2));
    let set = |part: Option<&str>| part.is_some_and(|part| part.bytes().any(|byte| byte != b'0'));
    version == Some("00") && set(trace) && set(span) && flags.is_some() && parts.next().is_none()
}

/// The middleware.
///
/// # Errors
/// After a panic, with the answer in the error.
pub async fn surround(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let names = RequestNames::of(request.headers());
    let in_hand = request
        .app_data::<web::Data<HttpMetrics>>()
        .map(|metrics| metrics.request(request.method(), request.match_pattern()));
    request.extensions_mut().insert(names.clone());
    let drain = request.app_data::<web::Data<Drain>>().cloned();

    let outcome = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let outcome = match outcome {
        Ok(Ok(response)) => {
            let (request, response) = response.into_parts();
            let response = finished(response.map_into_boxed_body(), &names);
            Ok(ServiceResponse::new(request, response))
        }
        Ok(Err(error)) => Err(finished(error.error_response(), &names)),
        Err(_) => {
            tracing::error!(request.id = names.id, "a handler panicked");
            let problem = Problem::new(
                Code::InternalError,
                "The request ended in a defect of the service.",
            );
            let response = problem.response(names.instance(), names.trace_id());
            Err(finished(response, &names))
        }
    };
    let mut outcome = outcome;
    let (status, head) = match &mut outcome {
        Ok(response) => (response.status(), response.response_mut().head_mut()),
        Err(response) => (response.status(), response.head_mut()),
    };
    if drain.is_some_and(|drain| drain.begun()) {
        head.set_connection_type(ConnectionType::Close);
    }
    if let Some(in_hand) = in_hand {
        in_hand.answered(status);
    }
    tracing::debug!(request.id = names.id, http.status = status.as_u16(), "answered");
    outcome.map_err(|response| InternalError::from_response("unanswered", response).into())
}

fn finished(response: HttpResponse, names: &RequestNames) -> HttpResponse {
    let mut response = explained(response, names);
    let headers = response.headers_mut();
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

/// A problem of ours gets its document; what the framework answers by itself becomes a problem.
fn explained(response: HttpResponse, names: &RequestNames) -> HttpResponse {
    let status = response.status();
    let failed = status.is_client_error() || status.is_server_error();
    let problem = match response.error() {
        Some(error) => error
            .as_error::<Problem>()
            .cloned()
            .unwrap_or_else(|| framework(status)),
        None if failed && !response.headers().contains_key(header::CONTENT_TYPE) => framework(status),
        None => return response,
    };
    problem.response(names.instance(), names.trace_id())
}

fn framework(status: StatusCode) -> Problem {
    match status {
        StatusCode::NOT_FOUND => Problem::new(Code::NotFound, "No resource has this path."),
        // Every other resource says itself what it allows.
        StatusCode::METHOD_NOT_ALLOWED => method_not_allowed(HEALTH_METHODS),
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::PayloadTooLarge, "The body is too large."),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => {
            Problem::new(Code::UnsupportedMediaType, "The media type is not supported.")
        }
        status if status.is_client_error() => Problem::malformed("The request cannot be read."),
        _ => Problem::new(
            Code::InternalError,
            "The request ended in a defect of the service.",
        ),
    }
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
    Err(Problem::new(Code::NotFound, "No resource has this path."))
}

/// 405 with what is allowed instead.
fn method_not_allowed(allowed: &'static str) -> Problem {
    Problem::new(Code::MethodNotAllowed, format!("This resource allows {allowed}."))
        .with_header(header::ALLOW, HeaderValue::from_static(allowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_contexts_of_version_00_are_told_from_others() {
        assert!(is_traceparent(
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
        ));
        for text in [
            "",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert!(!is_traceparent(text), "{text}");
        }
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
        async fn panics() -> HttpResponse {
            panic!("ana@example.com")
        }
        let metrics = web::Data::new(HttpMetrics::new(&crate::telemetry::Metrics::new(), &[]));
        let app = actix_web::App::new()
            .app_data(metrics)
            .route("/panics", web::get().to(panics))
            .wrap(actix_web::middleware::from_fn(surround));
        let app = actix_web::test::init_service(app).await;
        let request = actix_web::test::TestRequest::get()
            .uri("/panics")
            .insert_header((X_REQUEST_ID, "r-1"))
            .to_request();
        let Err(error) = actix_web::test::try_call_service(&app, request).await else {
            panic!("the panic was not noticed");
        };
        // What the server does with it.
        let response = error.error_response();
        assert_eq!(response.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(response.headers().get(X_REQUEST_ID).expect("an id"), "r-1");
        let body = actix_web::body::to_bytes(response.into_body())
            .await
            .expect("a body");
        let body: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        assert_eq!(body["type"], "/docs#internal-error");
        assert_eq!(body["instance"], "urn:contato:request:r-1");
        assert!(!body.to_string().contains("ana@"));
    }
}
