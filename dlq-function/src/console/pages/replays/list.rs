//! `GET /replays`: replays of many, newest first.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use askama::Template;
use shared::http::{access::Scope, json::Field, page::DEFAULT_LIMIT, query};

use super::{REPLAYS, outcomes};
use crate::{
    console::{
        Trouble, Visit,
        language::Language,
        layout::Frame,
        pages::{CURSOR, path_with, replay_path},
        plots::Shares,
        tags, texts,
        times::{Time, of_view},
    },
    replays::ReplayView,
    routes::{Desk, replays},
};

texts! {
    title: "Replays", "Reenvios";
    about: "Dead letters that were sent again together, newest first.", "Mensagens mortas reenviadas em lote, do reenvio mais novo ao mais antigo.";
    nothing: "No replay of many was started yet. One begins with a dry run, in the inbox.", "Nada foi reenviado em lote ainda. Um reenvio começa com uma simulação, na caixa de entrada.";
    started: "Started", "Início";
    by: "By", "Por";
    state: "State", "Estado";
    total: "Dead letters", "Mensagens mortas";
    outcomes: "Outcomes", "Desfechos";
    first_page: "First page", "Primeira página";
    next_page: "Next page", "Próxima página";
    pages: "Pages of replays", "Páginas de reenvios";
}

struct Row {
    path: String,
    started: Option<Time>,
    by: String,
    state: &'static str,
    tag: &'static str,
    total: String,
    shares: Option<Shares>,
}

impl Row {
    fn new(language: Language, replay: &ReplayView) -> Self {
        let become_of = outcomes::become_of(language, &replay.counts);
        Self {
            path: replay_path(&replay.id),
            started: of_view(&replay.started_at),
            by: language.principal(&replay.started_by),
            state: language.replay_state(replay.standing),
            tag: tags::of_replay(replay.standing),
            total: language.number(replay.total.into()),
            shares: (!become_of.is_empty()).then(|| outcomes::shares(&become_of)),
        }
    }
}

#[derive(Template)]
#[template(path = "pages/replays/list.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    rows: Vec<Row>,
    first: Option<&'static str>,
    next: Option<String>,
}

pub(super) async fn show(visit: Visit, desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    visit.answer(list(&visit, &desk, &request).await)
}

async fn list(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    let cursor = query::read(request, &[CURSOR])?.take(CURSOR);
    let after = replays::after(desk, &cursor)?;
    let actions = desk.actions.clone();
    let read = async move { actions.replays_page(after, DEFAULT_LIMIT).await };
    let (found, next) = desk.runtime.run(read).await?;
    let next = next.map(|next| path_with(REPLAYS, &[(CURSOR, &replays::cursor(desk, next))]));
    visit.page(&Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        rows: found
            .iter()
            .map(|replay| Row::new(visit.language, replay))
            .collect(),
        first: (cursor != Field::Absent).then_some(REPLAYS),
        next,
    })
}
