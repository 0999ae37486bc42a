//! `GET /audit`: who did what.

use actix_web::web::ServiceConfig;

pub(super) fn routes(_: &mut ServiceConfig) {}
