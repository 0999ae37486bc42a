//! From what `validator` finds to the faults of a problem document.

use std::fmt::Display;

use validator::{Validate, ValidationError, ValidationErrors, ValidationErrorsKind};

use super::{
    json::{Field, Members},
    problem::{Fault, Problem},
};
use crate::camel_case::camel_case;

/// A broken rule.
pub fn fault(code: &'static str, detail: &'static str) -> ValidationError {
    ValidationError::new(code).with_message(detail.into())
}

/// A broken rule of the domain; its text never repeats the value.
pub fn of_rule(code: &'static str, rule: impl Display) -> ValidationError {
    ValidationError::new(code).with_message(rule.to_string().into())
}

/// What a text member says; `None` if it is absent or `null`.
///
/// # Errors
/// If it is no text, or the rule is broken.
pub fn parsed<T>(
    field: &Field,
    parse: impl FnOnce(&str) -> Result<T, ValidationError>,
) -> Result<Option<T>, ValidationError> {
    match field {
        Field::Absent | Field::Null => Ok(None),
        Field::Text(text) => parse(text).map(Some),
        Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            Err(fault("wrong-type", "must be a string"))
        }
    }
}

/// All faults of a body, members that nobody took included.
pub fn found(body: &impl Validate, rest: Members) -> Vec<Fault> {
    let mut found = rest.unknown();
    if let Err(errors) = body.validate() {
        found.extend(listed(&errors));
    }
    found.sort_by(|a, b| a.pointer.cmp(&b.pointer));
    found
}

/// Checks a body.
///
/// # Errors
/// `validation-failed` with all faults.
pub fn check(body: &impl Validate, rest: Members) -> Result<(), Problem> {
    let found = found(body, rest);
    if found.is_empty() {
        Ok(())
    } else {
        Err(Problem::invalid(found))
    }
}

/// A rule that was broken after all rules had been checked.
pub fn unprocessable(error: ValidationError) -> Problem {
    Problem::invalid([of("", &error)])
}

/// The faults of all members; those of a part that the rules were written for by itself are no deeper in the body.
fn listed(errors: &ValidationErrors) -> Vec<Fault> {
    let faults = errors.errors().iter().flat_map(|(name, kind)| match kind {
        ValidationErrorsKind::Field(errors) => errors.iter().map(|error| of(name.as_ref(), error)).collect(),
        ValidationErrorsKind::Struct(part) => listed(part),
        ValidationErrorsKind::List(_) => Vec::new(),
    });
    faults.collect()
}

fn of(field: &str, error: &ValidationError) -> Fault {
    const WHOLE: [&str; 2] = ["__all__", ""];
    Fault {
        pointer: if WHOLE.contains(&field) {
            String::new()
        } else {
            format!("/{}", camel_case(field))
        },
        code: error.code.clone(),
        detail: error.message.clone().unwrap_or("breaks a rule".into()),
    }
}
