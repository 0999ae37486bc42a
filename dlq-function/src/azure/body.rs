//! The bodies that the host posts.

use std::time::Duration;

use actix_web::web::{Bytes, Payload};
use shared::{
    http::{
        body::BODY_TIMEOUT,
        problem::{Code, Problem},
    },
    wire::MAX_MESSAGE_BYTES,
};

/// The largest invocation, in bytes. A dead letter of ours has a message of at most [`MAX_MESSAGE_BYTES`], each byte of which is
/// up to seven once it was put into JSON twice and encoded by the host once more, and the host may send the message a second time
/// among its metadata: all of that fits four times. What is larger was not made by us; refused, it comes to the parking queue by the
/// broker's own hand, in its original bytes.
pub const MAX_INVOCATION_BYTES: usize = 64 * MAX_MESSAGE_BYTES;

/// Reads the body of an invocation. Nothing is asked of its media type: the host knows only one.
///
/// # Errors
/// `payload-too-large`, `request-timeout`, or `malformed-request` if it ends too early.
pub(super) async fn read(payload: Payload) -> Result<Bytes, Problem> {
    let timeout: Duration = BODY_TIMEOUT;
    let read = tokio::time::timeout(timeout, payload.to_bytes_limited(MAX_INVOCATION_BYTES)).await;
    read.map_err(|_| {
        let detail = format!("The body did not arrive within {timeout:?}.");
        Problem::new(Code::RequestTimeout, detail)
    })?
    .map_err(|_| {
        let detail = format!("An invocation has at most {MAX_INVOCATION_BYTES} bytes.");
        Problem::new(Code::PayloadTooLarge, detail)
    })?
    .map_err(|_| Problem::malformed("The body ended too early."))
}
