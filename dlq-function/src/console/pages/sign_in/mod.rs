//! `/sign-in` and `/sign-out`: how people come in and go.

use actix_web::web::ServiceConfig;

pub(super) fn routes(_: &mut ServiceConfig) {}
