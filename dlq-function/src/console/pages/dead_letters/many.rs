//! `POST /dead-letters/acts`: does an act on many, as it was confirmed, and shows what it came to.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use askama::Template;
use shared::http::{access::Scope, problem::Problem};

use super::{
    CONFIRM,
    confirm::{self, Asked},
    counted,
};
use crate::{
    actions::Many,
    console::{Form, Trouble, Visit, language::typed_number, layout::Frame, pages::letter_path, texts},
    routes::Desk,
};

texts! {
    archived: "Archived", "Arquivadas";
    restored: "Restored", "Restauradas";
    discarded: "Discarded", "Descartadas";
    refused: "Not done", "Não feitas";
    refused_about: "Nothing was done to these; the reason stands beside each", "Com estas nada foi feito; o motivo está ao lado de cada uma";
    letter: "Dead letter", "Mensagem morta";
    why: "Why", "Por quê";
    remaining: "Left:", "Restam:";
    go_on: "Go on with the rest…", "Continuar com as demais…";
    back: "Back to the list", "Voltar à lista";
}

#[derive(Template)]
#[template(path = "pages/dead_letters/done.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    title: String,
    /// Which were refused: where they are shown, their id, and why.
    refused: Vec<(String, String, String)>,
    remaining: Option<String>,
    asked: &'a Asked,
}

pub(super) async fn act(
    visit: Visit,
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(acted(&visit, &desk, &request, payload).await)
}

async fn acted(
    visit: &Visit,
    desk: &Desk,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(&[Scope::DeadLettersReplay])?;
    let form = Form::read(visit, request, payload).await?;
    let asked = Asked::read(visit, &form)?.frozen(desk)?;
    // Without what was frozen an act could reach what nobody has seen.
    let expect = form.text("expect").and_then(|expect| expect.parse().ok());
    let expect: u64 =
        expect.ok_or_else(|| Problem::malformed("The form does not say how many are expected."))?;
    if asked.act == Many::Discard && form.text("typed").and_then(typed_number) != Some(expect) {
        return confirm::page(visit, desk, &asked, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let came_to = desk
        .act_on_many(asked.act, asked.selection(), Some(expect), by)
        .await?;
    let t = Texts::of(visit.language);
    let refused = came_to.refused.iter().map(|(id, why)| {
        let why = visit.language.why_not(why);
        (letter_path(id), id.to_string(), why)
    });
    visit.page(&Page {
        frame: Frame::new(visit),
        t,
        title: format!("{}: {}", t.done(asked.act), counted(visit.language, came_to.done)),
        refused: refused.collect(),
        remaining: (came_to.remaining > 0).then(|| counted(visit.language, came_to.remaining)),
        asked: &asked,
    })
}

impl Texts {
    fn done(&self, act: Many) -> &'static str {
        match act {
            Many::Archive => self.archived,
            Many::Restore => self.restored,
            Many::Discard => self.discarded,
        }
    }
}
