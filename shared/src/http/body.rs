//! Bodies of requests: their media type, how large they may be, how long they may take.

use std::time::Duration;

use actix_web::{
    HttpRequest,
    http::header::{self, HeaderValue},
    web::{Bytes, Payload},
};

use super::{
    lists,
    problem::{Code, Problem},
};

/// The largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 64 * 1024;

/// How long a body may take to arrive.
pub const BODY_TIMEOUT: Duration = Duration::from_secs(10);

/// The media type that a request must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MediaType {
    /// `application/json`.
    Json,
    /// `application/merge-patch+json` (RFC 7396).
    MergePatch,
    /// `application/x-www-form-urlencoded` (URL standard, section 5): what pages send.
    Form,
    /// No body.
    Nothing,
}

impl MediaType {
    /// The name; empty for no body.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::MergePatch => "application/merge-patch+json",
            Self::Form => "application/x-www-form-urlencoded",
            Self::Nothing => "",
        }
    }
}

/// Reads a body of at most [`MAX_BODY_BYTES`] of the media type.
///
/// # Errors
/// `unsupported-media-type`, `payload-too-large`, `request-timeout`, or `malformed-request` if it ends too early.
pub async fn read_body(request: &HttpRequest, payload: Payload, media: MediaType) -> Result<Bytes, Problem> {
    if media != MediaType::Nothing {
        check_media_type(request, media)?;
    }
    let read = tokio::time::timeout(BODY_TIMEOUT, payload.to_bytes_limited(MAX_BODY_BYTES)).await;
    let body = read
        .map_err(|_| {
            let detail = format!("The body did not arrive within {BODY_TIMEOUT:?}.");
            Problem::new(Code::RequestTimeout, detail)
        })?
        .map_err(|_| {
            Problem::new(
                Code::PayloadTooLarge,
                format!("A body has at most {MAX_BODY_BYTES} bytes."),
            )
        })?
        .map_err(|_| Problem::malformed("The body ended too early or is not encoded as its headers say."))?;
    if media == MediaType::Nothing && !body.is_empty() {
        return Err(Problem::malformed("This request takes no body."));
    }
    Ok(body)
}

fn check_media_type(request: &HttpRequest, media: MediaType) -> Result<(), Problem> {
    let headers = request.headers();
    let mut types = headers.get_all(header::CONTENT_TYPE);
    let taken = match (types.next(), types.next()) {
        (Some(value), None) => value
            .to_str()
            .is_ok_and(|value| is_media_type(value, media.as_str())),
        _ => false,
    };
    let encoded = headers
        .get(header::CONTENT_ENCODING)
        .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if taken && !encoded {
        return Ok(());
    }
    let detail = format!(
        "The body must be {}, in UTF-8 and not compressed.",
        media.as_str()
    );
    let problem = Problem::new(Code::UnsupportedMediaType, detail);
    Err(match media {
        MediaType::MergePatch => problem.with_header(
            header::HeaderName::from_static("accept-patch"),
            HeaderValue::from_static(MediaType::MergePatch.as_str()),
        ),
        MediaType::Json | MediaType::Form | MediaType::Nothing => problem,
    })
}

/// The type exactly; of parameters only `charset=utf-8` is allowed.
fn is_media_type(value: &str, expected: &str) -> bool {
    let (essence, parameters) = value.split_once(';').unwrap_or((value, ""));
    let utf8 = |parameter: &str| {
        parameter.split_once('=').is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case("charset")
                && lists::word(value).is_some_and(|value| value.eq_ignore_ascii_case("utf-8"))
        })
    };
    essence.trim().eq_ignore_ascii_case(expected) && lists::split(parameters, ';').all(utf8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_exact() {
        let json = MediaType::Json.as_str();
        for value in [
            "application/json",
            "Application/JSON; Charset=UTF-8",
            "application/json;charset=\"utf-8\"",
            "application/json;",
        ] {
            assert!(is_media_type(value, json), "{value}");
        }
        for value in [
            "",
            "text/json",
            "application/json+x",
            "application/merge-patch+json",
            "application/json; charset=latin1",
            "application/json; version=1",
            "application/json, text/plain",
        ] {
            assert!(!is_media_type(value, json), "{value}");
        }
    }
}
