//! The examples of the document. What is answered in them is made by the code that answers.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};
use shared::{
    domain::{ContactState, Email, EmailError, Life, Name, Operation, Phone, Slot},
    http::contact::ContactView,
    store::{
        commands::StatusCounts,
        contacts::Contact,
        imports::{ImportFormat, ImportRecord, ImportRefusal, ImportStatus, Progress},
    },
};

use crate::{accept::Accepted, import::resource::ImportView, resources::CommandView};

/// The contact.
pub const ID: &str = "00d10104-8755-828e-b9e5-681a15e9c6e0";
/// The entity tag of a contact.
pub const ETAG: &str = "\"7aaa029e0879854d0ecff483cb720d29\"";

const COMMAND_ID: &str = "00d10104-8755-828e-ae21-7d7a1c0f4b3d";
const IMPORT_ID: &str = "00d10104-8755-828e-9c21-7d7a3b0f4b3d";
const NAME: &str = "Ana Souza";
const PHONE: &str = "(11) 98765-4321";
const EMAIL: &str = "ana@example.com";
/// 22 November 2026 in the morning, in milliseconds of Unix time.
const TIME_MS: i64 = 1_795_330_477_741;

/// The body of a create or of a replacement.
pub fn new_contact() -> Value {
    json!({ "name": NAME, "phone": PHONE, "email": EMAIL })
}

/// The body of a patch.
pub fn patch() -> Value {
    json!({ "phone": "(21) 2345-6789", "email": null })
}

/// The body of a search.
pub fn search() -> Value {
    json!({ "q": "sou 98765", "areaCode": "11", "limit": 20 })
}

/// A contact.
pub fn contact() -> Value {
    let time = time();
    let contact = Contact {
        state: ContactState {
            id: ID.parse().expect("an id"),
            life: Life::Unborn,
            name: Slot {
                value: Name::parse(NAME).ok(),
                set_by: None,
            },
            phone: Slot {
                value: Phone::parse(PHONE).ok(),
                set_by: None,
            },
            email: Slot {
                value: Email::parse(EMAIL).ok(),
                set_by: None,
            },
        },
        created_at: Some(time),
        updated_at: Some(time),
        deleted_at: None,
    };
    json!(ContactView::from(&contact))
}

/// A command that was accepted.
pub fn command() -> Value {
    json!(CommandView::from(&Accepted {
        id: COMMAND_ID.parse().expect("an id"),
        operation: Operation::Create,
        contact_id: ID.parse().expect("an id"),
        accepted_at: time(),
    }))
}

/// A CSV.
pub fn csv() -> Value {
    json!("nome;telefone;e-mail\r\nAna Souza;(11) 98765-4321;ana@example.com\r\n")
}

/// NDJSON.
pub fn ndjson() -> Value {
    json!(format!("{}\n", new_contact()))
}

/// A vCard.
pub fn vcard() -> Value {
    json!(format!(
        "BEGIN:VCARD\r\nVERSION:4.0\r\nFN:{NAME}\r\nTEL:{PHONE}\r\nEMAIL:{EMAIL}\r\nEND:VCARD\r\n"
    ))
}

/// An import whose commands are applied.
pub fn import() -> Value {
    let end = Progress {
        rows: 2,
        accepted: 1,
        refused: 1,
        faults: 1,
        digest: [0; 32],
    };
    let columns = [("nome", "name"), ("telefone", "phone"), ("e-mail", "email")];
    let record = ImportRecord {
        id: IMPORT_ID.parse().expect("an id"),
        format: ImportFormat::Csv,
        status: ImportStatus::Complete,
        confirmed: end.clone(),
        announced: end,
        columns: columns
            .map(|(header, field)| (header.to_owned(), field.to_owned()))
            .into(),
        ignored_columns: 0,
        started_at: time(),
        updated_at: time(),
        finished_at: Some(time()),
    };
    let outcomes = StatusCounts {
        applied: 1,
        ..StatusCounts::default()
    };
    let refusal = ImportRefusal {
        number: 0,
        line: 3,
        pointer: "/email".to_owned(),
        code: EmailError::Malformed.code().to_owned(),
        detail: EmailError::Malformed.to_string(),
    };
    json!(ImportView::new(&record, outcomes, &[refusal], time()))
}

fn time() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(TIME_MS).expect("a time")
}
