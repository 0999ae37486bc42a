//! Which entries of the audit.

use shared::{
    http::{
        faults::{self, of_rule},
        json::{Field, Members},
    },
    store::audit::{Act, AuditFilter},
};
use uuid::Uuid;
use validator::{Validate, ValidationError};

use crate::routes::filter::time;

/// The longest name of a principal that is looked for, in characters.
pub(crate) const PRINCIPAL_MAX_CHARS: usize = 300;

/// The parameters that say which entries.
#[derive(Debug, Validate)]
pub(crate) struct AuditFields {
    #[validate(custom(function = "act_holds"))]
    action: Field,
    #[validate(custom(function = "principal_holds"))]
    principal: Field,
    #[validate(custom(function = "id_holds"))]
    dead_letter_id: Field,
    #[validate(custom(function = "id_holds"))]
    replay_id: Field,
    #[validate(custom(function = "time_holds"))]
    since: Field,
    #[validate(custom(function = "time_holds"))]
    until: Field,
}

impl AuditFields {
    pub(crate) fn take(parameters: &mut Members) -> Self {
        Self {
            action: parameters.take("action"),
            principal: parameters.take("principal"),
            dead_letter_id: parameters.take("deadLetterId"),
            replay_id: parameters.take("replayId"),
            since: parameters.take("since"),
            until: parameters.take("until"),
        }
    }

    /// The filter.
    ///
    /// # Errors
    /// If a rule is broken.
    pub(crate) fn filter(&self) -> Result<AuditFilter, ValidationError> {
        Ok(AuditFilter {
            act: act(&self.action)?,
            principal: principal(&self.principal)?,
            dead_letter: id(&self.dead_letter_id)?,
            replay: id(&self.replay_id)?,
            since: time(&self.since)?,
            until: time(&self.until)?,
        })
    }
}

fn act(field: &Field) -> Result<Option<Act>, ValidationError> {
    let known = || format!("must be one of {}", Act::ALL.map(Act::as_str).join(", "));
    faults::parsed(field, |text| {
        Act::from_word(text).ok_or_else(|| of_rule("unknown-action", known()))
    })
}

fn principal(field: &Field) -> Result<Option<String>, ValidationError> {
    let rule = || format!("must have 1 to {PRINCIPAL_MAX_CHARS} characters, no control characters");
    faults::parsed(field, |text| {
        let fits = (1..=PRINCIPAL_MAX_CHARS).contains(&text.chars().count());
        // No principal has any, and PostgreSQL takes no text with a NUL.
        let plain = !text.chars().any(char::is_control);
        (fits && plain)
            .then(|| text.to_owned())
            .ok_or_else(|| of_rule("out-of-bounds", rule()))
    })
}

fn id(field: &Field) -> Result<Option<Uuid>, ValidationError> {
    faults::parsed(field, |text| {
        Uuid::try_parse(text).map_err(|_| of_rule("malformed", "must be a UUID"))
    })
}

fn act_holds(field: &Field) -> Result<(), ValidationError> {
    act(field).map(drop)
}

fn principal_holds(field: &Field) -> Result<(), ValidationError> {
    principal(field).map(drop)
}

fn id_holds(field: &Field) -> Result<(), ValidationError> {
    id(field).map(drop)
}

fn time_holds(field: &Field) -> Result<(), ValidationError> {
    time(field).map(drop)
}
