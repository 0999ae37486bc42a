//! `POST /preferences`: the language and the theme, kept in the reader's browser.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Payload, ServiceConfig},
};

use super::PREFERENCES;
use crate::console::{
    Form, Trouble, Visit,
    language::Language,
    visit::{self, Theme},
};

pub(super) fn routes(config: &mut ServiceConfig) {
    super::act(config, PREFERENCES, keep);
}

async fn keep(visit: Visit, request: HttpRequest, payload: Payload) -> HttpResponse {
    visit.answer(kept(&visit, &request, payload).await)
}

async fn kept(visit: &Visit, request: &HttpRequest, payload: Payload) -> Result<HttpResponse, Trouble> {
    let form = Form::read(visit, request, payload).await?;
    let mut response = visit.go_to(place_of_ours(form.text("back").unwrap_or_default()));
    if let Some(language) = form.text("language").and_then(Language::from_tag) {
        visit::set(&mut response, visit::language_cookie(language));
    }
    if let Some(theme) = form.text("theme").and_then(Theme::from_word) {
        visit::set(&mut response, visit::theme_cookie(theme));
    }
    Ok(response)
}

/// A path of this console; else its first page. What browsers take for another site begins with two slashes of either kind; and
/// no page of ours begins with something encoded, where nobody is known ([`Access`](shared::http::access::Access)), so that who
/// has signed in would be sent from there to sign in without end.
pub(in crate::console) fn place_of_ours(place: &str) -> &str {
    let elsewhere = place
        .as_bytes()
        .get(1)
        .is_some_and(|second| matches!(second, b'/' | b'\\'));
    let plain = place.bytes().all(|byte| byte.is_ascii_graphic());
    let mut first = place.bytes().skip(1).take_while(|byte| !b"/?".contains(byte));
    if place.starts_with('/') && !elsewhere && plain && first.all(|byte| byte != b'%') {
        place
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        for place in ["/", "/?a=%2F", "/inbox?reason=expired&cursor=a%2F", "/a//b"] {
            assert_eq!(place_of_ours(place), place);
        }
        for place in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "inbox",
            "/\t/evil.example",
            "/\r\nSet-Cookie: a",
            "/%69nbox",
        ] {
            assert_eq!(place_of_ours(place), "/", "{place}");
        }
    }
}
