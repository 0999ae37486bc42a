//! Where spans go, and how many.

use serde::{Deserialize, Serialize};
use validator::{Validate, ValidationError};

/// `traces`: off unless a collector is named.
#[derive(Clone, Debug, Serialize, Deserialize, Validate)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct TracesSettings {
    /// The base address of a collector that takes OTLP by HTTP, such as `http://otel-collector:4318`; spans go to `/v1/traces`
    /// below it. None unless set.
    #[validate(custom(function = "base_address"))]
    pub endpoint: Option<String>,
    /// Which share of the traces that begin here is recorded, from 0 to 1. A request with a `traceparent` is recorded if that says
    /// so, whatever the share.
    #[validate(range(min = 0.0, max = 1.0, message = "must be from 0 to 1"))]
    pub ratio: f64,
}

impl Default for TracesSettings {
    fn default() -> Self {
        Self {
            endpoint: None,
            ratio: 1.0,
        }
    }
}

/// No user, password or query: the address is shown with the settings.
fn base_address(address: &str) -> Result<(), ValidationError> {
    let url = reqwest::Url::parse(address).ok().filter(reqwest::Url::has_host);
    let wrong = match url {
        Some(url) if !matches!(url.scheme(), "http" | "https") => {
            "must begin with http:// or https://, such as http://collector:4318: OTLP goes by HTTP, and not by gRPC"
        }
        Some(url) if !url.username().is_empty() || url.password().is_some() => {
            "must have no user and no password: it is shown with the settings"
        }
        Some(url) if url.query().is_some() || url.fragment().is_some() => {
            "must end with the path: nothing after ? or #"
        }
        Some(_) => return Ok(()),
        None => {
            "must be the address of a collector, such as http://collector:4318; without one, leave it out"
        }
    };
    let mut fault = ValidationError::new("base_address");
    fault.message = Some(wrong.into());
    Err(fault)
}
