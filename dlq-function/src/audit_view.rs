//! The audit as it is shown.

use serde::Serialize;
use serde_json::Value;
use shared::{
    http::openapi::schema::{TimeText, UuidText, or_null},
    store::audit::Entry,
    wire::rfc3339,
};
use utoipa::ToSchema;

use crate::openapi::schemas::{ActText, AuditText, CountNumber, PrincipalText, selected};

/// An act of a person.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = AuditEntry)]
pub(crate) struct AuditView {
    #[schema(value_type = UuidText, inline)]
    pub(crate) id: String,
    #[schema(value_type = TimeText, inline)]
    pub(crate) at: String,
    /// Who; `null` where nobody had to say who they are.
    #[schema(schema_with = or_null::<PrincipalText>, required = true)]
    pub(crate) principal: Option<String>,
    #[schema(value_type = ActText, inline)]
    pub(crate) action: &'static str,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) dead_letter_id: Option<String>,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) replay_id: Option<String>,
    #[schema(schema_with = selected, required = true)]
    pub(crate) selection: Option<Value>,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) count: u32,
    /// How it stood before: a state, or which fields were changed.
    #[schema(schema_with = or_null::<AuditText>, required = true)]
    pub(crate) before: Option<String>,
    /// How it stood after.
    #[schema(schema_with = or_null::<AuditText>, required = true)]
    pub(crate) after: Option<String>,
}

impl From<&Entry> for AuditView {
    fn from(entry: &Entry) -> Self {
        let selection = entry.selection.as_deref();
        Self {
            id: entry.id.to_string(),
            at: rfc3339(entry.at),
            principal: (!entry.principal.is_empty()).then(|| entry.principal.clone()),
            action: entry.act.as_str(),
            dead_letter_id: entry.dead_letter.map(|id| id.to_string()),
            replay_id: entry.replay.map(|id| id.to_string()),
            selection: selection.and_then(|selection| serde_json::from_str(selection).ok()),
            count: entry.count,
            before: entry.before.clone(),
            after: entry.after.clone(),
        }
    }
}
