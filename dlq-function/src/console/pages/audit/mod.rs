//! `GET /audit`: who did what, newest first; and all of it as a file.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use askama::Template;
use shared::{http::access::Scope, store::audit::Act};

use super::{AUDIT, CURSOR, ROWS};
use crate::{
    console::{Trouble, Visit, layout::Frame, texts},
    routes::{
        Desk,
        audit::{self, filter::PRINCIPAL_MAX_CHARS, lines},
    },
};

mod asked;
mod told;

use asked::Asked;
use told::Line;

const EXPORT: &str = "/audit/export";

texts! {
    title: "Audit", "Auditoria";
    about: "Who did what to dead letters. Nothing can be changed here, only added.", "Quem fez o quê com mensagens mortas. Aqui nada se altera, só se acrescenta.";
    export: "Export as JSON lines", "Exportar em linhas JSON";
    filters: "Filters", "Filtros";
    filter: "Filter", "Filtrar";
    clear: "Clear", "Limpar";
    any: "any", "qualquer";
    when: "When", "Quando";
    who: "Who", "Quem";
    action: "Action", "Ação";
    letter: "Dead letter", "Mensagem morta";
    replay: "Replay", "Reenvio";
    letter_id: "Dead letter id", "Id da mensagem morta";
    replay_id: "Replay id", "Id do reenvio";
    since: "Since (UTC)", "Desde (UTC)";
    until: "Until (UTC)", "Até (UTC)";
    what: "To what", "Em quê";
    count: "How many", "Quantas";
    change: "Before and after", "Antes e depois";
    entries: "What was done, newest first", "O que foi feito, do mais novo ao mais antigo";
    nothing: "Nothing was done that these filters let through.", "Nenhum registro passa por estes filtros.";
    older: "Older", "Mais antigas";
    newest: "Newest", "Mais novas";
}

#[derive(Template)]
#[template(path = "pages/audit/page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    asked: Asked,
    lines: Vec<Line>,
    older: Option<String>,
    newest: Option<String>,
    export: String,
}

impl Page<'_> {
    fn acts(&self) -> [(&'static str, &'static str); Act::ALL.len()] {
        Act::ALL.map(|act| (act.as_str(), self.frame.visit.language.act(act)))
    }

    fn principal_max_chars(&self) -> usize {
        PRINCIPAL_MAX_CHARS
    }
}

pub(super) fn routes(config: &mut ServiceConfig) {
    super::page(config, AUDIT, show);
    super::page(config, EXPORT, export);
}

async fn show(visit: Visit, desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    visit.answer(shown(&visit, &desk, &request).await)
}

async fn shown(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::AuditRead])?;
    let asked = Asked::read(request, &[CURSOR])?;
    let after = audit::after(desk, &asked.filter, &asked.cursor())?;
    let (actions, filter) = (desk.actions.clone(), asked.filter.clone());
    let read = async move { actions.audit_page(&filter, after, ROWS + 1).await };
    let mut entries = desk.runtime.run(read).await?;
    let next = audit::cut(desk, &asked.filter, &mut entries, ROWS);
    visit.page(&Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        lines: entries.iter().map(|entry| Line::of(visit, entry)).collect(),
        older: next.map(|next| asked.path(AUDIT, &[(CURSOR, &next)])),
        newest: after.is_some().then(|| asked.path(AUDIT, &[])),
        export: asked.path(EXPORT, &[]),
        asked,
    })
}

async fn export(visit: Visit, desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    visit.answer(exported(&visit, &desk, &request).await)
}

async fn exported(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::AuditRead])?;
    let asked = Asked::read(request, &[])?;
    Ok(lines::answer(desk, asked.filter).await?)
}
