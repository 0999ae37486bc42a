//! The media types of files.

use actix_web::{
    HttpMessage, HttpRequest,
    http::header::{self, HeaderName, HeaderValue},
};
use shared::{
    http::problem::{Code, Problem},
    store::imports::ImportFormat,
};

use super::encoding::Charset;

/// The media type of CSV (RFC 7111).
pub const CSV: &str = "text/csv";
/// The media type of NDJSON.
pub const NDJSON: &str = "application/x-ndjson";
/// The media type of vCards (RFC 6350).
pub const VCARD: &str = "text/vcard";

const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

/// What a file is, as its headers say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Media {
    /// The format.
    pub format: ImportFormat,
    /// The character encoding.
    pub charset: Charset,
}

impl Media {
    /// Reads `Content-Type`.
    ///
    /// # Errors
    /// `unsupported-media-type`.
    pub fn read(request: &HttpRequest) -> Result<Self, Problem> {
        let encoded = request
            .headers()
            .get(header::CONTENT_ENCODING)
            .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
        let media_type = request.mime_type().ok().flatten().filter(|_| !encoded);
        let media = media_type.and_then(|media_type| {
            let format = match media_type.essence_str() {
                CSV => ImportFormat::Csv,
                NDJSON => ImportFormat::Ndjson,
                VCARD => ImportFormat::VCard,
                _ => return None,
            };
            let charset = match media_type.get_param("charset") {
                Some(label) => Charset::from_label(label.as_str())?,
                None => Charset::Undecided,
            };
            let in_utf8 = charset != Charset::Windows1252;
            (in_utf8 || format != ImportFormat::Ndjson).then_some(Self { format, charset })
        });
        media.ok_or_else(unsupported)
    }
}

fn unsupported() -> Problem {
    let detail = format!(
        "The body must be {CSV} or {VCARD}, in UTF-8 or Windows-1252, or {NDJSON} in UTF-8, and not compressed."
    );
    Problem::new(Code::UnsupportedMediaType, detail).with_header(
        ACCEPT_POST,
        HeaderValue::from_static("text/csv, application/x-ndjson, text/vcard"),
    )
}
