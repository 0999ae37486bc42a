//! Why a command failed, and how people are told.
//!
//! **Invariant:** nothing that was sent is in it: no value, and no URL, since filters are in URLs.

use std::{fmt, io, time::Duration};

use reqwest::StatusCode;
use serde::Deserialize;
use shared::http::problem::Code;

/// Why a command failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// The command line or a variable cannot be understood.
    Usage(String),
    /// The API has refused.
    Refused(Refusal),
    /// There was no answer, or only a part of one.
    Lost(reqwest::Error),
    /// Nothing was taken or answered for so long.
    Stalled(Duration),
    /// The answer is not one of this API.
    NotUnderstood,
    /// A file, the terminal or a pipe: what was done, and why it failed.
    Local(&'static str, io::Error),
    /// The import came to a halt before its end.
    Interrupted,
    /// Ctrl-C, or SIGTERM.
    Stopped,
    /// Anything else, in words.
    Failed(String),
}

/// What the API has refused with.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) problem: Option<Problem>,
}

/// A problem document (RFC 9457), as far as people are told of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Problem {
    r#type: String,
    title: String,
    detail: String,
    errors: Vec<Fault>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Fault {
    pointer: String,
    code: String,
    detail: String,
}

impl Failure {
    /// Whether the same request may succeed later.
    pub(super) fn passes(&self) -> bool {
        match self {
            Self::Lost(_) | Self::Stalled(_) => true,
            Self::Refused(refusal) => matches!(refusal.status.as_u16(), 408 | 429 | 500 | 502 | 503 | 504),
            Self::Usage(_)
            | Self::NotUnderstood
            | Self::Local(..)
            | Self::Interrupted
            | Self::Stopped
            | Self::Failed(_) => false,
        }
    }

    /// What the API has refused with.
    pub(super) fn status(&self) -> Option<StatusCode> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            _ => None,
        }
    }

    /// When the API asked to come again.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            _ => None,
        }
    }

    /// Whether there was such a resource, and is no more.
    pub(super) fn is_gone(&self) -> bool {
        self.status() == Some(StatusCode::GONE)
    }

    /// Whether there is no such resource.
    pub(super) fn is_not_found(&self) -> bool {
        self.status() == Some(StatusCode::NOT_FOUND)
    }
}

impl Problem {
    /// What can be done about it.
    fn remedy(&self) -> Option<&'static str> {
        let word = self.r#type.rsplit('#').next()?;
        let known = Code::ALL.into_iter().find(|code| code.declaration().word == word);
        known.map(Code::remedy)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(why) | Self::Failed(why) => writeln!(f, "error: {why}"),
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Lost(error) => {
                let what = if error.is_connect() {
                    "the API cannot be reached"
                } else {
                    "the answer broke off"
                };
                writeln!(f, "error: {what}: {}", innermost(error))
            }
            Self::Stalled(time) => writeln!(f, "error: nothing has moved for {time:?}"),
            Self::NotUnderstood => {
                writeln!(
                    f,
                    "error: the answer is not contato's; is the URL (--url, CONTATO_URL) right?"
                )
            }
            Self::Local(what, error) => writeln!(f, "error: {what}: {error}"),
            Self::Interrupted => {
                writeln!(
                    f,
                    "error: the import was interrupted; import the same file again, with the same key"
                )
            }
            Self::Stopped => writeln!(f, "error: stopped"),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some(problem) = &self.problem else {
            return writeln!(f, "error: the answer was {}", self.status);
        };
        writeln!(f, "error: {} ({})", problem.title, self.status.as_u16())?;
        writeln!(f, "{}", problem.detail)?;
        for fault in &problem.errors {
            writeln!(f, "  {} {}: {}", fault.pointer, fault.code, fault.detail)?;
        }
        match problem.remedy() {
            Some(remedy) => writeln!(f, "What to do: {remedy}"),
            None => Ok(()),
        }
    }
}

/// The innermost reason: the outer ones repeat that a request failed.
pub(crate) fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}
