//! `GET /inbox`: groups of dead letters that failed alike, last seen first.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use askama::Template;
use shared::{
    http::{access::Scope, page::DEFAULT_LIMIT},
    store::dead_letters::Group,
};

use super::{CURSOR, INBOX};
use crate::{
    console::{Trouble, Visit, filters::Filters, layout::Frame, texts},
    routes::{Desk, groups},
};

mod card;

use card::Card;

texts! {
    title: "Inbox", "Caixa de entrada";
    about: "Dead letters that failed alike, last seen first. Unless you choose a state, groups in which something is open.", "Mensagens mortas que falharam do mesmo jeito, as mais recentes primeiro. Se você não escolher um estado, grupos em que há alguma aberta.";
    nothing: "Nothing waits for you: no dead letter is open.", "Nada espera por você: nenhuma mensagem morta está aberta.";
    nothing_means: "What workers cannot process shows up here. Nothing is lost meanwhile, and an outage makes no dead letters.", "O que os workers não conseguem processar aparece aqui. Nada se perde enquanto isso, e uma queda de serviço não gera mensagens mortas.";
    no_match: "No group matches these filters.", "Nenhum grupo corresponde a estes filtros.";
    what_to_do: "What to do:", "O que fazer:";
    operation: "Operation", "Operação";
    states: "How they stand", "Situação";
    first_seen: "First seen", "Vista pela primeira vez";
    last_seen: "Last seen", "Vista pela última vez";
    look: "Look at them", "Ver as mensagens";
    replay: "Dry run and replay", "Simular e reenviar";
    archive: "Archive", "Arquivar";
    first_page: "First page", "Primeira página";
    next_page: "Next page", "Próxima página";
    pages: "Pages of groups", "Páginas de grupos";
    groups: "Groups", "Grupos";
}

#[derive(Template)]
#[template(path = "pages/inbox/page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    at: &'static str,
    filtered: bool,
    filters: Filters,
    cards: Vec<Card>,
    may_act: bool,
    first: Option<String>,
    next: Option<String>,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    super::page(config, INBOX, show);
}

async fn show(visit: Visit, desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    visit.answer(inbox(&visit, &desk, &request).await)
}

async fn inbox(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    let filters = Filters::read(request, visit.language, &[CURSOR])?;
    let after = groups::after(desk, &filters.filter, &filters.cursor())?;
    let is_first = after.is_none();
    let (actions, filter) = (desk.actions.clone(), filters.filter.clone());
    let read = async move {
        let found = actions.groups(&filter, after.as_ref(), DEFAULT_LIMIT + 1).await?;
        let arrivals = actions.arrivals(&found, &filter).await?;
        Ok::<_, Trouble>((found, arrivals))
    };
    let (mut found, mut arrivals) = desk.runtime.run(read).await?;
    let next = groups::cut(desk, &filters.filter, &mut found, DEFAULT_LIMIT);
    let card = |group: Group| {
        let arrivals = arrivals.remove(&group.fingerprint).unwrap_or_default();
        Card::new(visit.language, &filters, group, &arrivals)
    };
    let cards = found.into_iter().map(card).collect();
    visit.page(&Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        at: INBOX,
        filtered: !filters.fields().is_empty(),
        cards,
        may_act: visit.may(Scope::DeadLettersReplay),
        first: (!is_first).then(|| filters.path(INBOX, &[])),
        next: next.map(|next| filters.path(INBOX, &[(CURSOR, &next)])),
        filters,
    })
}
