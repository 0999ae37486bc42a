//! The console: pages for the operator on call, at `/`. It shows and does what the API does, by the same
//! [`actions`](crate::actions), and has no rule of its own.
//!
//! A page is a folder in [`pages`]: its handlers, its template, its texts in both languages. Everything works without scripts;
//! those that there are ([`assets`]) keep numbers fresh, show times in the reader's zone and take shortcuts.
//!
//! **Invariant:** a page is answered by [`Visit::answer`], which sets its policy (nothing from elsewhere, nothing inline) and
//! keeps it out of caches; whatever changes something begins with [`Form::read`], which refuses what another site made the
//! browser send; and who may see or do something is asked of [`Visit::with`].

use std::sync::Arc;

use actix_web::web::{Data, ServiceConfig};
use shared::{clock::Clock, domain::IdKey, http::access::Access, role::Parts, settings::Settings};

mod address;
mod assets;
mod filters;
mod form;
mod issuer;
mod language;
mod layout;
mod notice;
pub(crate) mod operators;
mod pages;
mod plots;
mod reasons;
mod refusals;
mod rules;
mod selections;
pub(crate) mod sessions;
mod tags;
mod times;
mod trouble;
mod visit;
mod ways;
mod words;

pub(crate) use pages::no_such_page;
pub(crate) use visit::Visit;

use form::Form;
use language::texts;
use sessions::Sessions;
use trouble::Trouble;
use ways::Ways;

/// What the pages share, besides [`Desk`](crate::routes::Desk).
#[derive(Debug)]
pub(crate) struct Console {
    /// What forgery tokens follow from, and what seals.
    ids: IdKey,
    clock: Clock,
    sessions: Sessions,
    /// How people sign in; `None` where nobody has to.
    ways: Option<Ways>,
    /// Whether only names of this machine are answered to: where nobody signs in, a name of someone else's that leads here
    /// would let their pages read these.
    this_machine_only: bool,
}

impl Console {
    /// The console as the settings say, and who may call its listener.
    ///
    /// # Errors
    /// If the settings are not safe, or say too little; the error says what to set.
    pub(crate) fn at_start(settings: &Settings, parts: &Parts) -> anyhow::Result<(Self, Access)> {
        let (access, ways) = ways::at_start(settings)?;
        let operators = ways.as_ref().and_then(|ways| ways.operators.clone());
        let sessions = Sessions::new(&settings.dlq_function.console, parts, operators);
        let access = access.with_pages(Arc::new(sessions.clone()));
        let console = Self {
            ids: parts.id_key.clone(),
            clock: parts.clock.clone(),
            sessions,
            ways,
            this_machine_only: access.is_for_this_machine_only(),
        };
        Ok((console, access))
    }
}

/// The routes of the console.
pub(crate) fn routes(console: Data<Console>) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config
            .app_data(console)
            .configure(assets::routes)
            .configure(pages::routes);
    }
}
