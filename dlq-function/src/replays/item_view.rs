//! A dead letter of a replay as it is shown.

use serde::Serialize;
use shared::{
    http::openapi::schema::{TimeText, UuidText, or_null},
    store::replays::{Refusal, ReplayedItem},
    wire::rfc3339,
};
use utoipa::ToSchema;

use crate::openapi::schemas::{CountNumber, ItemRefusalText, ItemStateText};

/// What became of a dead letter of a replay.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = ReplayItem)]
pub(crate) struct ItemView {
    /// Its place, from 1, in the order in which they are sent.
    #[schema(value_type = CountNumber, inline)]
    pub(crate) position: u32,
    #[schema(value_type = UuidText, inline)]
    pub(crate) dead_letter_id: String,
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) command_id: Option<String>,
    /// What became of it, as `counts` of the replay has it.
    #[schema(value_type = ItemStateText, inline)]
    pub(crate) state: &'static str,
    /// Why it was not sent.
    #[schema(schema_with = or_null::<ItemRefusalText>, required = true)]
    pub(crate) refusal: Option<&'static str>,
    /// The dead letter that it has become, if it failed again.
    #[schema(schema_with = or_null::<UuidText>, required = true)]
    pub(crate) failed_again_as: Option<String>,
    #[schema(schema_with = or_null::<TimeText>, required = true)]
    pub(crate) sent_at: Option<String>,
}

impl ItemView {
    /// The names of its members, in order, for a file.
    pub(crate) const NAMES: [&str; 7] = [
        "position",
        "deadLetterId",
        "commandId",
        "state",
        "refusal",
        "failedAgainAs",
        "sentAt",
    ];
}

impl From<&ReplayedItem> for ItemView {
    fn from(item: &ReplayedItem) -> Self {
        Self {
            position: item.position,
            dead_letter_id: item.dead_letter.to_string(),
            command_id: item.command.map(|id| id.to_string()),
            state: item.state.as_str(),
            refusal: item.refusal.map(Refusal::as_str),
            failed_again_as: item.failure.map(|id| id.to_string()),
            sent_at: item.sent_at.map(rfc3339),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_members() {
        let item = ReplayedItem {
            position: 1,
            dead_letter: uuid::Uuid::nil(),
            command: None,
            state: shared::store::replays::ItemState::Waiting,
            refusal: None,
            failure: None,
            sent_at: None,
        };
        let text = serde_json::to_string(&ItemView::from(&item)).unwrap();
        let places = ItemView::NAMES.map(|name| text.find(&format!("\"{name}\":")).expect(name));
        assert!(places.is_sorted(), "{text}");
        assert_eq!(text.matches("\":").count(), ItemView::NAMES.len());
    }
}
