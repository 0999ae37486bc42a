//! `GET /dead-letters`: dead letters, newest first, and what can be done to those that are ticked or to all that match.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use shared::{
    http::access::Scope,
    store::dead_letters::{DeadLetterState, StoredDeadLetter},
};

use super::{CONFIRM, DEAD_LETTERS};
use crate::{
    actions::Many,
    console::{
        Trouble, Visit,
        filters::Filters,
        language::Language,
        layout::Frame,
        notice::{DONE, Notice},
        pages::{CURSOR, REPLAYS_NEW, ROWS, letter_path, path_with},
        tags, texts,
        times::{Time, utc},
    },
    routes::{Desk, dead_letters},
};

texts! {
    title: "Dead letters", "Mensagens mortas";
    caption: "Newest first", "As mais novas primeiro";
    nothing: "No dead letter matches.", "Nenhuma mensagem morta corresponde aos filtros.";
    tick: "Tick", "Marcar";
    letter: "Dead letter", "Mensagem morta";
    received: "Received", "Recebida";
    reason: "Reason", "Motivo";
    operation: "Operation", "Operação";
    state: "State", "Estado";
    group: "Group", "Grupo";
    group_link: "Show this group only", "Mostrar só este grupo";
    replays: "Times sent again", "Reenvios";
    unread: "not readable", "ilegível";
    ticked: "With those ticked:", "Com as marcadas:";
    all: "All that match", "Todas as que correspondem";
    all_about: "All that the filters above let through, on every page. Each act first says how many that is.", "Todas as que passam pelos filtros acima, em todas as páginas. Cada ação diz antes quantas são.";
    replay: "Replay…", "Reenviar…";
    archive: "Archive…", "Arquivar…";
    restore: "Restore…", "Restaurar…";
    discard: "Discard…", "Descartar…";
    first: "First page", "Primeira página";
    next: "Next page", "Próxima página";
    pager: "Pages of the list", "Páginas da lista";
}

#[derive(Template)]
#[template(path = "pages/dead_letters/list.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    at: &'static str,
    notice: Option<&'static str>,
    filters: Filters,
    rows: Vec<Row>,
    /// Whether the reader may do something to them.
    may_act: bool,
    /// The acts that those can be taken to that match.
    acts: Vec<(&'static str, &'static str)>,
    /// Where a replay of all that match is planned.
    replay_all: String,
    first: Option<String>,
    next: Option<String>,
}

struct Row {
    id: String,
    path: String,
    received: Time,
    reason: &'static str,
    detail: String,
    operation: Option<&'static str>,
    state: &'static str,
    tag: &'static str,
    group: String,
    group_path: String,
    replays: String,
}

pub(super) async fn show(visit: Visit, desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    visit.answer(list(&visit, &desk, &request).await)
}

async fn list(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    let filters = Filters::read(request, visit.language, &[CURSOR, DONE])?;
    let filter = filters.filter.clone();
    let after = dead_letters::after(desk, &filter, &filters.cursor())?;
    let store = desk.actions.store.clone();
    let read = async move { store.dead_letters_page(&filter, after, ROWS + 1).await };
    let mut letters = desk.runtime.run(read).await?;
    let next = dead_letters::cut(desk, &filters.filter, &mut letters, ROWS);
    let t = Texts::of(visit.language);
    visit.page(&Page {
        frame: Frame::new(visit),
        t,
        at: DEAD_LETTERS,
        notice: Notice::of(request).map(|notice| visit.language.notice(notice)),
        rows: letters
            .iter()
            .map(|letter| Row::new(letter, visit.language))
            .collect(),
        may_act: visit.may(Scope::DeadLettersReplay),
        acts: t.acts(filters.filter.state),
        replay_all: filters.path(REPLAYS_NEW, &[]),
        first: after.is_some().then(|| filters.path(DEAD_LETTERS, &[])),
        next: next.map(|next| filters.path(DEAD_LETTERS, &[(CURSOR, &next)])),
        filters,
    })
}

impl Row {
    fn new(letter: &StoredDeadLetter, language: Language) -> Self {
        Self {
            id: letter.id.to_string(),
            path: letter_path(letter.id),
            received: utc(letter.received_at),
            reason: letter.letter.reason.as_str(),
            detail: letter.letter.detail.clone(),
            operation: letter.operation.map(|operation| language.operation(operation)),
            state: language.state(letter.state),
            tag: tags::of_letter(letter.state),
            group: letter.fingerprint.chars().take(8).collect(),
            group_path: path_with(DEAD_LETTERS, &[("group", &letter.fingerprint)]),
            replays: language.number(letter.letter.replay.into()),
        }
    }
}

impl Texts {
    /// The acts, as word and name, that can be done to those in a state; to all of them unless one is said.
    fn acts(&self, state: Option<DeadLetterState>) -> Vec<(&'static str, &'static str)> {
        let can = |act: &Many| state.is_none_or(|state| act.standing().contains(&state));
        let named = |act: Many| {
            let name = match act {
                Many::Archive => self.archive,
                Many::Restore => self.restore,
                Many::Discard => self.discard,
            };
            (super::confirm::word(act), name)
        };
        Many::ALL.into_iter().filter(can).map(named).collect()
    }
}
