//! Many contacts in one request: a file is read while it comes, and each good row becomes a `create` command.
//!
//! The body goes chunk by chunk ([`body`]) to a thread that cuts it into rows ([`reading`] and the formats), and the rows go to
//! the [`session`], which announces and publishes them window by window. Every queue in between is bounded, so that a
//! file is read as fast as the broker takes it, and no faster.
//!
//! **Invariant:** what is in memory does not depend on the size of the file.

use shared::{
    domain::NewContact,
    http::{
        contact_body::WholeContact,
        json::{Field, Members},
        problem::Fault,
    },
};

pub mod body;
pub mod columns;
pub mod csv;
pub mod encoding;
mod lines;
pub mod media;
mod ndjson;
pub mod reading;
pub mod resource;
pub mod session;
mod vcard;
mod window;

pub use shared::domain::MAX_IMPORT_ROWS;

/// The largest file, in bytes.
pub const MAX_IMPORT_BYTES: u64 = 1024 * 1024 * 1024;
/// The longest row of a CSV, and the longest line of NDJSON, in bytes.
pub const MAX_ROW_BYTES: usize = 64 * 1024;
/// The largest vCard, in bytes: there are photos in them.
pub const MAX_CARD_BYTES: usize = 1024 * 1024;
/// How many imports a process takes at once.
pub const MAX_IMPORTS_AT_ONCE: usize = 4;

/// A row of a file, read: the contact in it, or all that is wrong with it.
pub struct Row {
    /// The line on which it begins, from 1.
    pub line: u64,
    /// What it says, in a form of ours: the same for the same row, another for another.
    pub canonical: Vec<u8>,
    /// The contact, or the faults.
    pub contact: Result<NewContact, Vec<Fault>>,
}

/// The fields of a row as they stand in it; empty ones are absent.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    /// The name.
    pub name: String,
    /// The phone.
    pub phone: String,
    /// The e-mail address.
    pub email: String,
}

impl Row {
    /// A row that cannot be read.
    fn refused(line: u64, fault: Fault) -> Self {
        Self {
            line,
            canonical: canonical(&[fault.code.as_bytes()]),
            contact: Err(vec![fault]),
        }
    }

    fn of_fields(line: u64, fields: Fields) -> Self {
        let canonical = canonical(&[
            fields.name.as_bytes(),
            fields.phone.as_bytes(),
            fields.email.as_bytes(),
        ]);
        let pairs = [
            ("name", fields.name),
            ("phone", fields.phone),
            ("email", fields.email),
        ];
        let there = pairs.into_iter().filter(|(_, text)| !text.is_empty());
        let members = there.map(|(name, text)| (name.to_owned(), Field::Text(text)));
        Self::of_members(line, canonical, Members::from_pairs(members))
    }

    fn of_members(line: u64, canonical: Vec<u8>, members: Members) -> Self {
        Self {
            line,
            canonical,
            contact: WholeContact::read(members).map_err(|problem| problem.faults().to_vec()),
        }
    }
}

/// Parts with their lengths, so that no two lists of them are the same bytes.
fn canonical(parts: &[&[u8]]) -> Vec<u8> {
    let with_length = |part: &&[u8]| [&(part.len() as u64).to_be_bytes(), *part].concat();
    parts.iter().flat_map(with_length).collect()
}

fn too_large(max_bytes: usize) -> Fault {
    Fault {
        pointer: String::new(),
        code: "row-too-large".into(),
        detail: format!("must have at most {max_bytes} bytes").into(),
    }
}

fn invalid_encoding() -> Fault {
    Fault::new(
        "",
        "invalid-encoding",
        "is not in the character encoding of the file",
    )
}
