//! The bodies of POST, PUT and PATCH: from members to what the domain takes. All faults are found at once.
//!
//! The rules are the domain's newtypes; what is checked here besides is which members must be there.

use shared::domain::{Changes, Email, Name, NewContact, Phone};
use shared::http::{
    faults::{self, fault},
    json::{Field, Members},
    problem::Problem,
};
use validator::{Validate, ValidationError};

/// All fields of a contact: the body of POST and PUT.
#[derive(Debug, Validate)]
#[validate(schema(function = "reachable", skip_on_field_errors = false))]
pub struct WholeContact {
    #[validate(custom(function = "required_name"))]
    name: Field,
    #[validate(custom(function = "optional_phone"))]
    phone: Field,
    #[validate(custom(function = "optional_email"))]
    email: Field,
}

/// Some fields of a contact: the body of PATCH.
#[derive(Debug, Validate)]
pub struct PartOfContact {
    #[validate(custom(function = "name_if_there"))]
    name: Field,
    #[validate(custom(function = "optional_phone"))]
    phone: Field,
    #[validate(custom(function = "optional_email"))]
    email: Field,
}

impl WholeContact {
    /// Reads the body.
    ///
    /// # Errors
    /// `validation-failed` with all faults.
    pub fn read(mut members: Members) -> Result<NewContact, Problem> {
        let body = Self {
            name: members.take("name"),
            phone: members.take("phone"),
            email: members.take("email"),
        };
        faults::check(&body, members)?;
        let contact = || {
            Ok(NewContact {
                name: name(&body.name)?.ok_or_else(required)?,
                phone: phone(&body.phone)?,
                email: email(&body.email)?,
            })
        };
        contact().map_err(faults::unprocessable)
    }
}

impl PartOfContact {
    /// Reads the body: a member that is absent is kept, one that is `null` is cleared.
    ///
    /// # Errors
    /// `validation-failed` with all faults.
    pub fn read(mut members: Members) -> Result<Changes, Problem> {
        let body = Self {
            name: members.take("name"),
            phone: members.take("phone"),
            email: members.take("email"),
        };
        faults::check(&body, members)?;
        let there = |field: &Field| *field != Field::Absent;
        let changes = || {
            Ok(Changes {
                name: name(&body.name)?,
                phone: there(&body.phone).then(|| phone(&body.phone)).transpose()?,
                email: there(&body.email).then(|| email(&body.email)).transpose()?,
            })
        };
        changes().map_err(faults::unprocessable)
    }
}

/// The changes that replace all fields (PUT).
pub fn replacement(contact: NewContact) -> Changes {
    Changes {
        name: Some(contact.name),
        phone: Some(contact.phone),
        email: Some(contact.email),
    }
}

fn required_name(field: &Field) -> Result<(), ValidationError> {
    name(field)?.ok_or_else(required).map(drop)
}

fn name_if_there(field: &Field) -> Result<(), ValidationError> {
    match field {
        Field::Null => Err(fault("required", "cannot be cleared")),
        _ => name(field).map(drop),
    }
}

fn optional_phone(field: &Field) -> Result<(), ValidationError> {
    phone(field).map(drop)
}

fn optional_email(field: &Field) -> Result<(), ValidationError> {
    email(field).map(drop)
}

/// A contact must be reachable. Not asked of a PATCH: a rule across fields would make the result of two depend on their
/// order.
fn reachable(body: &WholeContact) -> Result<(), ValidationError> {
    let missing = |field: &Field| matches!(field, Field::Absent | Field::Null);
    if missing(&body.phone) && missing(&body.email) {
        return Err(fault(
            "phone-or-email-required",
            "must have a phone or an e-mail address",
        ));
    }
    Ok(())
}

fn required() -> ValidationError {
    fault("required", "must be there")
}

fn name(field: &Field) -> Result<Option<Name>, ValidationError> {
    faults::parsed(field, |text| {
        Name::parse(text).map_err(|error| faults::of_rule(error.code(), error))
    })
}

fn phone(field: &Field) -> Result<Option<Phone>, ValidationError> {
    faults::parsed(field, |text| {
        Phone::parse(text).map_err(|error| faults::of_rule(error.code(), error))
    })
}

fn email(field: &Field) -> Result<Option<Email>, ValidationError> {
    faults::parsed(field, |text| {
        Email::parse(text).map_err(|error| faults::of_rule(error.code(), error))
    })
}
