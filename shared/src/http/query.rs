//! Query parameters: each known, each at most once.

use actix_web::{HttpRequest, web};

use super::{
    json::{Field, Members},
    problem::Problem,
};

/// Refuses any parameter.
///
/// # Errors
/// `malformed-request`.
pub fn none(request: &HttpRequest) -> Result<(), Problem> {
    read(request, &[]).map(drop)
}

/// Reads the parameters.
///
/// # Errors
/// `malformed-request` for one that is not known, or is there twice.
pub fn read(request: &HttpRequest, known: &[&str]) -> Result<Members, Problem> {
    let pairs = web::Query::<Vec<(String, String)>>::from_query(request.query_string())
        .map_err(|_| Problem::malformed("The query cannot be read."))?
        .into_inner();
    of_pairs(pairs, known)
}

/// Reads parameters that were taken apart already.
///
/// # Errors
/// `malformed-request` for one that is not known, or is there twice.
pub fn of_pairs(pairs: Vec<(String, String)>, known: &[&str]) -> Result<Members, Problem> {
    let mut seen: Vec<String> = Vec::new();
    for (name, _) in &pairs {
        if !known.contains(&name.as_str()) {
            return Err(unknown(known));
        }
        if seen.contains(name) {
            return Err(Problem::malformed(format!(
                "The query parameter {name} is there twice."
            )));
        }
        seen.push(name.clone());
    }
    Ok(Members::from_pairs(
        pairs.into_iter().map(|(name, value)| (name, Field::Text(value))),
    ))
}

fn unknown(known: &[&str]) -> Problem {
    if known.is_empty() {
        return Problem::malformed("This request takes no query parameters.");
    }
    Problem::malformed(format!(
        "A query parameter is not known; known here are {}.",
        known.join(", ")
    ))
}
