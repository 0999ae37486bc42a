//! `GET /sign-in/issuer` and `GET /sign-in/callback`: to the issuer, and back with a code.
//!
//! What has to be there again when somebody comes back travels in a cookie, sealed. It is sent with requests of our own pages only,
//! as all cookies of the console: whoever is sent back by the issuer comes once without, and then, by a page of ours, with it.

use actix_web::{HttpRequest, HttpResponse, web::Data};
use shared::http::sealed;
use subtle::ConstantTimeEq;

use super::{Notice, note, place_after, sign_in_page, ways_in, welcome};
use crate::{
    console::{
        Console, Trouble, Visit,
        address::Parameters,
        issuer::{Begun, Fault},
        visit,
        ways::Ways,
    },
    metrics::SignIn,
    routes::Desk,
};

const WAY: &str = "issuer";
/// The cookie with what travels.
const COOKIE: &str = "__Host-contato-sign-in";
/// How long somebody may take at the issuer.
const PATIENCE_SECONDS: u32 = 10 * 60;
/// What the cookie is sealed for.
const PURPOSE: &str = "console sign-in 1";
/// Says in a query that somebody has come again by a page of ours.
const AGAIN: &str = "again";

impl Begun {
    fn seal(&self, console: &Console) -> String {
        let bytes = serde_json::to_vec(self).expect("texts and a number");
        sealed::seal(&console.ids, PURPOSE, COOKIE, &bytes)
    }

    fn open(console: &Console, text: &str) -> Option<Self> {
        let bytes = sealed::open(&console.ids, PURPOSE, COOKIE, text)?;
        let begun: Self = serde_json::from_slice(&bytes).ok()?;
        (console.clock.now_ms() < begun.until_ms).then_some(begun)
    }
}

pub(super) async fn begin(
    visit: Visit,
    request: HttpRequest,
    desk: Data<Desk>,
    console: Data<Console>,
) -> HttpResponse {
    visit.answer(begun(&visit, &request, &desk, console).await)
}

async fn begun(
    visit: &Visit,
    request: &HttpRequest,
    desk: &Desk,
    console: Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let query = Parameters::of(request);
    let back = place_after(query.get("back")).to_owned();
    let Some(ways) = ways_in(visit, &console)? else {
        return Ok(visit.go_to(&back));
    };
    if ways.issuer.is_none() {
        return Err(Trouble::Missing);
    }
    let until_ms = console.clock.now_ms() + u64::from(PATIENCE_SECONDS) * 1000;
    let (shared, wanted) = (console.clone().into_inner(), back.clone());
    let begin = async move {
        let client = shared.ways.as_ref().and_then(|ways| ways.issuer.as_ref());
        client.ok_or(Fault::Unreachable)?.begin(&wanted, until_ms).await
    };
    match desk.runtime.run(begin).await {
        Ok((place, begun)) => {
            let mut response = visit.go_to(&place);
            let sealed = begun.seal(&console);
            visit::set(&mut response, visit::cookie_for(COOKIE, sealed, PATIENCE_SECONDS));
            Ok(response)
        }
        Err(_) => {
            note(desk, SignIn::Failed, WAY, "the issuer does not answer");
            sign_in_page(visit, ways, Some(Notice::Unreachable), &back, "")
        }
    }
}

pub(super) async fn come_back(
    visit: Visit,
    request: HttpRequest,
    desk: Data<Desk>,
    console: Data<Console>,
) -> HttpResponse {
    visit.answer(back(&visit, &request, &desk, console).await)
}

async fn back(
    visit: &Visit,
    request: &HttpRequest,
    desk: &Desk,
    console: Data<Console>,
) -> Result<HttpResponse, Trouble> {
    let ways = console.ways.as_ref().ok_or(Trouble::Missing)?;
    if ways.issuer.is_none() {
        return Err(Trouble::Missing);
    }
    let query = Parameters::of(request);
    let Some(cookie) = request.cookie(COOKIE) else {
        if query.get(AGAIN).is_none() {
            let join = if visit.here.contains('?') { '&' } else { '?' };
            return Err(Trouble::ComeAgain(format!("{}{join}{AGAIN}=yes", visit.here)));
        }
        return refused(
            visit,
            ways,
            desk,
            Notice::Stale,
            "nothing was begun in this browser",
        );
    };
    let begun = Begun::open(&console, cookie.value());
    let Some(begun) = begun.filter(|begun| is(query.get("state"), &begun.state)) else {
        return refused(
            visit,
            ways,
            desk,
            Notice::Stale,
            "another sign-in was begun, or long ago",
        );
    };
    let mut response = match checked(ways, &query) {
        Ok(code) => finish(visit, desk, &console, begun, code.to_owned()).await?,
        Err((notice, reason)) => refused(visit, ways, desk, notice, reason)?,
    };
    visit::set(&mut response, visit::cookie_for(COOKIE, String::new(), 0));
    Ok(response)
}

/// The code that somebody brought, if the issuer gave them one. What the issuer says besides is not shown: anybody could have
/// written it.
fn checked<'a>(ways: &Ways, query: &'a Parameters) -> Result<&'a str, (Notice, &'static str)> {
    let issuer = ways.issuer.as_ref().map(|client| client.at.issuer());
    // Which issuer has sent them (RFC 9207), where it says so.
    if query.get("iss").is_some_and(|named| Some(named) != issuer) {
        return Err((Notice::Stale, "another issuer has answered"));
    }
    match (query.get("error"), query.get("code")) {
        (Some("temporarily_unavailable" | "server_error"), _) => {
            Err((Notice::Unreachable, "the issuer has a fault"))
        }
        (Some(_), _) => Err((Notice::Denied, "the issuer says no")),
        (None, Some(code)) => Ok(code),
        (None, None) => Err((Notice::Stale, "the issuer gave no code")),
    }
}

async fn finish(
    visit: &Visit,
    desk: &Desk,
    console: &Data<Console>,
    begun: Begun,
    code: String,
) -> Result<HttpResponse, Trouble> {
    let place = begun.back.clone();
    let shared = console.clone().into_inner();
    let finish = async move {
        let client = shared.ways.as_ref().and_then(|ways| ways.issuer.as_ref());
        client.ok_or(Fault::Unreachable)?.finish(begun, code).await
    };
    let ways = console.ways.as_ref().ok_or(Trouble::Missing)?;
    match desk.runtime.run(finish).await {
        Ok(caller) => {
            let response = welcome(visit, console, &caller, &place).await?;
            note(desk, SignIn::Done, WAY, "the issuer vouches for them");
            Ok(response)
        }
        Err(Fault::Unreachable) => refused(
            visit,
            ways,
            desk,
            Notice::Unreachable,
            "the issuer does not answer",
        ),
        Err(Fault::Refused(reason)) => refused(visit, ways, desk, Notice::Unverified, reason),
    }
}

fn refused(
    visit: &Visit,
    ways: &Ways,
    desk: &Desk,
    notice: Notice,
    reason: &'static str,
) -> Result<HttpResponse, Trouble> {
    let outcome = match notice {
        Notice::Unreachable => SignIn::Failed,
        Notice::Ended
        | Notice::Wrong
        | Notice::TooMany(_)
        | Notice::Denied
        | Notice::Unverified
        | Notice::Stale => SignIn::Refused,
    };
    note(desk, outcome, WAY, reason);
    sign_in_page(visit, ways, Some(notice), "/", "")
}

fn is(shown: Option<&str>, expected: &str) -> bool {
    let shown = shown.unwrap_or_default();
    shown.as_bytes().ct_eq(expected.as_bytes()).into()
}
