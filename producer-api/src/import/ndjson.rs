//! NDJSON: a JSON object a line, with the members that `POST /v1/contacts` takes.
//!
//! What our own export says besides is known and ignored, so that an export can be imported.

use std::io::{self, BufRead};

use shared::http::{
    json::{Field, Members},
    problem::Fault,
};

use super::{
    MAX_ROW_BYTES, Row, canonical,
    lines::{Line, Lines},
    too_large,
};

/// Members of an exported contact that are not input.
const IGNORED: [&str; 5] = ["id", "areaCode", "state", "createdAt", "updatedAt"];

pub(super) struct NdjsonRows<B>(Lines<B>);

impl<B: BufRead> NdjsonRows<B> {
    pub(super) fn new(body: B) -> Self {
        Self(Lines::new(body, MAX_ROW_BYTES))
    }

    /// The next row.
    pub(super) fn next(&mut self) -> io::Result<Option<Row>> {
        loop {
            match self.0.read()? {
                Line::End => return Ok(None),
                Line::TooLong => return Ok(Some(Row::refused(self.0.number, too_large(MAX_ROW_BYTES)))),
                Line::Whole if self.0.text.iter().all(u8::is_ascii_whitespace) => {}
                Line::Whole => return Ok(Some(row(self.0.number, &self.0.text))),
            }
        }
    }
}

fn row(number: u64, line: &[u8]) -> Row {
    let canonical = canonical(&[line]);
    let refused = |fault| Row {
        line: number,
        canonical: canonical.clone(),
        contact: Err(vec![fault]),
    };
    let Ok(mut members) = Members::read(line) else {
        return refused(Fault::new(
            "",
            "malformed",
            "must be one JSON object in UTF-8, with each member once",
        ));
    };
    if !matches!(members.take("deletedAt"), Field::Absent | Field::Null) {
        return refused(Fault::new(
            "/deletedAt",
            "deleted-contact",
            "is a deleted contact, which has no data",
        ));
    }
    for name in IGNORED {
        members.take(name);
    }
    Row::of_members(number, canonical, members)
}
