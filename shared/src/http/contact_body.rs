//! Contacts in bodies, those of POST, PUT and PATCH and the corrections of dead letters: from members to what the domain takes.
//! All faults are found at once.
//!
//! The rules are the domain's newtypes; what is checked here besides is which members must be there.

use serde::{Serialize, Serializer};
use validator::{Validate, ValidationError};

use super::{
    faults::{self, fault},
    json::{Field, Members},
    problem::Problem,
};
use crate::domain::{Changes, Email, Name, NewContact, Phone};

/// A member, read once: the checks look at what came of it.
#[derive(Debug)]
enum Parsed<T> {
    Absent,
    Null,
    Value(T),
    Fault(ValidationError),
}

/// `validator` would put the value into its errors.
impl<T> Serialize for Parsed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_none()
    }
}

/// All fields of a contact: the body of POST and PUT.
#[derive(Debug, Validate)]
#[validate(schema(function = "reachable", skip_on_field_errors = false))]
pub struct WholeContact {
    #[validate(custom(function = "required"))]
    name: Parsed<Name>,
    #[validate(custom(function = "optional"))]
    phone: Parsed<Phone>,
    #[validate(custom(function = "optional"))]
    email: Parsed<Email>,
}

/// Some fields of a contact: the body of PATCH, and a part of other bodies.
#[derive(Debug, Validate)]
pub struct PartOfContact {
    #[validate(custom(function = "not_cleared"))]
    name: Parsed<Name>,
    #[validate(custom(function = "optional"))]
    phone: Parsed<Phone>,
    #[validate(custom(function = "optional"))]
    email: Parsed<Email>,
}

impl WholeContact {
    /// Reads the body.
    ///
    /// # Errors
    /// `validation-failed` with all faults.
    pub fn read(mut members: Members) -> Result<NewContact, Problem> {
        let body = Self {
            name: name(&mut members),
            phone: phone(&mut members),
            email: email(&mut members),
        };
        faults::check(&body, members)?;
        let contact = || {
            Ok(NewContact {
                name: body.name.value()?.flatten().ok_or_else(missing)?,
                phone: body.phone.value()?.flatten(),
                email: body.email.value()?.flatten(),
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
        let body = Self::take(&mut members);
        faults::check(&body, members)?;
        body.changes().map_err(faults::unprocessable)
    }

    /// Takes the members out of a body that has others, too.
    pub fn take(members: &mut Members) -> Self {
        Self {
            name: name(members),
            phone: phone(members),
            email: email(members),
        }
    }

    /// Whether any member is there.
    pub fn has_any(&self) -> bool {
        !(matches!(self.name, Parsed::Absent)
            && matches!(self.phone, Parsed::Absent)
            && matches!(self.email, Parsed::Absent))
    }

    /// The changes.
    ///
    /// # Errors
    /// If a rule is broken.
    pub fn changes(self) -> Result<Changes, ValidationError> {
        Ok(Changes {
            name: self.name.value()?.flatten(),
            phone: self.phone.value()?,
            email: self.email.value()?,
        })
    }
}

impl<T> Parsed<T> {
    fn read(field: Field, parse: impl FnOnce(&str) -> Result<T, ValidationError>) -> Self {
        match faults::parsed(&field, parse) {
            Ok(Some(value)) => Self::Value(value),
            Ok(None) if field == Field::Absent => Self::Absent,
            Ok(None) => Self::Null,
            Err(fault) => Self::Fault(fault),
        }
    }

    fn is_missing(&self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// `None` if it is absent, `Some(None)` if it is `null`.
    fn value(self) -> Result<Option<Option<T>>, ValidationError> {
        match self {
            Self::Absent => Ok(None),
            Self::Null => Ok(Some(None)),
            Self::Value(value) => Ok(Some(Some(value))),
            Self::Fault(fault) => Err(fault),
        }
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

fn required<T>(parsed: &Parsed<T>) -> Result<(), ValidationError> {
    match parsed {
        Parsed::Absent | Parsed::Null => Err(missing()),
        Parsed::Value(_) | Parsed::Fault(_) => optional(parsed),
    }
}

fn not_cleared<T>(parsed: &Parsed<T>) -> Result<(), ValidationError> {
    match parsed {
        Parsed::Null => Err(fault("required", "cannot be cleared")),
        Parsed::Absent | Parsed::Value(_) | Parsed::Fault(_) => optional(parsed),
    }
}

fn optional<T>(parsed: &Parsed<T>) -> Result<(), ValidationError> {
    match parsed {
        Parsed::Fault(fault) => Err(fault.clone()),
        Parsed::Absent | Parsed::Null | Parsed::Value(_) => Ok(()),
    }
}

/// A contact must be reachable. Not asked of a PATCH: a rule across fields would make the result of two depend on their
/// order.
fn reachable(body: &WholeContact) -> Result<(), ValidationError> {
    if body.phone.is_missing() && body.email.is_missing() {
        return Err(fault(
            "phone-or-email-required",
            "must have a phone or an e-mail address",
        ));
    }
    Ok(())
}

fn missing() -> ValidationError {
    fault("required", "must be there")
}

fn name(members: &mut Members) -> Parsed<Name> {
    Parsed::read(members.take("name"), |text| {
        Name::parse(text).map_err(|error| faults::of_rule(error.code(), error))
    })
}

fn phone(members: &mut Members) -> Parsed<Phone> {
    Parsed::read(members.take("phone"), |text| {
        Phone::parse(text).map_err(|error| faults::of_rule(error.code(), error))
    })
}

fn email(members: &mut Members) -> Parsed<Email> {
    Parsed::read(members.take("email"), |text| {
        Email::parse(text).map_err(|error| faults::of_rule(error.code(), error))
    })
}
