//! Replays of many. One file per endpoint.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use shared::{
    http::{json::Field, problem::Problem},
    store::replays::ReplayPosition,
};
use uuid::Uuid;

use super::{Desk, paging, problem};
use crate::{actions::ActionError, replays::ReplayView};

pub(crate) mod get;
pub(crate) mod items;
pub(crate) mod list;
pub(crate) mod resume;
pub(crate) mod start;
pub(crate) mod stop;

/// How soon to look again at a replay that runs, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// What the cursors of the list are for.
const LIST: &str = "replays";

/// The replay after which the page of a cursor starts; `None` for the first page.
///
/// # Errors
/// `malformed-request` if the cursor was not made for this list.
pub(crate) fn after(desk: &Desk, cursor: &Field) -> Result<Option<ReplayPosition>, Problem> {
    let after = paging::after(desk, cursor, LIST)?;
    Ok(after.map(|(created_at, id)| ReplayPosition { created_at, id }))
}

/// The cursor of the page that starts after a replay.
pub(crate) fn cursor(desk: &Desk, next: ReplayPosition) -> String {
    paging::cursor(desk, (next.created_at, next.id), LIST)
}

/// The id in a path. What is no UUID names no replay.
fn id(text: &str) -> Result<Uuid, Problem> {
    Uuid::try_parse(text).map_err(|_| problem(ActionError::NoReplay))
}

impl Desk {
    /// A replay as it stands.
    async fn replay(&self, id: Uuid) -> Result<ReplayView, Problem> {
        let actions = self.actions.clone();
        let read = async move { actions.replay_progress(id).await };
        let found = self.runtime.run(read).await;
        let found = found.map_err(|error| Problem::store(&error))?;
        found.ok_or_else(|| problem(ActionError::NoReplay))
    }
}

fn answer(status: StatusCode, view: &ReplayView) -> HttpResponse {
    let mut response = HttpResponseBuilder::new(status);
    if view.goes_on() {
        response.insert_header((header::RETRY_AFTER, RETRY_AFTER_SECONDS));
    }
    response.json(view)
}
