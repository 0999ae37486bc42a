//! Problem documents (RFC 9457): the only form in which anything is refused.
//!
//! **Invariant:** nothing in a problem repeats a value that the client sent.

use std::borrow::Cow;

use crate::{
    broker::PublishError,
    domain::{CommandId, ImportId, Rejection},
    store::StoreError,
};
use actix_web::{
    HttpResponse, ResponseError,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
};
use serde::Serialize;

/// The media type of a problem document.
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The page that explains the codes; each has an anchor of its own name.
pub const DOCUMENTATION: &str = super::docs::PATH;
/// What a 503 asks the client to wait, in seconds.
pub const RETRY_AFTER_SECONDS: u64 = 5;
/// What a 503 for too many requests in hand asks the client to wait, in seconds: they are answered fast.
pub const OVERLOADED_RETRY_AFTER_SECONDS: u64 = 1;
/// The most faults that one problem lists.
pub const MAX_FAULTS: usize = 50;

/// Every code, declared once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The request cannot be understood.
    MalformedRequest,
    /// No such route.
    NotFound,
    /// No such command was issued.
    CommandNotFound,
    /// No such contact was issued.
    ContactNotFound,
    /// No such dead letter.
    DeadLetterNotFound,
    /// No such import.
    ImportNotFound,
    /// A later request goes on with the import.
    ImportTakenOver,
    /// The service ends before the file does.
    ImportInterrupted,
    /// The dead letter is closed: its command has ended, or it was discarded.
    DeadLetterClosed,
    /// The dead letter's payload was erased with its contact's data.
    DeadLetterErased,
    /// A payload is encrypted with a key that is not there.
    PayloadLocked,
    /// A replay that was never started, or is past its retention.
    ReplayNotFound,
    /// A replay that has ended cannot be stopped or go on.
    ReplayEnded,
    /// Other dead letters match than were expected.
    SelectionChanged,
    /// The resource has no such method.
    MethodNotAllowed,
    /// The body has a type that is not taken.
    UnsupportedMediaType,
    /// The body is too large.
    PayloadTooLarge,
    /// The header section is too large.
    HeaderTooLarge,
    /// The target is too long.
    UriTooLong,
    /// The request did not arrive in time.
    RequestTimeout,
    /// Nothing that holds says who sends the request.
    Unauthenticated,
    /// The client may not do this.
    Forbidden,
    /// The client has sent more requests than it may.
    RateLimited,
    /// More requests are in hand than the service takes.
    Overloaded,
    /// `If-Match` did not hold.
    PreconditionFailed,
    /// Values break rules.
    ValidationFailed,
    /// The idempotency key was used for another request.
    IdempotencyKeyReused,
    /// An operator discarded the command.
    Discarded,
    /// The contact was deleted.
    ContactDeleted,
    /// The command is older than the retention.
    CommandExpired,
    /// The command was not published.
    BrokerUnavailable,
    /// The command may have been published.
    PublishUnconfirmed,
    /// SQL does not answer.
    StoreUnavailable,
    /// The issuer's keys could not be had yet.
    KeysUnavailable,
    /// A defect of ours.
    InternalError,
}

/// What the table says of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// The code itself, which is also the anchor in the documentation.
    pub word: &'static str,
    /// The status.
    pub status: StatusCode,
    /// The title, the same for every occurrence.
    pub title: &'static str,
}

impl Code {
    /// Every code.
    pub const ALL: [Self; 35] = [
        Self::MalformedRequest,
        Self::NotFound,
        Self::CommandNotFound,
        Self::ContactNotFound,
        Self::DeadLetterNotFound,
        Self::ImportNotFound,
        Self::ImportTakenOver,
        Self::ImportInterrupted,
        Self::DeadLetterClosed,
        Self::DeadLetterErased,
        Self::PayloadLocked,
        Self::ReplayNotFound,
        Self::ReplayEnded,
        Self::SelectionChanged,
        Self::MethodNotAllowed,
        Self::UnsupportedMediaType,
        Self::PayloadTooLarge,
        Self::HeaderTooLarge,
        Self::UriTooLong,
        Self::RequestTimeout,
        Self::Unauthenticated,
        Self::Forbidden,
        Self::RateLimited,
        Self::Overloaded,
        Self::PreconditionFailed,
        Self::ValidationFailed,
        Self::IdempotencyKeyReused,
        Self::Discarded,
        Self::ContactDeleted,
        Self::CommandExpired,
        Self::BrokerUnavailable,
        Self::PublishUnconfirmed,
        Self::StoreUnavailable,
        Self::KeysUnavailable,
        Self::InternalError,
    ];

    /// The table.
    pub fn declaration(self) -> Declaration {
        let (word, status, title) = match self {
            Self::MalformedRequest => ("malformed-request", 400, "The request cannot be understood"),
            Self::NotFound => ("not-found", 404, "There is no such resource"),
            Self::CommandNotFound => ("command-not-found", 404, "There is no such command"),
            Self::ContactNotFound => ("contact-not-found", 404, "There is no such contact"),
            Self::DeadLetterNotFound => ("dead-letter-not-found", 404, "There is no such dead letter"),
            Self::ImportNotFound => ("import-not-found", 404, "There is no such import"),
            Self::ImportTakenOver => (
                "import-taken-over",
                409,
                "Another request goes on with the import",
            ),
            Self::ImportInterrupted => ("import-interrupted", 503, "The import broke off"),
            Self::DeadLetterClosed => ("dead-letter-closed", 409, "The dead letter is closed"),
            Self::DeadLetterErased => ("dead-letter-erased", 410, "The dead letter's payload was erased"),
            Self::PayloadLocked => (
                "payload-locked",
                503,
                "The dead letter's payload cannot be decrypted",
            ),
            Self::ReplayNotFound => ("replay-not-found", 404, "The replay is not known"),
            Self::ReplayEnded => ("replay-ended", 409, "The replay has ended"),
            Self::SelectionChanged => (
                "selection-changed",
                409,
                "Other dead letters match than were expected",
            ),
            Self::MethodNotAllowed => ("method-not-allowed", 405, "The resource has no such method"),
            Self::UnsupportedMediaType => ("unsupported-media-type", 415, "The media type is not supported"),
            Self::PayloadTooLarge => ("payload-too-large", 413, "The body is too large"),
            Self::HeaderTooLarge => ("header-too-large", 431, "The header section is too large"),
            Self::UriTooLong => ("uri-too-long", 414, "The target of the request is too long"),
            Self::RequestTimeout => ("request-timeout", 408, "The request did not arrive in time"),
            Self::Unauthenticated => ("unauthenticated", 401, "It is not known who sends the request"),
            Self::Forbidden => ("forbidden", 403, "This is not allowed"),
            Self::RateLimited => ("rate-limited", 429, "Too many requests"),
            Self::Overloaded => ("overloaded", 503, "The service has too much in hand"),
            Self::PreconditionFailed => ("precondition-failed", 412, "The contact has changed"),
            Self::ValidationFailed => ("validation-failed", 422, "The request breaks rules"),
            Self::IdempotencyKeyReused => {
                let title = "The idempotency key was used for another request";
                ("idempotency-key-reused", 422, title)
            }
            Self::Discarded => ("discarded", 409, "An operator discarded the command"),
            Self::ContactDeleted => ("contact-deleted", 410, "The contact was deleted"),
            Self::CommandExpired => ("command-expired", 410, "The command is no longer kept"),
            Self::BrokerUnavailable => ("broker-unavailable", 503, "The command was not accepted"),
            Self::PublishUnconfirmed => ("publish-unconfirmed", 503, "The command may have been accepted"),
            Self::StoreUnavailable => ("store-unavailable", 503, "The store does not answer"),
            Self::KeysUnavailable => ("keys-unavailable", 503, "The issuer's keys could not be had yet"),
            Self::InternalError => ("internal-error", 500, "The service failed"),
        };
        Declaration {
            word,
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            title,
        }
    }
}

impl Code {
    /// What a client can do about it, in a sentence.
    pub fn remedy(self) -> &'static str {
        match self {
            Self::MalformedRequest => "Correct the request as detail says.",
            Self::NotFound => "Correct the path.",
            Self::CommandNotFound => "Use the id that the write was answered with.",
            Self::ContactNotFound => {
                "Use an id that was answered here; one just created may take a moment to be shown."
            }
            Self::DeadLetterNotFound => "Use an id of the list.",
            Self::ImportNotFound => {
                "Use an id that was answered here; imports are kept for the retention only."
            }
            Self::ImportTakenOver => "Nothing: follow the import of importId.",
            Self::ImportInterrupted => "Send the same file again with the same Idempotency-Key.",
            Self::DeadLetterClosed => "Nothing: its command has ended.",
            Self::DeadLetterErased => "Nothing: there is no data left to send.",
            Self::PayloadLocked => {
                "Ask whoever runs the service to put the key that detail names into deadLetters.keys."
            }
            Self::ReplayNotFound => {
                "Use an id that was answered here; replays are kept for the retention only."
            }
            Self::ReplayEnded => "Nothing, or start another replay.",
            Self::SelectionChanged => {
                "Look at the selection again, then repeat with the number that detail names."
            }
            Self::MethodNotAllowed => "Use one of the methods in Allow.",
            Self::UnsupportedMediaType => "Send the media type that detail names, in UTF-8.",
            Self::PayloadTooLarge => "Send less at once.",
            Self::PreconditionFailed => "Read the contact again, decide anew, and send its new ETag.",
            Self::ValidationFailed => "Correct each fault in errors.",
            Self::IdempotencyKeyReused => "Use a new key for a new request.",
            Self::Discarded => "Send it again as a new request, if it is still wanted.",
            Self::ContactDeleted => "Nothing: a delete is final. Create a new contact if there is one.",
            Self::CommandExpired => "Read the contact instead; outcomes are kept for the retention only.",
            Self::BrokerUnavailable => "Send the same request again after Retry-After.",
            Self::PublishUnconfirmed => {
                "Send it again with the same Idempotency-Key, or follow the command of commandId."
            }
            Self::StoreUnavailable => "Read again after Retry-After.",
            Self::RequestTimeout => "Send the whole request at once.",
            Self::UriTooLong => "Send filters in the body of a search.",
            Self::HeaderTooLarge => "Send fewer or shorter headers.",
            Self::Unauthenticated => "Send a token or a key that is valid here; WWW-Authenticate says which.",
            Self::Forbidden => "Ask whoever runs the service for what detail names.",
            Self::RateLimited => "Wait for Retry-After; RateLimit says how much is left.",
            Self::Overloaded => "Send the same request again after Retry-After.",
            Self::KeysUnavailable => "Send the same request again after Retry-After.",
            Self::InternalError => "Tell whoever runs the service the X-Request-Id.",
        }
    }

    /// Whether an answer with this code to an operation says which credentials it needs.
    pub fn challenges(self) -> bool {
        matches!(self, Self::Unauthenticated | Self::Forbidden)
    }

    /// Whether an answer with this code says when to come again.
    pub fn asks_to_come_again(self) -> bool {
        let status = self.declaration().status;
        status == StatusCode::SERVICE_UNAVAILABLE || status == StatusCode::TOO_MANY_REQUESTS
    }
}

/// One fault in a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Where: a JSON pointer (RFC 6901) into the body; for a query parameter, its name after a slash.
    pub pointer: String,
    /// Which rule is broken.
    pub code: Cow<'static, str>,
    /// The rule in a sentence.
    pub detail: Cow<'static, str>,
}

impl Fault {
    /// A fault at a pointer.
    pub fn new(pointer: impl Into<String>, code: &'static str, detail: &'static str) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.into(),
            detail: detail.into(),
        }
    }
}

impl Fault {
    /// A fault at a pointer that is told in words of its own.
    pub fn of(pointer: impl Into<String>, code: &'static str, detail: String) -> Self {
        Self {
            pointer: pointer.into(),
            code: code.into(),
            detail: detail.into(),
        }
    }
}

/// Why a request is refused.
#[derive(Clone, Debug)]
pub struct Problem {
    code: Code,
    detail: Cow<'static, str>,
    faults: Vec<Fault>,
    command_id: Option<CommandId>,
    import_id: Option<ImportId>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

/// A problem as it stands in JSON.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: Cow<'static, str>,
    instance: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Fault>,
    #[serde(skip_serializing_if = "Option::is_none")]
    trace_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    command_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    import_id: Option<String>,
}

impl Problem {
    /// A problem of this code; `detail` says what is special about this occurrence.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self {
            code,
            detail: detail.into(),
            faults: Vec::new(),
            command_id: None,
            import_id: None,
            headers: Vec::new(),
        }
    }

    /// Values that break rules.
    pub fn invalid(faults: impl IntoIterator<Item = Fault>) -> Self {
        let detail = "Each fault is listed in errors.";
        Self::new(Code::ValidationFailed, detail).with_faults(faults.into_iter().collect())
    }

    /// A request that cannot be understood.
    pub fn malformed(detail: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Code::MalformedRequest, detail)
    }

    /// No such contact.
    pub fn contact_not_found() -> Self {
        Self::new(Code::ContactNotFound, "No contact has this id.")
    }

    /// No such command.
    pub fn command_not_found() -> Self {
        Self::new(Code::CommandNotFound, "No command has this id.")
    }

    /// No such import.
    pub fn import_not_found() -> Self {
        Self::new(Code::ImportNotFound, "No import has this id.")
    }

    /// An import that ends before its file does, since the service does.
    pub fn import_interrupted() -> Self {
        let detail = "The service is being shut down before all of the file was read.";
        Self::new(Code::ImportInterrupted, detail).with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// An import that a later request goes on with.
    pub fn import_taken_over() -> Self {
        let detail = "A later request with the same Idempotency-Key goes on with the import.";
        Self::new(Code::ImportTakenOver, detail)
    }

    /// An import that SQL does not answer to.
    pub fn import_store(error: &StoreError) -> Self {
        tracing::warn!(
            error.kind = error.kind(),
            error.code = error.code(),
            error.reason = error.reason(),
            "SQL did not answer an import"
        );
        let detail = "The store does not answer at the moment; an import needs it, single writes do not.";
        Self::new(Code::StoreUnavailable, detail).with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// A publish of an import's commands that did not succeed.
    pub fn import_publish(error: PublishError) -> Self {
        let problem = match error {
            PublishError::Unavailable
            | PublishError::Blocked
            | PublishError::Refused
            | PublishError::Unroutable => Self::new(
                Code::BrokerUnavailable,
                "The broker did not take all of the file.",
            ),
            PublishError::Unconfirmed => {
                Self::new(Code::PublishUnconfirmed, "The broker did not confirm in time.")
            }
        };
        problem.with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// More imports than a process takes at once.
    pub fn too_many_imports() -> Self {
        let detail = "The service has as many imports in hand as it takes. Nothing was done; try again.";
        Self::new(Code::Overloaded, detail).with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// A contact that was deleted.
    pub fn contact_deleted() -> Self {
        Self::new(
            Code::ContactDeleted,
            "The contact was deleted and its data erased.",
        )
    }

    /// A failure of SQL while something was read.
    pub fn store(error: &StoreError) -> Self {
        tracing::warn!(
            error.kind = error.kind(),
            error.code = error.code(),
            error.reason = error.reason(),
            "SQL did not answer a read"
        );
        let detail = "The store does not answer at the moment; writes that need no look at it go on.";
        Self::new(Code::StoreUnavailable, detail).with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// A request beyond its client's quota; the next is taken in so many seconds.
    pub fn rate_limited(seconds: u64) -> Self {
        let detail = "The quota of requests is used up. Nothing was done; send the request again later.";
        Self::new(Code::RateLimited, detail).with_retry_after(seconds)
    }

    /// A request beyond what the service has in hand at once.
    pub fn overloaded() -> Self {
        let detail = "The service has as many requests in hand as it takes. Nothing was done; try again.";
        Self::new(Code::Overloaded, detail).with_retry_after(OVERLOADED_RETRY_AFTER_SECONDS)
    }

    /// A publish of a dead letter's command that did not succeed; the dead letter stays as it is.
    pub fn not_sent(error: PublishError) -> Self {
        let problem = match error {
            PublishError::Unavailable
            | PublishError::Blocked
            | PublishError::Refused
            | PublishError::Unroutable => {
                let detail = "Not sent: the broker did not take the command. Try again.";
                Self::new(Code::BrokerUnavailable, detail)
            }
            PublishError::Unconfirmed => {
                let detail = "The broker did not confirm in time. Try again: sent twice is the same as once.";
                Self::new(Code::PublishUnconfirmed, detail)
            }
        };
        problem.with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// A publish that did not succeed.
    pub fn publish(error: PublishError, command: CommandId) -> Self {
        let problem = match error {
            PublishError::Unavailable
            | PublishError::Blocked
            | PublishError::Refused
            | PublishError::Unroutable => {
                let detail = "Not accepted: the broker did not take the command. Send the request again.";
                Self::new(Code::BrokerUnavailable, detail)
            }
            PublishError::Unconfirmed => {
                let detail = "The broker did not confirm in time: the command may have been accepted. Retry with the same Idempotency-Key, or look at the command.";
                Self::new(Code::PublishUnconfirmed, detail).with_command(command)
            }
        };
        problem.with_retry_after(RETRY_AFTER_SECONDS)
    }

    /// The business answer that ended a command.
    pub fn rejection(rejection: Rejection, command: CommandId) -> Self {
        let (code, detail) = match rejection {
            Rejection::PreconditionFailed => (
                Code::PreconditionFailed,
                "If-Match named another version than the contact had when the command was applied.",
            ),
            Rejection::IdempotencyKeyReused => (
                Code::IdempotencyKeyReused,
                "The Idempotency-Key stands for another request; this one had no effect.",
            ),
            Rejection::Discarded => (
                Code::Discarded,
                "The command could not be applied and an operator discarded it; it had no effect.",
            ),
        };
        Self::new(code, detail).with_command(command)
    }

    /// With other words for what is special about this occurrence.
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// With faults; more than [`MAX_FAULTS`] are left out.
    pub fn with_faults(mut self, mut faults: Vec<Fault>) -> Self {
        faults.truncate(MAX_FAULTS);
        self.faults = faults;
        self
    }

    /// With the command that it is about.
    pub fn with_command(mut self, command: CommandId) -> Self {
        self.command_id = Some(command);
        self
    }

    /// With the import that it broke off, and how that goes on.
    pub fn with_import(mut self, import: ImportId, how_to_go_on: &str) -> Self {
        self.import_id = Some(import);
        self.detail = format!("{} {how_to_go_on}", self.detail).into();
        self
    }

    /// With a header on the answer.
    pub fn with_header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// With when to come again.
    pub(super) fn with_retry_after(self, seconds: u64) -> Self {
        self.with_header(header::RETRY_AFTER, HeaderValue::from(seconds))
    }

    /// The faults.
    pub fn faults(&self) -> &[Fault] {
        &self.faults
    }

    /// What is special about this occurrence.
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The headers of the answer.
    pub fn headers(&self) -> &[(HeaderName, HeaderValue)] {
        &self.headers
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    /// The `type` of problems of this code.
    pub fn type_of(code: Code) -> String {
        format!("{DOCUMENTATION}#{}", code.declaration().word)
    }

    /// The document; `instance` is a URI of this occurrence.
    pub fn document(&self, instance: String, trace_id: Option<String>) -> Document {
        let Declaration { status, title, .. } = self.code.declaration();
        Document {
            r#type: Self::type_of(self.code),
            title,
            status: status.as_u16(),
            detail: self.detail.clone(),
            instance,
            errors: self.faults.clone(),
            trace_id,
            command_id: self.command_id.map(|id| id.to_string()),
            import_id: self.import_id.map(|id| id.to_string()),
        }
    }

    /// The answer.
    pub fn response(&self, instance: String, trace_id: Option<String>) -> HttpResponse {
        let document = self.document(instance, trace_id);
        let mut response = HttpResponse::build(self.code.declaration().status);
        for (name, value) in &self.headers {
            response.append_header((name.clone(), value.clone()));
        }
        response.content_type(PROBLEM_JSON).json(document)
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.code.declaration().word)
    }
}

/// The [edge](super::edge) writes the document, since it knows the request's id.
impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        self.code.declaration().status
    }

    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_is_declared_once_with_its_own_word_and_an_error_status() {
        let mut words: Vec<_> = Code::ALL.iter().map(|code| code.declaration().word).collect();
        words.sort_unstable();
        words.dedup();
        assert_eq!(words.len(), Code::ALL.len());
        for code in Code::ALL {
            let status = code.declaration().status;
            assert!(status.is_client_error() || status.is_server_error(), "{code:?}");
        }
    }

    #[test]
    fn rejections_have_the_code_that_the_row_has() {
        let command = CommandId::from_uuid(uuid::Uuid::nil());
        for rejection in Rejection::ALL {
            let problem = Problem::rejection(rejection, command);
            assert_eq!(problem.code().declaration().word, rejection.as_str());
        }
    }
}
