//! `POST /dead-letters/confirm`: what an act on many would be done to, frozen, and what it means, before it is done.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use askama::Template;
use shared::http::{access::Scope, problem::Problem};
use uuid::Uuid;

use super::{ACTS, DEAD_LETTERS, counted};
use crate::{
    actions::{DISCARDED_AT_ONCE_MAX, Many, Selection},
    console::{
        Form, Trouble, Visit,
        filters::Filters,
        language::Language,
        layout::Frame,
        notice::Notice,
        selections::{Fact, ID, facts, ids},
        texts,
    },
    routes::Desk,
};

texts! {
    archive: "Archive", "Arquivar";
    restore: "Restore", "Restaurar";
    discard: "Discard", "Descartar";
    archive_about: "They are put aside. They still wait: they can be restored, replayed or discarded, and new failures of their group show up as usual.", "Elas são postas de lado, mas continuam à espera: podem ser restauradas, reenviadas ou descartadas, e novas falhas do mesmo grupo aparecem normalmente.";
    restore_about: "They are open again, and count for the alert.", "Elas voltam a ficar abertas e a contar para o alerta.";
    discard_about: "Their commands end as rejected, and whoever sent them sees that. This cannot be undone.", "Os comandos terminam como rejeitados, e quem os enviou vê isso. Não há como desfazer.";
    nothing: "This cannot be done to any of them.", "Isso não pode ser feito com nenhuma delas.";
    nothing_about: "Their state does not allow it, or somebody else was faster.", "O estado delas não permite, ou alguém chegou antes.";
    which: "Which", "Quais";
    ticked: "ticked", "marcadas";
    frozen: "What arrives from now on is not touched.", "O que chegar a partir de agora fica de fora.";
    some: "The state of the others does not allow it.", "O estado das outras não permite isso.";
    at_once: "At most 1,000 are discarded at once, the oldest first; after that you are asked again.", "São descartadas no máximo 1.000 de cada vez, as mais antigas primeiro; depois a pergunta se repete.";
    type_number: "To confirm, type this number:", "Para confirmar, digite este número:";
    wrong_number: "Another number was typed. Nothing was done.", "O número digitado não confere. Nada foi feito.";
    back: "Back to the list", "Voltar à lista";
}

/// An act on many, as a form asks for it.
pub(super) struct Asked {
    pub(super) act: Many,
    pub(super) which: Which,
}

/// Which dead letters a form means.
pub(super) enum Which {
    Ticked(Vec<Uuid>),
    All(Filters),
}

#[derive(Template)]
#[template(path = "pages/dead_letters/confirm.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    title: String,
    about: &'static str,
    matched: u64,
    /// Whether the number has to be typed, and whether another one was.
    types: bool,
    wrong: bool,
    /// Whether it is more than are given up at once.
    too_many: bool,
    asked: &'a Asked,
    /// The filters in words; none of those that were ticked.
    facts: Vec<Fact>,
    back: String,
}

/// The word of an act in forms.
pub(super) fn word(act: Many) -> &'static str {
    match act {
        Many::Archive => "archive",
        Many::Restore => "restore",
        Many::Discard => "discard",
    }
}

pub(super) async fn ask(
    visit: Visit,
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(asked(&visit, &desk, &request, payload).await)
}

async fn asked(
    visit: &Visit,
    desk: &Desk,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersReplay])?;
    let form = Form::read(visit, request, payload).await?;
    let asked = Asked::read(visit, &form)?.frozen(desk)?;
    if matches!(&asked.which, Which::Ticked(ids) if ids.is_empty()) {
        return Ok(visit.go_to(&Notice::NothingTicked.at(DEAD_LETTERS)));
    }
    page(visit, desk, &asked, StatusCode::OK).await
}

/// The page that asks; with another status than 200 because another number was typed.
pub(super) async fn page(
    visit: &Visit,
    desk: &Desk,
    asked: &Asked,
    status: StatusCode,
) -> Result<HttpResponse, Trouble> {
    let (actions, act, selection) = (desk.actions.clone(), asked.act, asked.selection());
    let count = async move { actions.matched(act, &selection, None).await };
    let matched = desk.runtime.run(count).await?;
    let t = Texts::of(visit.language);
    let page = Page {
        frame: Frame::new(visit),
        t,
        title: format!("{}: {}", t.name(act), counted(visit.language, matched)),
        about: match act {
            Many::Archive => t.archive_about,
            Many::Restore => t.restore_about,
            Many::Discard => t.discard_about,
        },
        matched,
        types: act == Many::Discard,
        wrong: status != StatusCode::OK,
        too_many: act == Many::Discard && matched > u64::from(DISCARDED_AT_ONCE_MAX),
        asked,
        facts: asked.facts(visit.language),
        back: asked.list(),
    };
    visit.page_with(status, &page)
}

impl Texts {
    /// What an act is called.
    pub(super) fn name(&self, act: Many) -> &'static str {
        match act {
            Many::Archive => self.archive,
            Many::Restore => self.restore,
            Many::Discard => self.discard,
        }
    }
}

impl Asked {
    /// Reads which act, and which dead letters.
    pub(super) fn read(visit: &Visit, form: &Form) -> Result<Self, Trouble> {
        let act = Many::ALL
            .into_iter()
            .find(|act| form.text("act") == Some(word(*act)));
        let act = act.ok_or_else(|| Problem::malformed("The form does not say what to do."))?;
        let which = if form.text("all").is_some() {
            Which::All(Filters::of_form(form, visit.language)?)
        } else {
            Which::Ticked(ids(form)?)
        };
        Ok(Self { act, which })
    }

    /// The same as of now.
    pub(super) fn frozen(self, desk: &Desk) -> Result<Self, Trouble> {
        let which = match self.which {
            Which::All(filters) => Which::All(filters.frozen(desk.actions.now(), self.act.unless_said())?),
            Which::Ticked(ids) => Which::Ticked(ids),
        };
        Ok(Self { which, ..self })
    }

    pub(super) fn selection(&self) -> Selection {
        match &self.which {
            Which::Ticked(ids) => Selection::Ids(ids.clone()),
            Which::All(filters) => Selection::Matching(filters.filter.clone()),
        }
    }

    /// The fields of a form that asks for the same.
    pub(super) fn fields(&self) -> Vec<(&str, String)> {
        let act = ("act", word(self.act).to_owned());
        let which: Vec<_> = match &self.which {
            Which::Ticked(ids) => ids.iter().map(|id| (ID, id.to_string())).collect(),
            Which::All(filters) => {
                let fields = filters.fields().iter();
                let fields = fields.map(|(name, value)| (name.as_str(), value.clone()));
                std::iter::once(("all", "yes".to_owned())).chain(fields).collect()
            }
        };
        std::iter::once(act).chain(which).collect()
    }

    /// The filters, in words.
    fn facts(&self, language: Language) -> Vec<Fact> {
        match &self.which {
            Which::Ticked(_) => Vec::new(),
            Which::All(_) => facts(language, &self.selection().members()),
        }
    }

    /// How many were ticked, if that is what was done.
    fn ticked(&self) -> Option<u64> {
        match &self.which {
            Which::Ticked(ids) => u64::try_from(ids.len()).ok(),
            Which::All(_) => None,
        }
    }

    /// The list of those.
    pub(super) fn list(&self) -> String {
        match &self.which {
            Which::Ticked(_) => DEAD_LETTERS.to_owned(),
            Which::All(filters) => filters.path(DEAD_LETTERS, &[]),
        }
    }
}
