//! The console: pages for the operator on call, at `/`. It shows and does what the API does, by the same
//! [`actions`](crate::actions), and has no rule of its own.
//!
//! A page is a folder in [`pages`]: its handlers, its template, its texts in both languages. Everything works without scripts;
//! those that there are ([`assets`]) keep numbers fresh, show times in the reader's zone and take shortcuts.
//!
//! **Invariant:** a page is answered by [`Visit::answer`], which sets its policy (nothing from elsewhere, nothing inline) and
//! keeps it out of caches; whatever changes something begins with [`Form::read`], which refuses what another site made the
//! browser send; and who may see or do something is asked of [`Visit::with`].

use actix_web::web::{Data, ServiceConfig};
use shared::domain::IdKey;

mod assets;
mod figures;
mod filters;
mod form;
mod language;
mod layout;
mod notice;
mod pages;
mod refusals;
mod times;
mod trouble;
mod visit;
mod words;

pub(crate) use pages::no_such_page;
pub(crate) use visit::Visit;

use form::Form;
use language::texts;
use trouble::Trouble;

/// What the pages share, besides [`Desk`](crate::routes::Desk).
#[derive(Debug)]
pub(crate) struct Console {
    /// What forgery tokens follow from.
    ids: IdKey,
    /// Whether people have to sign in.
    sign_in: bool,
    /// Whether only names of this machine are answered to: where nobody signs in, a name of someone else's that leads here
    /// would let their pages read these.
    this_machine_only: bool,
}

impl Console {
    pub(crate) fn new(ids: IdKey, sign_in: bool, this_machine_only: bool) -> Self {
        Self {
            ids,
            sign_in,
            this_machine_only,
        }
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
