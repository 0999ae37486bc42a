//! Which dead letters: the filters of lists and of actions on many.

use chrono::{DateTime, Utc};
use shared::{
    domain::Operation,
    http::{
        faults::{self, of_rule},
        json::{Field, Members},
    },
    store::dead_letters::{DeadLetterFilter, DeadLetterState},
    wire::Reason,
};
use validator::{Validate, ValidationError};

/// The members of a request that say which dead letters.
#[derive(Debug, Validate)]
pub(crate) struct FilterFields {
    #[validate(custom(function = "reason_holds"))]
    reason: Field,
    #[validate(custom(function = "operation_holds"))]
    operation: Field,
    #[validate(custom(function = "group_holds"))]
    group: Field,
    #[validate(custom(function = "id_holds"))]
    contact_id: Field,
    #[validate(custom(function = "id_holds"))]
    command_id: Field,
    #[validate(custom(function = "time_holds"))]
    since: Field,
    #[validate(custom(function = "time_holds"))]
    until: Field,
    #[validate(custom(function = "state_holds"))]
    state: Field,
}

impl FilterFields {
    /// Takes them out of a query or a body.
    pub(crate) fn take(parameters: &mut Members) -> Self {
        Self {
            reason: parameters.take("reason"),
            operation: parameters.take("operation"),
            group: parameters.take("group"),
            contact_id: parameters.take("contactId"),
            command_id: parameters.take("commandId"),
            since: parameters.take("since"),
            until: parameters.take("until"),
            state: parameters.take("state"),
        }
    }

    /// The filter.
    ///
    /// # Errors
    /// If a rule is broken.
    pub(crate) fn filter(&self) -> Result<DeadLetterFilter, ValidationError> {
        Ok(DeadLetterFilter {
            reason: reason(&self.reason)?,
            operation: operation(&self.operation)?,
            group: group(&self.group)?,
            contact_id: id(&self.contact_id)?,
            command_id: id(&self.command_id)?,
            since: time(&self.since)?,
            until: time(&self.until)?,
            state: state(&self.state)?,
        })
    }
}

fn reason(field: &Field) -> Result<Option<Reason>, ValidationError> {
    let known = || format!("must be one of {}", Reason::ALL.map(Reason::as_str).join(", "));
    faults::parsed(field, |text| {
        Reason::from_code(text).ok_or_else(|| of_rule("unknown-reason", known()))
    })
}

fn operation(field: &Field) -> Result<Option<Operation>, ValidationError> {
    faults::parsed(field, |text| {
        text.parse().map_err(|error| of_rule("unknown-operation", error))
    })
}

fn group(field: &Field) -> Result<Option<String>, ValidationError> {
    let well_formed = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    faults::parsed(field, |text| {
        let group = well_formed(text).then(|| text.to_owned());
        group.ok_or_else(|| of_rule("malformed", "must be 32 hexadecimal digits"))
    })
}

fn id<T: std::str::FromStr<Err: std::fmt::Display>>(field: &Field) -> Result<Option<T>, ValidationError> {
    faults::parsed(field, |text| {
        text.parse().map_err(|error| of_rule("malformed", error))
    })
}

/// A time.
///
/// # Errors
/// If it is none.
pub(crate) fn time(field: &Field) -> Result<Option<DateTime<Utc>>, ValidationError> {
    faults::parsed(field, |text| {
        DateTime::parse_from_rfc3339(text)
            .map(|time| time.with_timezone(&Utc))
            .map_err(|_| {
                of_rule(
                    "malformed",
                    "must be a time such as 2026-11-22T08:00:00Z (RFC 3339)",
                )
            })
    })
}

fn state(field: &Field) -> Result<Option<DeadLetterState>, ValidationError> {
    let known = || {
        format!(
            "must be one of {}",
            DeadLetterState::ALL.map(DeadLetterState::as_str).join(", ")
        )
    };
    faults::parsed(field, |text| {
        DeadLetterState::from_word(text).ok_or_else(|| of_rule("unknown-state", known()))
    })
}

fn reason_holds(field: &Field) -> Result<(), ValidationError> {
    reason(field).map(drop)
}

fn operation_holds(field: &Field) -> Result<(), ValidationError> {
    operation(field).map(drop)
}

fn group_holds(field: &Field) -> Result<(), ValidationError> {
    group(field).map(drop)
}

fn id_holds(field: &Field) -> Result<(), ValidationError> {
    id::<shared::domain::ContactId>(field).map(drop)
}

fn time_holds(field: &Field) -> Result<(), ValidationError> {
    time(field).map(drop)
}

fn state_holds(field: &Field) -> Result<(), ValidationError> {
    state(field).map(drop)
}
