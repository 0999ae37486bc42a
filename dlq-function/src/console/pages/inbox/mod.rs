//! `GET /inbox`: groups of dead letters that failed alike, last seen first.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, ServiceConfig},
};
use askama::Template;
use shared::{http::access::Scope, store::dead_letters::Group};

use super::INBOX;
use crate::{
    console::{Trouble, Visit, filters::Filters, layout::Frame, texts},
    routes::Desk,
};

texts! {
    title: "Inbox", "Caixa de entrada";
    nothing: "Nothing waits.", "Nada espera.";
}

#[derive(Template)]
#[template(path = "pages/inbox/page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    at: &'static str,
    filters: Filters,
    groups: Vec<Group>,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    super::page(config, INBOX, show);
}

async fn show(visit: Visit, desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    visit.answer(inbox(&visit, &desk, &request).await)
}

async fn inbox(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    let filters = Filters::read(request, visit.language, &[])?;
    let filter = filters.filter.clone();
    let actions = desk.actions.clone();
    let read = async move { actions.groups(&filter, None, 50).await };
    let groups = desk.runtime.run(read).await?;
    visit.page(&Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        at: INBOX,
        filters,
        groups,
    })
}
