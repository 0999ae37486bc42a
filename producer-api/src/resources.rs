//! The resources as they stand in JSON.

use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;
use shared::{
    domain::{AreaCode, CommandId, ContactId, Life, Phone, State},
    http::{
        openapi::{
            ProblemSchema,
            schema::{OperationText, TimeText, UuidText, list, or_null},
        },
        page,
        problem::{Document, Problem},
    },
    store::{
        commands::CommandRecord,
        contacts::Contact,
        duplicates::{Group, MAX_MEMBERS},
    },
    wire::{CommandStatus, rfc3339},
};
use utoipa::{ToSchema, openapi::schema::ArrayBuilder};

use crate::{
    accept::Accepted,
    openapi::schemas::{
        AreaCodeText, AttemptsNumber, EmailText, GroupCountNumber, NameText, PathText, PhoneText,
        SharedFieldText, StateText, StatusText,
    },
    server::{COMMANDS, CONTACTS},
};

/// A contact.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Contact)]
pub struct ContactView {
    #[schema(value_type = UuidText, inline)]
    id: String,
    #[schema(schema_with = or_null::<NameText>, required = true)]
    name: Option<String>,
    #[schema(schema_with = or_null::<PhoneText>, required = true)]
    phone: Option<String>,
    #[schema(schema_with = or_null::<AreaCodeText>, required = true)]
    area_code: Option<String>,
    #[schema(schema_with = or_null::<StateText>, required = true)]
    state: Option<&'static str>,
    #[schema(schema_with = or_null::<EmailText>, required = true)]
    email: Option<String>,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    created_at: Option<String>,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    updated_at: Option<String>,
}

impl From<&Contact> for ContactView {
    fn from(contact: &Contact) -> Self {
        let state = &contact.state;
        let phone = state.phone.value.as_ref();
        Self {
            id: state.id.to_string(),
            name: state.name.value.as_ref().map(|name| name.as_str().to_owned()),
            phone: phone.map(|phone| phone.as_str().to_owned()),
            area_code: phone.and_then(Phone::area_code).as_ref().map(AreaCode::to_string),
            state: phone.and_then(Phone::state).map(State::as_str),
            email: state.email.value.as_ref().map(|email| email.as_str().to_owned()),
            created_at: contact.created_at.map(rfc3339),
            updated_at: contact.updated_at.map(rfc3339),
        }
    }
}

/// What `updatedSince` tells of a deleted contact.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeletedContact)]
pub struct TombstoneView {
    #[schema(value_type = UuidText, inline)]
    id: String,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    deleted_at: Option<String>,
}

/// An element of a page of contacts.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(untagged)]
pub enum ContactItem {
    /// A contact.
    Contact(ContactView),
    /// A deleted one.
    Tombstone(TombstoneView),
}

impl From<&Contact> for ContactItem {
    fn from(contact: &Contact) -> Self {
        match contact.state.life {
            Life::Deleted => Self::Tombstone(TombstoneView {
                id: contact.state.id.to_string(),
                deleted_at: contact.deleted_at.map(rfc3339),
            }),
            Life::Born(_) | Life::Unborn => Self::Contact(contact.into()),
        }
    }
}

/// Contacts that share a value.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Duplicates)]
pub struct DuplicatesView {
    #[schema(value_type = SharedFieldText, inline)]
    by: &'static str,
    #[schema(value_type = GroupCountNumber, inline)]
    count: u64,
    #[schema(schema_with = members)]
    contacts: Vec<ContactView>,
}

impl DuplicatesView {
    /// A group of contacts that share what this word names.
    pub fn new(by: &'static str, group: &Group) -> Self {
        Self {
            by,
            count: group.count,
            contacts: group.contacts.iter().map(ContactView::from).collect(),
        }
    }
}

fn members() -> ArrayBuilder {
    list::<ContactView>(MAX_MEMBERS)
        .min_items(Some(2))
        .description(Some("The oldest of them."))
}

/// A page.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PageView<T> {
    /// The elements.
    pub items: Vec<T>,
    /// Where the next page starts, if there is one.
    pub next_cursor: Option<String>,
    /// Where the page before starts; only in answers that have no `Link`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_cursor: Option<String>,
}

impl<T: Serialize> PageView<T> {
    /// The answer with a page of a list that goes one way.
    pub fn onwards(request: &HttpRequest, items: Vec<T>, next_cursor: Option<String>) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        if let Some(links) = page::links(request, next_cursor.as_deref(), None) {
            response.insert_header(links);
        }
        response.json(Self {
            items,
            next_cursor,
            prev_cursor: None,
        })
    }
}

/// A command. While it is pending, what only its record would tell is `null`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Command)]
pub struct CommandView {
    #[schema(value_type = UuidText, inline)]
    id: String,
    #[schema(schema_with = or_null::<OperationText>, required = true)]
    operation: Option<&'static str>,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    contact_id: Option<String>,
    #[schema(value_type = StatusText, inline)]
    status: &'static str,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    accepted_at: Option<String>,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    finished_at: Option<String>,
    #[schema(schema_with = or_null::<AttemptsNumber>, required = true)]
    attempts: Option<u32>,
    #[schema(schema_with = or_null::<ProblemSchema>, required = true)]
    problem: Option<Document>,
    #[schema(inline)]
    links: CommandLinks,
}

#[derive(Clone, Debug, Serialize, ToSchema)]
struct CommandLinks {
    #[serde(rename = "self")]
    #[schema(value_type = PathText, inline)]
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = PathText, inline, required = false)]
    contact: Option<String>,
}

impl CommandView {
    /// A command of which only the id is known.
    pub fn issued(id: CommandId, issued_at: Option<String>) -> Self {
        Self {
            id: id.to_string(),
            operation: None,
            contact_id: None,
            status: status_word(CommandStatus::Pending),
            accepted_at: issued_at,
            finished_at: None,
            attempts: None,
            problem: None,
            links: CommandLinks {
                command: command_path(id),
                contact: None,
            },
        }
    }
}

impl From<&Accepted> for CommandView {
    fn from(accepted: &Accepted) -> Self {
        let mut view = Self::issued(accepted.id, Some(rfc3339(accepted.accepted_at)));
        view.operation = Some(accepted.operation.as_str());
        view.contact_id = Some(accepted.contact_id.to_string());
        view.links.contact = Some(contact_path(accepted.contact_id));
        view
    }
}

impl From<&CommandRecord> for CommandView {
    fn from(record: &CommandRecord) -> Self {
        let problem = match record.status {
            CommandStatus::Rejected(rejection) => {
                let occurrence = format!("urn:uuid:{}", record.id);
                Some(Problem::rejection(rejection, record.id).document(occurrence, None))
            }
            CommandStatus::Pending
            | CommandStatus::Applied
            | CommandStatus::Superseded
            | CommandStatus::DeadLettered => None,
        };
        Self {
            operation: Some(record.operation.as_str()),
            contact_id: Some(record.contact_id.to_string()),
            status: status_word(record.status),
            finished_at: Some(rfc3339(record.finished_at)),
            attempts: Some(record.attempts),
            problem,
            links: CommandLinks {
                command: command_path(record.id),
                contact: Some(contact_path(record.contact_id)),
            },
            ..Self::issued(record.id, Some(rfc3339(record.accepted_at)))
        }
    }
}

/// The word of a status.
pub fn status_word(status: CommandStatus) -> &'static str {
    match status {
        CommandStatus::Pending => "pending",
        CommandStatus::Applied => "applied",
        CommandStatus::Superseded => "superseded",
        CommandStatus::Rejected(_) => "rejected",
        CommandStatus::DeadLettered => "deadLettered",
    }
}

/// Where a command is found.
pub fn command_path(id: CommandId) -> String {
    format!("{COMMANDS}/{id}")
}

/// Where a contact is found.
pub fn contact_path(id: ContactId) -> String {
    format!("{CONTACTS}/{id}")
}
