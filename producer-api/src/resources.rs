//! The resources as they stand in JSON.

use serde::Serialize;
use shared::{
    domain::{CommandId, ContactId},
    http::{
        contact::ContactView,
        openapi::{
            ProblemSchema,
            schema::{OperationText, TimeText, UuidText, list, or_null},
        },
        problem::{Document, Problem},
    },
    store::{
        commands::CommandRecord,
        duplicates::{Group, MAX_MEMBERS},
    },
    wire::{CommandStatus, rfc3339},
};
use utoipa::{ToSchema, openapi::schema::ArrayBuilder};

use crate::{
    accept::Accepted,
    openapi::schemas::{AttemptsNumber, GroupCountNumber, PathText, SharedFieldText, StatusText},
    server::{COMMANDS, CONTACTS},
};

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
            status: CommandStatus::Pending.as_str(),
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
            status: record.status.as_str(),
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

/// Where a command is found.
pub fn command_path(id: CommandId) -> String {
    format!("{COMMANDS}/{id}")
}

/// Where a contact is found.
pub fn contact_path(id: ContactId) -> String {
    format!("{CONTACTS}/{id}")
}
