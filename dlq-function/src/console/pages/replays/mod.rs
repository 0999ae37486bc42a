//! `/replays`: the dry run of a replay of many, its beginning, its progress.

use actix_web::web::ServiceConfig;

pub(super) fn routes(_: &mut ServiceConfig) {}
