//! Replays of many. One file per endpoint.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{StatusCode, header},
};
use shared::http::problem::Problem;
use uuid::Uuid;

use super::{Desk, problem};
use crate::{actions::ActionError, replays::ReplayView};

pub(crate) mod get;
pub(crate) mod list;
pub(crate) mod resume;
pub(crate) mod start;
pub(crate) mod stop;

/// How soon to look again at a replay that runs, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

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
