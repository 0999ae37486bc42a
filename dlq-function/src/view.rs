//! Dead letters as they are shown: JSON for programs, without personal data.

use serde::Serialize;
use serde_json::Value;
use shared::{
    http::openapi::schema::{OperationText, TimeText, UuidText, or_null},
    store::dead_letters::StoredDeadLetter,
    wire::rfc3339,
};
use utoipa::ToSchema;

use crate::openapi::schemas::{
    CountNumber, DetailText, GroupText, ReasonText, SizeNumber, StateText, WordText, history, masked_body,
};

/// A dead letter in a list.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = DeadLetter)]
pub(crate) struct DeadLetterView {
    #[schema(value_type = UuidText, inline)]
    pub(crate) id: String,
    #[schema(value_type = ReasonText, inline)]
    pub(crate) reason: &'static str,
    #[schema(value_type = DetailText, inline)]
    pub(crate) detail: String,
    #[schema(value_type = StateText, inline)]
    pub(crate) state: &'static str,
    #[schema(schema_with = or_null::<OperationText>, required = true)]
    pub(crate) operation: Option<&'static str>,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) command_id: Option<String>,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) contact_id: Option<String>,
    #[schema(value_type = GroupText, inline)]
    pub(crate) group: String,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) attempt: u32,
    #[schema(value_type = CountNumber, inline)]
    pub(crate) replay: u32,
    #[schema(value_type = TimeText, inline)]
    pub(crate) failed_at: String,
    #[schema(value_type = TimeText, inline)]
    pub(crate) received_at: String,
    #[schema(value_type = TimeText, inline)]
    pub(crate) state_changed_at: String,
    #[schema(value_type = WordText, inline)]
    pub(crate) worker: String,
    #[schema(schema_with = or_null::<WordText>, required = true)]
    pub(crate) traceparent: Option<String>,
    #[schema(value_type = WordText, inline)]
    pub(crate) content_type: String,
    #[schema(value_type = SizeNumber, inline)]
    pub(crate) body_bytes: u32,
    pub(crate) erased: bool,
}

/// One dead letter with all that is known of it.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DeadLetterDetail {
    #[serde(flatten)]
    pub(crate) letter: DeadLetterView,
    /// The message with its personal data masked; `null` if it is not JSON.
    #[schema(schema_with = masked_body, required = true)]
    pub(crate) masked_body: Option<Value>,
    /// What a replay would come to now.
    pub(crate) replay_would: crate::actions::Prediction,
    /// Every dead letter of the same command, oldest first.
    #[schema(schema_with = history, required = true)]
    pub(crate) history: Vec<DeadLetterView>,
}

impl From<&StoredDeadLetter> for DeadLetterView {
    fn from(stored: &StoredDeadLetter) -> Self {
        let letter = &stored.letter;
        Self {
            id: stored.id.to_string(),
            reason: letter.reason.as_str(),
            detail: letter.detail.clone(),
            state: stored.state.as_str(),
            operation: stored.operation.map(|operation| operation.as_str()),
            command_id: stored.command_id.map(|id| id.to_string()),
            contact_id: stored.contact_id.map(|id| id.to_string()),
            group: stored.fingerprint.clone(),
            attempt: letter.attempt,
            replay: letter.replay,
            failed_at: rfc3339(letter.failed_at),
            received_at: rfc3339(stored.received_at),
            state_changed_at: rfc3339(stored.state_changed_at),
            worker: letter.worker.clone(),
            traceparent: letter.traceparent.clone(),
            content_type: letter.content_type.clone(),
            body_bytes: stored.body_bytes,
            erased: stored.erased,
        }
    }
}
