//! The API as an OpenAPI document: what its operations have in common. Each operation is described beside its handler.

use actix_web::http::Method;
use shared::{http::openapi::Api, management};

use crate::{
    routes::{commands, contacts, imports},
    server::{
        COMMAND, COMMANDS, CONTACT, CONTACTS, DUPLICATES, EXPORT, IMPORT, IMPORT_BY_ID, IMPORT_REFUSALS,
        SEARCH,
    },
};

pub mod examples;
pub mod parts;
pub mod schemas;

/// The group of the operations on contacts.
pub const CONTACTS_TAG: &str = "contacts";
/// The group of the operations on commands.
pub const COMMANDS_TAG: &str = "commands";
/// The group of the operations on imports.
pub const IMPORTS_TAG: &str = "imports";

const DESCRIPTION: &str = "Keeps contacts behind a queue.

A write is answered **202** once the queue has stored its command, and is applied a moment later, whatever happens to the processes in between; `Location` says where to follow it. Who would rather wait sends `Prefer: wait=5`; who may have to send again sends an `Idempotency-Key`. Reads answer what has been applied. `HEAD` works wherever `GET` does.

Unknown members of a request are refused; clients should tolerate new members of an answer.";

/// The API.
pub fn api() -> Api {
    let operations = vec![
        (Method::POST, CONTACTS, contacts::create::describe()),
        (Method::GET, CONTACTS, contacts::list::describe()),
        (Method::POST, SEARCH, contacts::search::describe()),
        (Method::GET, EXPORT, contacts::export::describe()),
        (Method::GET, DUPLICATES, contacts::duplicates::describe()),
        (Method::GET, CONTACT, contacts::get::describe()),
        (Method::PUT, CONTACT, contacts::replace::describe()),
        (Method::PATCH, CONTACT, contacts::patch::describe()),
        (Method::DELETE, CONTACT, contacts::delete::describe()),
        (Method::GET, COMMANDS, commands::list::describe()),
        (Method::GET, COMMAND, commands::get::describe()),
        (Method::POST, IMPORT, contacts::import::describe()),
        (Method::GET, IMPORT_BY_ID, imports::get::describe()),
        (Method::GET, IMPORT_REFUSALS, imports::refusals::describe()),
        management::describe_health(),
    ];
    Api {
        title: "contato: contacts",
        description: DESCRIPTION,
        tags: &[
            (
                CONTACTS_TAG,
                "People and companies: a name, a phone with its area code, an e-mail address.",
            ),
            (COMMANDS_TAG, "What became of writes."),
            (IMPORTS_TAG, "What became of files of contacts."),
            management::HEALTH_GROUP,
        ],
        operations,
    }
}
