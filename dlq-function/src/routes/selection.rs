//! The body of an action on many dead letters: which, whether to do it, and how many are expected.
//!
//! Either `ids` or the members of a filter; neither means all. An action never reaches what arrived after the request: without
//! `until` that is the time of the request. Without `state` it works on what is open.

use actix_web::{HttpRequest, web::Payload};
use chrono::{DateTime, Utc};
use shared::{
    http::{
        body::{MediaType, read_body},
        faults::{self, fault, of_rule},
        json::{Field, Members},
        problem::{Code, Problem},
        query,
    },
    store::dead_letters::{DeadLetterFilter, DeadLetterState},
};
use uuid::Uuid;
use validator::{Validate, ValidationError};

use super::filter::FilterFields;
use crate::actions::Selection;

/// The most ids in one request.
pub(crate) const IDS_MAX: usize = 1000;

/// Which dead letters, and how it is meant.
#[derive(Debug)]
pub(in crate::routes) struct Chosen {
    /// Which.
    pub(in crate::routes) selection: Selection,
    /// Only say what would happen.
    pub(in crate::routes) dry_run: bool,
    /// How many the caller expects them to be.
    pub(in crate::routes) expect: Option<u64>,
}

/// The members that every action on many has, not yet checked.
#[derive(Debug, Validate)]
pub(in crate::routes) struct SelectionFields {
    #[validate(custom(function = "ids_hold"))]
    ids: Field,
    #[validate(nested)]
    filter: FilterFields,
    #[validate(custom(function = "flag_holds"))]
    dry_run: Field,
    #[validate(custom(function = "count_holds"))]
    expect: Field,
}

/// Reads the members of a body.
///
/// # Errors
/// `malformed-request`, `unsupported-media-type` and what else bodies are refused for.
pub(in crate::routes) async fn members(request: &HttpRequest, payload: Payload) -> Result<Members, Problem> {
    query::none(request)?;
    Members::read(&read_body(request, payload, MediaType::Json).await?)
}

impl SelectionFields {
    /// Takes them out of a body.
    pub(in crate::routes) fn take(members: &mut Members) -> Self {
        Self {
            ids: members.take("ids"),
            filter: FilterFields::take(members),
            dry_run: members.take("dryRun"),
            expect: members.take("expect"),
        }
    }

    /// Which dead letters, now; to be asked once the rules of each member hold.
    ///
    /// # Errors
    /// `validation-failed` if there are both ids and a filter.
    pub(in crate::routes) fn chosen(&self, now: DateTime<Utc>) -> Result<Chosen, Problem> {
        self.chosen_among(now, DeadLetterState::Open)
    }

    /// [`chosen`](Self::chosen), where a filter without `state` means those that stand otherwise than open.
    ///
    /// # Errors
    /// As it.
    pub(in crate::routes) fn chosen_among(
        &self,
        now: DateTime<Utc>,
        unless_said: DeadLetterState,
    ) -> Result<Chosen, Problem> {
        let ids = ids(&self.ids).map_err(faults::unprocessable)?;
        let filter = self.filter.filter().map_err(faults::unprocessable)?;
        let selection = match ids {
            Some(_) if filter != DeadLetterFilter::default() => {
                let both = fault("ids-and-filter", "must have either ids or a filter");
                return Err(faults::unprocessable(both));
            }
            Some(ids) => Selection::Ids(ids),
            None => Selection::Matching(DeadLetterFilter {
                state: filter.state.or(Some(unless_said)),
                ..filter
            }),
        };
        Ok(Chosen {
            selection: selection.as_of(now),
            dry_run: self.dry_run == Field::Flag(true),
            expect: count(&self.expect).map_err(faults::unprocessable)?,
        })
    }
}

impl Chosen {
    /// Refuses to act on another number of dead letters than the caller expects.
    ///
    /// # Errors
    /// `selection-changed`.
    pub(in crate::routes) fn expected(&self, found: u64) -> Result<(), Problem> {
        match self.expect {
            Some(expected) if expected != found => {
                let detail = format!("Nothing was done: {expected} were expected and {found} match now.");
                Err(Problem::new(Code::SelectionChanged, detail))
            }
            Some(_) | None => Ok(()),
        }
    }
}

fn ids(field: &Field) -> Result<Option<Vec<Uuid>>, ValidationError> {
    let broken = || of_rule("malformed", format!("must be a list of 1 to {IDS_MAX} ids"));
    match field {
        Field::Absent | Field::Null => Ok(None),
        Field::Texts(texts) if (1..=IDS_MAX).contains(&texts.len()) => {
            let ids: Result<Vec<_>, _> = texts.iter().map(|text| Uuid::try_parse(text)).collect();
            ids.map(Some).map_err(|_| broken())
        }
        Field::Text(_) | Field::Number(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => Err(broken()),
    }
}

fn count(field: &Field) -> Result<Option<u64>, ValidationError> {
    match field {
        Field::Absent | Field::Null => Ok(None),
        Field::Number(count) => Ok(Some(*count)),
        Field::Text(_) | Field::Flag(_) | Field::Texts(_) | Field::Other => {
            Err(fault("wrong-type", "must be a whole number from 0 on"))
        }
    }
}

fn ids_hold(field: &Field) -> Result<(), ValidationError> {
    ids(field).map(drop)
}

fn count_holds(field: &Field) -> Result<(), ValidationError> {
    count(field).map(drop)
}

/// A flag.
pub(in crate::routes) fn flag_holds(field: &Field) -> Result<(), ValidationError> {
    match field {
        Field::Absent | Field::Null | Field::Flag(_) => Ok(()),
        Field::Text(_) | Field::Number(_) | Field::Texts(_) | Field::Other => {
            Err(fault("wrong-type", "must be true or false"))
        }
    }
}
