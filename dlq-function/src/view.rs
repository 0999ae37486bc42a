//! Dead letters as they are shown: JSON for programs, personal data masked but in what was asked for in the clear.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::Serialize;
use serde_json::Value;
use shared::{
    domain::{ContactId, Email, Life, Name, Phone},
    http::openapi::schema::{OperationText, TimeText, UuidText, or_null},
    store::{
        commands::CommandRecord,
        contacts::Contact,
        dead_letters::{Sending, StoredDeadLetter},
    },
    wire::rfc3339,
};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::{
    actions::{EditPreview, FieldChange, Prediction, Revealed},
    masking,
    openapi::schemas::{
        BodyBase64Text, BodyText, CountNumber, DetailText, EndedText, FieldChanges, GroupText, LifeText,
        MaskedText, NewerCommands, ReasonText, Sendings, SizeNumber, StateText, TraceIdText, WordText,
        history, masked_body, replaces,
    },
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
    /// Whether its payload is encrypted with a key that the service does not have.
    pub(crate) locked: bool,
    /// The message with its personal data masked; `null` if it is not JSON, erased or locked.
    #[schema(schema_with = masked_body, required = true)]
    pub(crate) masked_body: Option<Value>,
    /// The W3C trace that the request was part of.
    #[schema(schema_with = or_null::<TraceIdText>, required = true)]
    pub(crate) trace_id: Option<String>,
    /// The contact as it is now; `null` if it could not be read whose command it is.
    #[schema(schema_with = or_null::<ContactNow>, required = true)]
    pub(crate) contact: Option<ContactNow>,
    #[schema(value_type = NewerCommands, inline)]
    pub(crate) newer: Vec<NewerCommand>,
    /// What a replay would come to now.
    pub(crate) replay_would: Prediction,
    /// Every dead letter of the same command, oldest first.
    #[schema(schema_with = history, required = true)]
    pub(crate) history: Vec<DeadLetterView>,
    #[schema(value_type = Sendings, inline)]
    pub(crate) replays: Vec<SendingView>,
    /// The corrected dead letter that was sent in its place.
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) replaced_by: Option<String>,
    /// The dead letters in whose place this one was sent.
    #[schema(schema_with = replaces, required = true)]
    pub(crate) replaces: Vec<String>,
}

/// A contact as it is now, personal data masked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContactNow {
    #[schema(value_type = UuidText, inline)]
    pub(crate) id: String,
    #[schema(value_type = LifeText, inline)]
    pub(crate) life: &'static str,
    #[schema(schema_with = or_null::<MaskedText>, required = true)]
    pub(crate) name: Option<String>,
    #[schema(schema_with = or_null::<MaskedText>, required = true)]
    pub(crate) phone: Option<String>,
    #[schema(schema_with = or_null::<MaskedText>, required = true)]
    pub(crate) email: Option<String>,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    pub(crate) updated_at: Option<String>,
}

/// A command that has ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub(crate) struct NewerCommand {
    #[schema(value_type = UuidText, inline)]
    pub(crate) id: String,
    #[schema(value_type = OperationText, inline)]
    pub(crate) operation: &'static str,
    #[schema(value_type = EndedText, inline)]
    pub(crate) status: &'static str,
    #[schema(value_type = TimeText, inline)]
    pub(crate) finished_at: String,
}

/// That a dead letter was sent again.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Sending)]
pub(crate) struct SendingView {
    #[schema(value_type = TimeText, inline)]
    pub(crate) at: String,
    #[schema(value_type = WordText, inline)]
    pub(crate) by: String,
    /// In which replay of many; `null` if it was sent by itself.
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) replay_id: Option<String>,
    /// Whether what was sent is a correction.
    pub(crate) corrected: bool,
}

/// Who somebody is may be personal data.
impl std::fmt::Debug for SendingView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SendingView({} {:?})", self.at, self.replay_id)
    }
}

/// What a correction would change, and what sending it would come to.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Correction)]
pub(crate) struct CorrectionView {
    #[schema(value_type = FieldChanges, inline)]
    pub(crate) changes: Vec<FieldChange>,
    /// What sending the corrected one would come to now.
    pub(crate) replay_would: Prediction,
}

/// A correction that was sent.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Corrected)]
pub(crate) struct CorrectedView {
    #[serde(flatten)]
    pub(crate) correction: CorrectionView,
    /// The corrected dead letter.
    pub(crate) dead_letter: DeadLetterDetail,
}

/// A message in the clear: as text if it is UTF-8, else in base64.
#[derive(Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Revealed)]
pub(crate) struct RevealedView {
    #[schema(value_type = UuidText, inline)]
    id: String,
    #[schema(value_type = WordText, inline)]
    content_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BodyText, inline, required = false)]
    body: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = BodyBase64Text, inline, required = false)]
    body_base64: Option<String>,
}

/// Only its length is shown.
impl std::fmt::Debug for RevealedView {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevealedView({})", self.id)
    }
}

impl RevealedView {
    pub(crate) fn new(id: Uuid, revealed: Revealed) -> Self {
        let (body, body_base64) = match String::from_utf8(revealed.payload.0) {
            Ok(text) => (Some(text), None),
            Err(error) => (None, Some(BASE64.encode(error.as_bytes()))),
        };
        Self {
            id: id.to_string(),
            content_type: revealed.content_type,
            body,
            body_base64,
        }
    }
}

impl From<EditPreview> for CorrectionView {
    fn from(preview: EditPreview) -> Self {
        Self {
            changes: preview.changes,
            replay_would: preview.replay_would,
        }
    }
}

impl ContactNow {
    /// Every word that says where a contact is in its life.
    pub(crate) const LIVES: [&str; 4] = ["born", "unborn", "deleted", "unknown"];

    /// How a contact stands; `None` if it has no row.
    pub(crate) fn new(id: ContactId, contact: Option<&Contact>) -> Self {
        let state = contact.map(|contact| &contact.state);
        let name = state.and_then(|state| state.name.value.as_ref());
        let phone = state.and_then(|state| state.phone.value.as_ref());
        let email = state.and_then(|state| state.email.value.as_ref());
        let [born, unborn, deleted, unknown] = Self::LIVES;
        Self {
            id: id.to_string(),
            life: match state.map(|state| state.life) {
                Some(Life::Born(_)) => born,
                Some(Life::Unborn) => unborn,
                Some(Life::Deleted) => deleted,
                None => unknown,
            },
            name: name.map(Name::as_str).map(masking::name),
            phone: phone.map(Phone::as_str).map(masking::phone),
            email: email.map(Email::as_str).map(masking::email),
            updated_at: contact.and_then(|contact| contact.updated_at).map(rfc3339),
        }
    }
}

impl From<&CommandRecord> for NewerCommand {
    fn from(record: &CommandRecord) -> Self {
        Self {
            id: record.id.to_string(),
            operation: record.operation.as_str(),
            status: record.status.as_str(),
            finished_at: rfc3339(record.finished_at),
        }
    }
}

impl From<Sending> for SendingView {
    fn from(sending: Sending) -> Self {
        Self {
            at: rfc3339(sending.at),
            by: sending.principal,
            replay_id: sending.replay.map(|id| id.to_string()),
            corrected: sending.corrected,
        }
    }
}

/// The trace id in a `traceparent` (W3C Trace Context, section 3.2.2.3), unless that is not well-formed.
pub(crate) fn trace_id(traceparent: &str) -> Option<String> {
    let hexadecimal = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    let mut parts = traceparent.split('-');
    let (version, id) = (parts.next()?, parts.next()?);
    let well_formed = version.len() == 2 && hexadecimal(version) && id.len() == 32 && hexadecimal(id);
    (well_formed && id.bytes().any(|byte| byte != b'0')).then(|| id.to_owned())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_ids_are_those_of_well_formed_traces() {
        let id = "4bf92f3577b34da6a3ce929d0e0e4736";
        assert_eq!(
            trace_id(&format!("00-{id}-00f067aa0ba902b7-01")).as_deref(),
            Some(id)
        );
        let none = "0".repeat(32);
        for odd in [
            "",
            "00",
            "00-ana",
            &format!("00-{none}-1-01"),
            &format!("ana-{id}-1-01"),
            id,
        ] {
            assert_eq!(trace_id(odd), None, "{odd}");
        }
        assert_eq!(trace_id(&format!("00-{}-1-01", id.to_uppercase())), None);
    }
}
