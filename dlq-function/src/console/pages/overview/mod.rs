//! `GET /`: how things stand: rates, what waits and for how long, and whether the parts work. It comes also while broker and
//! SQL are down: then it says so.

use actix_web::{
    HttpResponse,
    web::{Data, ServiceConfig},
};
use askama::Template;
use shared::http::access::Scope;

use super::OVERVIEW;
use crate::{
    console::{
        Trouble, Visit,
        layout::{Frame, LATER_SECONDS},
        texts,
    },
    routes::Desk,
};

mod figures;
mod parts;

use figures::Figures;

/// What a script asks for.
const FIGURES: &str = "/overview/figures";

texts! {
    title: "Overview", "Visão geral";
}

#[derive(Template)]
#[template(path = "pages/overview/page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    figures: Figures,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    super::page(config, OVERVIEW, show);
    super::page(config, FIGURES, look);
}

async fn show(visit: Visit, desk: Data<Desk>) -> HttpResponse {
    visit.answer(shown(&visit, &desk).await)
}

async fn shown(visit: &Visit, desk: &Data<Desk>) -> Result<HttpResponse, Trouble> {
    let frame = Frame::new(visit);
    if !visit.may(Scope::DeadLettersRead)
        && let Some(first) = frame.entries().first()
    {
        return Ok(visit.go_to(first.path));
    }
    visit.with(&[Scope::DeadLettersRead])?;
    visit.page(&Page {
        frame: Frame {
            refresh: Some(LATER_SECONDS),
            ..frame
        },
        t: Texts::of(visit.language),
        figures: figures(visit, desk).await,
    })
}

async fn look(visit: Visit, desk: Data<Desk>) -> HttpResponse {
    visit.answer(looked(&visit, &desk).await)
}

async fn looked(visit: &Visit, desk: &Data<Desk>) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    visit.page(&figures(visit, desk).await)
}

async fn figures(visit: &Visit, desk: &Data<Desk>) -> Figures {
    let its = desk.clone().into_inner();
    let seen = desk
        .runtime
        .run(async move { its.watch.look(&its.actions).await })
        .await;
    Figures::of(visit.language, &seen, desk.actions.now())
}
