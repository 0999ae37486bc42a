//! Contacts as they are read over HTTP: the resource, which of them a client asks for, and pages of them. producer-api and the
//! custom handler of Azure Functions answer the same.

use serde::Serialize;
use utoipa::ToSchema;

use super::openapi::schema::{TimeText, UuidText, any_text, or_null, text, words};
use crate::{
    domain::{AreaCode, Email, Life, Name, Phone, State},
    schema_types,
    store::contacts::Contact,
    wire::rfc3339,
};

mod page;
mod query;

pub use page::ContactPage;
pub use query::{ContactQuery, FILTERS, MEMBERS, SORTS};

const E164_PATTERN: &str = r"^\+[1-9]\d{1,14}$";

schema_types! {
    /// A name as answers have it.
    NameText = any_text(1, Name::STORED_MAX_CHARS);
    /// A phone as answers have it.
    PhoneText = text(3, 16).pattern(Some(E164_PATTERN)).description(Some("E.164."));
    /// An e-mail address as answers have it.
    EmailText = any_text(1, Email::STORED_MAX_CHARS);
    /// An area code.
    AreaCodeText = words(AreaCode::all().map(|code| code.to_string()))
        .description(Some("A Brazilian area code (DDD); follows from the phone."));
    /// A state.
    StateText = words(State::all().map(State::as_str))
        .description(Some("A Brazilian state (UF); follows from the phone."));
}

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
