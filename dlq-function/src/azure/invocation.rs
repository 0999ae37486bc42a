//! The shape of what the host posts: `{"Data": {binding: value}, "Metadata": {…}}`. Values are kept as they stand.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use shared::http::problem::Problem;

/// Some writers begin UTF-8 with it.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// An invocation of a function.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Invocation<'a> {
    #[serde(borrow)]
    data: BTreeMap<String, &'a RawValue>,
    /// What the extension says of the event; `null` where there is nothing.
    #[serde(borrow, default)]
    pub(super) metadata: Option<&'a RawValue>,
}

impl<'a> Invocation<'a> {
    /// Reads a body.
    ///
    /// # Errors
    /// `malformed-request` if it is not of that shape.
    pub(super) fn read(body: &'a [u8]) -> Result<Self, Problem> {
        let body = body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(body);
        serde_json::from_slice(body).map_err(|error| {
            Problem::malformed(format!(
                "The body is no invocation of a function, {{\"Data\": {{…}}, \"Metadata\": {{…}}}} (line {}, column {}).",
                error.line(),
                error.column()
            ))
        })
    }

    /// The value of a binding.
    ///
    /// # Errors
    /// `malformed-request` if it is not there.
    pub(super) fn value(&self, binding: &str) -> Result<&'a RawValue, Problem> {
        self.data.get(binding).copied().ok_or_else(|| {
            Problem::malformed(format!(
                "The invocation has no Data.{binding}: does function.json name its binding so?"
            ))
        })
    }
}
