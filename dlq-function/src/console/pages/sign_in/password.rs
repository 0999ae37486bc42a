//! `POST /sign-in`: a name and a password.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Payload},
};
use shared::http::forwarded;

use super::{Notice, note, place_after, sign_in_page, welcome};
use crate::{
    console::{Console, Form, Trouble, Visit, pages::OVERVIEW},
    metrics::SignIn,
    routes::Desk,
};

const WAY: &str = "password";

pub(super) async fn sign_in(
    visit: Visit,
    request: HttpRequest,
    payload: Payload,
    desk: Data<Desk>,
    console: Data<Console>,
) -> HttpResponse {
    visit.answer(signed_in(&visit, &request, payload, &desk, &console).await)
}

async fn signed_in(
    visit: &Visit,
    request: &HttpRequest,
    payload: Payload,
    desk: &Desk,
    console: &Console,
) -> Result<HttpResponse, Trouble> {
    let form = Form::read(visit, request, payload).await?;
    let Some(ways) = &console.ways else {
        return Ok(visit.go_to(OVERVIEW));
    };
    let operators = ways.operators.clone().ok_or(Trouble::Missing)?;
    let back = place_after(form.text("back"));
    let name = form.text("name").unwrap_or_default().to_owned();
    if let Some(seconds) = ways.too_many(forwarded::client(request), &name) {
        note(desk, SignIn::TooMany, WAY, "too many tries");
        return sign_in_page(visit, ways, Some(Notice::TooMany(seconds)), back, &name);
    }
    // Blanks are part of a password.
    let password = form.texts("password").next().unwrap_or_default().to_owned();
    let typed = name.clone();
    let who = desk
        .runtime
        .run(async move { operators.who(typed, password).await });
    let Some(caller) = who.await? else {
        note(desk, SignIn::Refused, WAY, "name and password do not fit");
        return sign_in_page(visit, ways, Some(Notice::Wrong), back, &name);
    };
    let response = welcome(visit, console, &caller, back).await?;
    note(desk, SignIn::Done, WAY, "name and password fit");
    Ok(response)
}
