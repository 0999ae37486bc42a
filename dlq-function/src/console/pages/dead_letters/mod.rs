//! `/dead-letters`: the list, one dead letter, and what is done to one or many.

use actix_web::web::ServiceConfig;

pub(super) fn routes(_: &mut ServiceConfig) {}
