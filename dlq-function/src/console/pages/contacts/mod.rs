//! `/contacts`: search, and one contact with the history of its commands.

use actix_web::web::ServiceConfig;

pub(super) fn routes(_: &mut ServiceConfig) {}
