//! Which contacts a client asks for: the same members as query parameters and as the body of a search.

use chrono::{DateTime, Utc};
use validator::{Validate, ValidationError};

use crate::{
    domain::{AreaCode, Email, Phone, SearchQuery, State},
    http::{
        faults::{self, fault},
        json::{Field, Members},
        page::{limit, limit_holds, take_limit},
        problem::{Code, Fault, Problem},
    },
    store::contacts::{ContactFilter, Direction, SortBy},
};

/// The members, as they are named in a query and in a body.
pub const MEMBERS: [&str; 9] = [
    "areaCode",
    "state",
    "phone",
    "email",
    "q",
    "updatedSince",
    "sort",
    "limit",
    "cursor",
];

/// Those of them that say which contacts in which order, not which page.
pub const FILTERS: [&str; 7] = {
    let [filters @ .., _limit, _cursor] = MEMBERS;
    filters
};

/// The words of `sort`.
pub const SORTS: [(&str, SortBy); 3] = [
    ("name", SortBy::Name),
    ("createdAt", SortBy::CreatedAt),
    ("updatedAt", SortBy::UpdatedAt),
];

/// Which page of which contacts in which order.
#[derive(Clone, Debug)]
pub struct ContactQuery {
    /// Which contacts.
    pub filter: ContactFilter,
    /// What they are sorted by.
    pub sort: SortBy,
    /// Upwards or downwards.
    pub direction: Direction,
    /// How many at most.
    pub limit: u64,
    /// Where to start.
    pub cursor: Option<String>,
}

#[derive(Debug, Validate)]
#[validate(schema(function = "sort_goes_with_updated_since"))]
struct Fields {
    #[validate(custom(function = "area_code_holds"))]
    area_code: Field,
    #[validate(custom(function = "state_holds"))]
    state: Field,
    #[validate(custom(function = "phone_holds"))]
    phone: Field,
    #[validate(custom(function = "email_holds"))]
    email: Field,
    #[validate(custom(function = "q_holds"))]
    q: Field,
    #[validate(custom(function = "updated_since_holds"))]
    updated_since: Field,
    #[validate(custom(function = "sort_holds"))]
    sort: Field,
    #[validate(custom(function = "limit_holds"))]
    limit: Field,
    #[validate(custom(function = "cursor_holds"))]
    cursor: Field,
}

impl ContactQuery {
    /// Reads query parameters.
    ///
    /// # Errors
    /// `malformed-request` with all faults.
    pub fn from_parameters(mut parameters: Members) -> Result<Self, Problem> {
        let limit = take_limit(&mut parameters);
        let phone = match parameters.take("phone") {
            // A plus sign that was not encoded arrives as a space.
            Field::Text(text) if text.starts_with(' ') => Field::Text(text.replacen(' ', "+", 1)),
            other => other,
        };
        Self::read(parameters, limit, phone)
            .map_err(|faults| Problem::malformed("Query parameters break rules.").with_faults(faults))
    }

    /// Reads the body of a search.
    ///
    /// # Errors
    /// `validation-failed` with all faults.
    pub fn from_body(mut members: Members) -> Result<Self, Problem> {
        let (limit, phone) = (members.take("limit"), members.take("phone"));
        Self::read(members, limit, phone).map_err(|faults| {
            Problem::new(Code::ValidationFailed, "Each fault is listed in errors.").with_faults(faults)
        })
    }

    fn read(mut members: Members, limit: Field, phone: Field) -> Result<Self, Vec<Fault>> {
        let fields = Fields {
            area_code: members.take("areaCode"),
            state: members.take("state"),
            phone,
            email: members.take("email"),
            q: members.take("q"),
            updated_since: members.take("updatedSince"),
            sort: members.take("sort"),
            limit,
            cursor: members.take("cursor"),
        };
        let found = faults::found(&fields, members);
        if !found.is_empty() {
            return Err(found);
        }
        fields.parsed().map_err(|_| Vec::new())
    }

    /// The text that a cursor is bound to: filters and order.
    pub fn scope(&self) -> String {
        let filter = &self.filter;
        let parts = [
            filter.area_code.as_ref().map(AreaCode::to_string),
            filter.state.map(|state| state.as_str().to_owned()),
            filter.phone.as_ref().map(|phone| phone.as_str().to_owned()),
            filter.email.as_ref().map(|email| email.as_str().to_owned()),
            filter.words.as_ref().map(SearchQuery::normal_form),
            filter.updated_since.map(|since| since.to_rfc3339()),
        ];
        format!("contacts {parts:?} {:?} {:?}", self.sort, self.direction)
    }
}

impl Fields {
    fn parsed(self) -> Result<ContactQuery, ValidationError> {
        let updated_since = updated_since(&self.updated_since)?;
        let default = match updated_since {
            Some(_) => (SortBy::UpdatedAt, Direction::Ascending),
            None => (SortBy::CreatedAt, Direction::Descending),
        };
        let (sort, direction) = sort(&self.sort)?.unwrap_or(default);
        Ok(ContactQuery {
            filter: ContactFilter {
                area_code: area_code(&self.area_code)?,
                state: state(&self.state)?,
                phone: phone(&self.phone)?,
                email: email(&self.email)?,
                words: q(&self.q)?,
                updated_since,
            },
            sort,
            direction,
            limit: limit(&self.limit)?,
            cursor: cursor(&self.cursor)?,
        })
    }
}

fn area_code(field: &Field) -> Result<Option<AreaCode>, ValidationError> {
    let rule = || {
        fault(
            "unknown-area-code",
            "must be one of the 67 Brazilian area codes (DDD) in use",
        )
    };
    faults::parsed(field, |text| AreaCode::from_digits(text).ok_or_else(rule))
}

fn state(field: &Field) -> Result<Option<State>, ValidationError> {
    let rule = || {
        fault(
            "unknown-state",
            "must be the two letters of a Brazilian state (UF)",
        )
    };
    faults::parsed(field, |text| State::from_code(text).ok_or_else(rule))
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

fn q(field: &Field) -> Result<Option<SearchQuery>, ValidationError> {
    faults::parsed(field, |text| {
        SearchQuery::parse(text).map_err(|error| faults::of_rule(error.code(), error))
    })
}

fn updated_since(field: &Field) -> Result<Option<DateTime<Utc>>, ValidationError> {
    let rule = || {
        fault(
            "malformed",
            "must be a time of RFC 3339, such as 2026-01-31T12:00:00Z",
        )
    };
    faults::parsed(field, |text| {
        // A plus sign that was not encoded arrives as a space.
        DateTime::parse_from_rfc3339(text)
            .or_else(|_| DateTime::parse_from_rfc3339(&text.replace(' ', "+")))
            .map(|time| time.with_timezone(&Utc))
            .map_err(|_| rule())
    })
}

fn sort(field: &Field) -> Result<Option<(SortBy, Direction)>, ValidationError> {
    faults::parsed(field, |text| {
        let (word, direction) = match text.strip_prefix('-') {
            Some(word) => (word, Direction::Descending),
            None => (text, Direction::Ascending),
        };
        let found = SORTS.into_iter().find(|(known, _)| *known == word);
        let (_, sort) = found.ok_or_else(|| {
            let detail = "must be name, createdAt or updatedAt, with a minus sign before it for the reverse";
            fault("unknown-sort", detail)
        })?;
        Ok((sort, direction))
    })
}

fn cursor(field: &Field) -> Result<Option<String>, ValidationError> {
    faults::parsed(field, |text| Ok(text.to_owned()))
}

fn area_code_holds(field: &Field) -> Result<(), ValidationError> {
    area_code(field).map(drop)
}

fn state_holds(field: &Field) -> Result<(), ValidationError> {
    state(field).map(drop)
}

fn phone_holds(field: &Field) -> Result<(), ValidationError> {
    phone(field).map(drop)
}

fn email_holds(field: &Field) -> Result<(), ValidationError> {
    email(field).map(drop)
}

fn q_holds(field: &Field) -> Result<(), ValidationError> {
    q(field).map(drop)
}

fn updated_since_holds(field: &Field) -> Result<(), ValidationError> {
    updated_since(field).map(drop)
}

fn sort_holds(field: &Field) -> Result<(), ValidationError> {
    sort(field).map(drop)
}

fn cursor_holds(field: &Field) -> Result<(), ValidationError> {
    cursor(field).map(drop)
}

/// What was deleted has neither a name nor a place in the order of creation.
fn sort_goes_with_updated_since(fields: &Fields) -> Result<(), ValidationError> {
    match (updated_since(&fields.updated_since)?, sort(&fields.sort)?) {
        (Some(_), Some((SortBy::Name | SortBy::CreatedAt, _))) => Err(fault(
            "sort-not-allowed",
            "with updatedSince, sort must be updatedAt or -updatedAt",
        )),
        _ => Ok(()),
    }
}
