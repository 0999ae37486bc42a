//! What the host expects to be answered.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use serde::Serialize;

use super::RESPONSE_BINDING;

/// The answer to an invocation. `Logs` go to the host's logs: nothing personal is in them.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct InvocationResult {
    outputs: BTreeMap<&'static str, HttpOutput>,
    logs: Vec<String>,
    return_value: Option<()>,
}

/// The response that the host gives to whoever sent it an HTTP request. It wants all four members to be there; `status` says
/// what `statusCode` says.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct HttpOutput {
    pub(super) status_code: u16,
    pub(super) status: u16,
    pub(super) headers: BTreeMap<String, String>,
    pub(super) body: String,
}

/// A dead letter was taken.
pub(super) fn taken(log: String) -> HttpResponse {
    HttpResponse::Ok().json(InvocationResult {
        outputs: BTreeMap::new(),
        logs: vec![log],
        return_value: None,
    })
}

/// An HTTP request was answered, with whatever.
pub(super) fn answered(output: HttpOutput) -> HttpResponse {
    HttpResponse::Ok().json(InvocationResult {
        outputs: BTreeMap::from([(RESPONSE_BINDING, output)]),
        logs: Vec::new(),
        return_value: None,
    })
}
