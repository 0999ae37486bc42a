//! The dead letters of one contact or command, as a short list on its page.

use askama::Template;
use shared::{
    http::access::Scope,
    store::dead_letters::{DeadLetterFilter, StoredDeadLetter},
};

use super::{DEAD_LETTERS, letter_path, path_with};
use crate::{
    console::{
        Trouble, Visit, texts,
        times::{Time, utc},
    },
    routes::Desk,
};

/// The most that are shown; the list has the others.
const SHOWN_MAX: usize = 10;

texts! {
    heading: "Dead letters", "Mensagens mortas";
    reason: "Reason", "Motivo";
    state: "State", "Estado";
    received: "Received", "Recebida";
    nothing: "None.", "Nenhuma.";
    more: "All of them in the list", "Todas elas na lista";
}

/// The dead letters of one contact or command.
#[derive(Debug, Template)]
#[template(path = "pages/dead_of.html")]
pub(super) struct DeadOf {
    t: &'static Texts,
    lines: Vec<Line>,
    list: Option<String>,
}

#[derive(Debug)]
struct Line {
    path: String,
    reason: &'static str,
    state: &'static str,
    received: Time,
}

/// Its template escapes.
impl askama::filters::HtmlSafe for DeadOf {}

impl DeadOf {
    /// Reads them; `None` for a reader who may not see dead letters. `named` is the filter as the list has it in its address.
    ///
    /// # Errors
    /// If SQL does not answer.
    pub(super) async fn read(
        visit: &Visit,
        desk: &Desk,
        filter: DeadLetterFilter,
        named: (&str, &str),
    ) -> Result<Option<Self>, Trouble> {
        if !visit.may(Scope::DeadLettersRead) {
            return Ok(None);
        }
        let store = desk.actions.store.clone();
        let read = async move { store.dead_letters_page(&filter, None, SHOWN_MAX as u64 + 1).await };
        let letters = desk.runtime.run(read).await?;
        let line = |letter: &StoredDeadLetter| Line {
            path: letter_path(letter.id),
            reason: letter.letter.reason.as_str(),
            state: visit.language.state(letter.state),
            received: utc(letter.received_at),
        };
        Ok(Some(Self {
            t: Texts::of(visit.language),
            lines: letters.iter().take(SHOWN_MAX).map(line).collect(),
            list: (letters.len() > SHOWN_MAX).then(|| path_with(DEAD_LETTERS, &[named])),
        }))
    }

    /// Whether there are any.
    pub(super) fn has_some(&self) -> bool {
        !self.lines.is_empty()
    }
}
