//! The section `dlqFunction.console`: how people sign in to the console, and for how long.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

use super::{
    auth::is_https_or_loopback,
    sections::fault,
    values::{Secret, Span},
};

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// `dlqFunction.console`: how people sign in to the console, and for how long. Counts with `auth.mode=required` only.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ConsoleSettings {
    /// Who signs in with a password: lines that `dlq-function operator` prints, or several in one with `;` between.
    pub operators: Option<Secret>,
    /// Signing in at the issuer of `auth.issuer`.
    #[validate(nested)]
    pub oidc: OidcSettings,
    /// Where people reach the console, such as `https://console.example`; the issuer sends them back there.
    #[validate(custom(function = "an_origin"))]
    pub public_url: Option<String>,
    /// After how long without a request somebody has to sign in again.
    #[validate(custom(function = "between_1min_and_1_day"))]
    pub idle: Span,
    /// How long after signing in somebody has to sign in again.
    #[validate(custom(function = "between_1min_and_7_days"))]
    pub longest: Span,
}

/// `dlqFunction.console.oidc`: the console as a client of the issuer.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct OidcSettings {
    /// What the issuer calls the console. Without it nobody signs in there.
    pub client_id: Option<String>,
    /// What the console shows the issuer; none where it is a public client there.
    pub client_secret: Option<Secret>,
    /// What the console asks for, with blanks between: `openid`, and what gives an access token for `auth.audience`.
    #[validate(custom(function = "with_openid"))]
    pub scope: String,
}

impl Default for ConsoleSettings {
    fn default() -> Self {
        Self {
            operators: None,
            oidc: OidcSettings::default(),
            public_url: None,
            idle: Span(30 * MINUTE),
            longest: Span(10 * 60 * MINUTE),
        }
    }
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            client_id: None,
            client_secret: None,
            scope: "openid".to_owned(),
        }
    }
}

fn an_origin(url: &str) -> Result<(), ValidationError> {
    let bare = reqwest::Url::parse(url).is_ok_and(|parsed| {
        parsed.path() == "/"
            && parsed.query().is_none()
            && parsed.fragment().is_none()
            && parsed.username().is_empty()
            && parsed.password().is_none()
    });
    if bare && is_https_or_loopback(url) {
        return Ok(());
    }
    Err(fault(
        "must be such as https://console.example, without a path (http only on this machine)",
    ))
}

fn with_openid(scope: &str) -> Result<(), ValidationError> {
    if scope.split(' ').any(|word| word == "openid") {
        return Ok(());
    }
    Err(fault("must have the word openid"))
}

fn between_1min_and_1_day(span: &Span) -> Result<(), ValidationError> {
    if (MINUTE..=DAY).contains(&span.0) {
        return Ok(());
    }
    Err(fault("must be from 1min to 1day"))
}

fn between_1min_and_7_days(span: &Span) -> Result<(), ValidationError> {
    if (MINUTE..=7 * DAY).contains(&span.0) {
        return Ok(());
    }
    Err(fault("must be from 1min to 7days"))
}
