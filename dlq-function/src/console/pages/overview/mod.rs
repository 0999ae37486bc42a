//! `GET /`: how things stand: rates, what waits and for how long, and whether the parts work.

use actix_web::web::ServiceConfig;

pub(super) fn routes(_: &mut ServiceConfig) {}
