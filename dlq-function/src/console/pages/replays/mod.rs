//! `/replays`: the dry run of a replay of many, its beginning, its progress, what it came to.

use actix_web::web::ServiceConfig;

use super::{REPLAYS, REPLAYS_NEW, resource};

mod choice;
mod entered;
mod file;
mod follow;
mod items;
mod list;
mod outcomes;
mod plan;
mod turn;

const REPLAY: &str = "/replays/{id}";
const PROGRESS: &str = "/replays/{id}/progress";
const ITEMS: &str = "/replays/{id}/items";
const FILE: &str = "/replays/{id}/items.csv";
const STOP: &str = "/replays/{id}/stop";
const RESUME: &str = "/replays/{id}/resume";

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource(REPLAYS, "GET, HEAD, POST")
                .get(list::show)
                .head(list::show)
                .post(plan::start),
        )
        // Before the path with an id, which would match this word too.
        .service(
            resource(REPLAYS_NEW, "GET, HEAD, POST")
                .get(plan::of_filters)
                .head(plan::of_filters)
                .post(plan::of_ids),
        );
    super::page(config, REPLAY, follow::show);
    super::page(config, PROGRESS, follow::progress);
    super::page(config, ITEMS, items::show);
    super::page(config, FILE, file::download);
    super::act(config, STOP, turn::stop);
    super::act(config, RESUME, turn::resume);
}
