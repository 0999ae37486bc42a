//! `GET /audit`: who did what, newest first; and all of it as a file.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use askama::Template;
use shared::{
    http::{access::Scope, json::Field},
    store::audit::{Act, AuditPosition},
};

use super::AUDIT;
use crate::{
    console::{Trouble, Visit, layout::Frame, texts},
    routes::{
        Desk,
        audit::{filter::PRINCIPAL_MAX_CHARS, lines},
        pages,
    },
};

mod asked;
mod told;

use asked::Asked;
use told::Line;

const EXPORT: &str = "/audit/export";
/// The entries of a page.
const ENTRIES: u64 = 50;

texts! {
    title: "Audit", "Auditoria";
    about: "Who did what to dead letters. Nothing can be changed here, only added.", "Quem fez o quê com mensagens mortas. Aqui nada se altera, só se acrescenta.";
    export: "Export as JSON lines", "Exportar como linhas JSON";
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
    nobody: "nobody had to sign in", "sem identificação";
    policy: "policy: nobody, by a setting", "policy: ninguém, por configuração";
    nothing: "Nothing was done that these filters let through.", "Nada do que foi feito passa por estes filtros.";
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
    let asked = Asked::read(request, &["cursor"])?;
    let scope = format!("console audit {:?}", asked.filter);
    let cursor = asked
        .cursor()
        .map_or(Field::Absent, |cursor| Field::Text(cursor.to_owned()));
    let after = pages::after(desk, &cursor, &scope)?;
    let (actions, filter) = (desk.actions.clone(), asked.filter.clone());
    let read = async move {
        let after = after.map(|(at, id)| AuditPosition { at, id });
        actions.audit_page(&filter, after, ENTRIES + 1).await
    };
    let mut entries = desk.runtime.run(read).await?;
    let next = pages::cut(desk, &mut entries, ENTRIES, &scope, |last| {
        Some((last.at, last.id))
    });
    visit.page(&Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        lines: entries.iter().map(|entry| Line::of(visit, entry)).collect(),
        older: next.map(|next| asked.path(AUDIT, &[("cursor", &next)])),
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
