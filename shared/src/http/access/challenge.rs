//! How a request is refused for who sends it: RFC 6750, section 3, and RFC 9110, section 11.6.1.
//!
//! **Invariant:** nothing tells which part of a credential was wrong, but that it has expired.

use actix_web::http::header::{self, HeaderValue};

use super::scope::Scope;
use crate::http::problem::{Code, Problem, RETRY_AFTER_SECONDS};

const BEARER: &str = "Bearer realm=\"contato\"";
/// There is no registered scheme for keys in a header of their own; the name says what to look for.
const API_KEY: &str = "ApiKey realm=\"contato\"";

/// Why nobody is known to have sent a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Nothing says who it is.
    Missing,
    /// What says who it is does not hold.
    Invalid,
    /// It held once.
    Expired,
    /// It did not come by way of the gateway.
    PastTheGateway,
    /// It was sent to a name that is not of this machine, where nobody has to say who they are.
    AnotherName,
    /// It cannot be told which credentials count.
    Ambiguous(&'static str),
    /// Keys that could check the token were never had.
    KeysUnavailable,
    /// Whoever had signed in to a page has to do so again.
    SessionEnded,
    /// It cannot be told now who has signed in to a page.
    SessionUnsure,
}

impl Refusal {
    pub(super) fn problem(&self) -> Problem {
        let detail = match self {
            Self::Missing | Self::SessionEnded | Self::SessionUnsure => {
                "The request needs a token (Authorization: Bearer) or a key (X-Api-Key)."
            }
            Self::Invalid => "The credentials are not valid here.",
            Self::Expired => "The credentials have expired.",
            Self::PastTheGateway => "Requests are taken from the gateway only.",
            Self::AnotherName => {
                let detail = "Where nobody has to say who they are, requests are taken at localhost or an address only. To be reached by another name, set auth.mode=required, or auth.noneBeyondLoopback=true where something else decides who gets here.";
                return Problem::new(Code::Forbidden, detail);
            }
            Self::Ambiguous(detail) => return Problem::malformed(*detail),
            Self::KeysUnavailable => {
                let detail =
                    "The token cannot be checked: its issuer's keys could not be had yet. Try again.";
                return Problem::new(Code::KeysUnavailable, detail).with_retry_after(RETRY_AFTER_SECONDS);
            }
        };
        let bearer = match self {
            Self::Invalid | Self::Expired => format!("{BEARER}, error=\"invalid_token\""),
            _ => BEARER.to_owned(),
        };
        let problem = challenged(Problem::new(Code::Unauthenticated, detail), bearer);
        problem.with_header(header::WWW_AUTHENTICATE, HeaderValue::from_static(API_KEY))
    }
}

/// 403 for a caller who lacks these scopes: one `or` the other, or one `and` the other.
pub(super) fn forbidden(scopes: &[Scope], joined: &str) -> Problem {
    let words: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
    let detail = format!("This needs the scope {}.", words.join(&format!(" {joined} ")));
    let bearer = format!(
        "{BEARER}, error=\"insufficient_scope\", scope=\"{}\"",
        words.join(" ")
    );
    challenged(Problem::new(Code::Forbidden, detail), bearer)
}

fn challenged(problem: Problem, challenge: String) -> Problem {
    match HeaderValue::try_from(challenge) {
        Ok(challenge) => problem.with_header(header::WWW_AUTHENTICATE, challenge),
        Err(_) => problem,
    }
}
