//! The pages, a folder each.

use std::fmt::Display;

use actix_web::{
    HttpResponse, Resource,
    http::header::{ALLOW, HeaderValue},
    web::{self, ServiceConfig},
};
use shared::http::{access::Scope, edge};
use uuid::Uuid;

use super::{Trouble, Visit};

mod audit;
mod commands;
mod contacts;
mod dead_letters;
mod dead_of;
mod inbox;
mod overview;
mod preferences;
mod replays;
mod sign_in;

pub(super) const OVERVIEW: &str = "/";
pub(super) const INBOX: &str = "/inbox";
pub(super) const DEAD_LETTERS: &str = "/dead-letters";
pub(super) const REPLAYS: &str = "/replays";
pub(super) const REPLAYS_NEW: &str = "/replays/new";
pub(super) const CONTACTS: &str = "/contacts";
pub(super) const COMMANDS: &str = "/commands";
pub(super) const AUDIT: &str = "/audit";
pub(super) const PREFERENCES: &str = "/preferences";
pub(super) const SIGN_IN: &str = "/sign-in";
pub(super) const SIGN_IN_AT_ISSUER: &str = "/sign-in/issuer";
pub(super) const SIGN_IN_CALLBACK: &str = "/sign-in/callback";
pub(super) const SIGN_OUT: &str = "/sign-out";

/// The parameter that says where a page of a list starts.
pub(super) const CURSOR: &str = "cursor";
/// The rows of a page of a long list.
const ROWS: u64 = 50;

/// Whoever writes may follow what becomes of it, and so may whoever reads what it has changed.
pub(super) const FOLLOWERS: [Scope; 2] = [Scope::ContactsRead, Scope::ContactsWrite];

/// The routes of all pages.
pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .configure(overview::routes)
        .configure(inbox::routes)
        .configure(dead_letters::routes)
        .configure(replays::routes)
        .configure(contacts::routes)
        .configure(commands::routes)
        .configure(audit::routes)
        .configure(preferences::routes)
        .configure(sign_in::routes);
}

/// The answer to a path that is neither a page nor of the API.
pub(crate) fn no_such_page(visit: &Visit) -> HttpResponse {
    visit.answer(Err(Trouble::Missing))
}

/// A path with a query.
pub(super) fn path_with(path: &str, pairs: &[(&str, &str)]) -> String {
    if pairs.is_empty() {
        return path.to_owned();
    }
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish();
    format!("{path}?{query}")
}

/// The page of a dead letter.
fn letter_path(id: impl Display) -> String {
    format!("{DEAD_LETTERS}/{id}")
}

/// The page of a replay.
fn replay_path(id: impl Display) -> String {
    format!("{REPLAYS}/{id}")
}

/// The page of a contact.
fn contact_path(id: impl Display) -> String {
    format!("{CONTACTS}/{id}")
}

/// The page of a command.
fn command_path(id: impl Display) -> String {
    format!("{COMMANDS}/{id}")
}

/// The id of a dead letter or a replay in a path. What is no UUID names nothing.
fn id(text: &str) -> Result<Uuid, Trouble> {
    Uuid::try_parse(text).map_err(|_| Trouble::Missing)
}

/// A resource of ours: whoever asks it for something else, such as to read anew what a form had led to, gets a page that says
/// so.
fn resource(path: &'static str, allowed: &'static str) -> Resource {
    web::resource(path).default_service(web::to(move |visit: Visit| async move {
        let mut response = visit.answer(Err(edge::method_not_allowed(allowed).into()));
        response
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static(allowed));
        response
    }))
}

/// A page that is read.
fn page<F, Args>(config: &mut ServiceConfig, path: &'static str, get: F)
where
    F: actix_web::Handler<Args, Output = HttpResponse> + Clone,
    Args: actix_web::FromRequest + 'static,
{
    config.service(resource(path, "GET, HEAD").get(get.clone()).head(get));
}

/// Something that a page asks to be done.
fn act<F, Args>(config: &mut ServiceConfig, path: &'static str, post: F)
where
    F: actix_web::Handler<Args, Output = HttpResponse>,
    Args: actix_web::FromRequest + 'static,
{
    config.service(resource(path, "POST").post(post));
}
