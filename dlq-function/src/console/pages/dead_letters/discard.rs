//! `GET` and `POST /dead-letters/{id}/discard`: gives one up, once it was said that this is meant.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload, ServiceConfig},
};
use askama::Template;
use shared::http::access::Scope;

use super::detail::at;
use crate::{
    console::{
        Form, Trouble, Visit,
        layout::Frame,
        notice::Notice,
        pages::{id, letter_path, resource},
        texts,
    },
    routes::Desk,
    view::DeadLetterDetail,
};

const SURE: &str = "sure";

texts! {
    title: "Discard a dead letter", "Descartar uma mensagem morta";
    about: "Its command ends as rejected, and whoever sent it sees that. This cannot be undone: what it would have written is not written.", "O comando termina como rejeitado, e quem o enviou vê isso. Não há como desfazer: o que ele gravaria não é gravado.";
    letter: "Dead letter", "Mensagem morta";
    reason: "Reason", "Motivo";
    detail: "Detail", "Detalhe";
    sure: "Discard it for good", "Descartar de vez";
    unsure: "Tick the box if you mean it. Nothing was done.", "Marque a caixa se é isso mesmo. Nada foi feito.";
    discard: "Discard", "Descartar";
    back: "Back to the dead letter", "Voltar à mensagem morta";
}

#[derive(Template)]
#[template(path = "pages/dead_letters/discard.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    path: String,
    unsure: bool,
    detail: DeadLetterDetail,
}

pub(super) fn routes(config: &mut ServiceConfig) {
    let place = resource("/dead-letters/{id}/discard", "GET, HEAD, POST");
    config.service(place.get(ask).head(ask).post(discard));
}

async fn ask(visit: Visit, desk: Data<Desk>, path: Path<String>) -> HttpResponse {
    visit.answer(asked(&visit, &desk, &path).await)
}

async fn asked(visit: &Visit, desk: &Desk, path: &str) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead, Scope::DeadLettersReplay])?;
    page(visit, desk, path, StatusCode::OK).await
}

async fn discard(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(discarded(&visit, &desk, &path, &request, payload).await)
}

async fn discarded(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(&[Scope::DeadLettersRead, Scope::DeadLettersReplay])?;
    let form = Form::read(visit, request, payload).await?;
    if form.text(SURE).is_none() {
        return page(visit, desk, path, StatusCode::UNPROCESSABLE_ENTITY).await;
    }
    let id = id(path)?;
    desk.discard(id, by).await?;
    Ok(at(visit, id, Notice::Discarded))
}

async fn page(visit: &Visit, desk: &Desk, path: &str, status: StatusCode) -> Result<HttpResponse, Trouble> {
    let id = id(path)?;
    let page = Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        path: letter_path(id),
        unsure: status != StatusCode::OK,
        detail: desk.detail(id).await?,
    };
    visit.page_with(status, &page)
}
