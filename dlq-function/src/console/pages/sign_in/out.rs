//! `POST /sign-out`, and the page after it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use askama::Template;

use super::super::{OVERVIEW, SIGN_IN, SIGN_OUT};
use crate::{
    console::{Console, Form, Trouble, Visit, layout::Frame, texts, visit},
    routes::Desk,
};

texts! {
    title: "You have signed out", "Você saiu";
    here: "This browser shows nothing of the console any more.", "Este navegador não mostra mais nada do console.";
    again: "Sign in again", "Entrar de novo";
    organisation: "You may still be signed in at your organisation:", "Sua sessão na organização pode continuar aberta:";
    sign_out_there: "sign out there, too", "saia de lá também";
}

#[derive(Template)]
#[template(path = "pages/sign_in/out.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    sign_in: &'static str,
    /// Where one signs out at the issuer.
    at_issuer: Option<String>,
}

pub(super) async fn sign_out(
    visit: Visit,
    request: HttpRequest,
    payload: Payload,
    console: Data<Console>,
) -> HttpResponse {
    visit.answer(signed_out(&visit, &request, payload, &console).await)
}

async fn signed_out(
    visit: &Visit,
    request: &HttpRequest,
    payload: Payload,
    console: &Console,
) -> Result<HttpResponse, Trouble> {
    Form::read(visit, request, payload).await?;
    if let Some(cookie) = visit.cookie() {
        console.sessions.close(cookie).await?;
    }
    let mut response = visit.go_to(SIGN_OUT);
    visit::set(
        &mut response,
        visit::cookie_of(visit::COOKIE, visit::new_cookie()),
    );
    Ok(response)
}

pub(super) async fn show(visit: Visit, desk: Data<Desk>, console: Data<Console>) -> HttpResponse {
    visit.answer(shown(&visit, &desk, console).await)
}

async fn shown(visit: &Visit, desk: &Desk, console: Data<Console>) -> Result<HttpResponse, Trouble> {
    if console.ways.is_none() || visit.can_sign_out() {
        return Ok(visit.go_to(OVERVIEW));
    }
    let console = console.into_inner();
    let place = async move {
        let issuer = console.ways.as_ref().and_then(|ways| ways.issuer.as_ref());
        issuer?.sign_out_place().await
    };
    visit.page(&Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        sign_in: SIGN_IN,
        at_issuer: desk.runtime.run(place).await,
    })
}
