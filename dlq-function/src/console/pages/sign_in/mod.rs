//! `/sign-in` and `/sign-out`: how people come in and go.
//!
//! **Invariant:** nobody is sent anywhere but to a path of ours or to the issuer, and whoever signs in gets a cookie that nobody had
//! before.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, ServiceConfig},
};
use askama::Template;
use shared::http::access::Caller;

use super::{
    SIGN_IN, SIGN_IN_AT_ISSUER, SIGN_IN_CALLBACK, SIGN_OUT, path_with, preferences::place_of_ours, resource,
};
use crate::{
    console::{Console, Trouble, Visit, address::Parameters, layout::Frame, texts, visit, ways::Ways},
    metrics::SignIn,
    routes::Desk,
};

mod at_issuer;
mod out;
mod password;

/// The longest place to come back to, in bytes: it has to fit into a cookie.
const BACK_MAX_BYTES: usize = 1500;

texts! {
    title: "Sign in", "Entrar";
    organisation: "Sign in with your organisation", "Entrar com a conta da sua organização";
    or_password: "Or with a name and a password", "Ou com nome e senha";
    name: "Name", "Nome";
    password: "Password", "Senha";
    sign_in: "Sign in", "Entrar";
    no_way: "Nobody can sign in yet: whoever runs contato has to set one of these.", "Ainda não há como entrar: quem opera o contato precisa configurar um destes itens.";
    no_way_password: "for names and passwords", "para nome e senha";
    no_way_issuer: "for accounts of your organisation", "para contas da sua organização";
    ended: "Your session has ended. Sign in to go on where you were.", "Sua sessão terminou. Entre de novo para continuar de onde parou.";
    wrong: "That name and that password do not belong together.", "Esse nome e essa senha não conferem.";
    too_many: "Too many tries. Wait a moment, then try again.", "Tentativas demais. Espere um pouco e tente de novo.";
    unreachable: "Your organisation's sign-in does not answer. Try again in a moment.", "O login da sua organização não responde. Tente de novo em instantes.";
    denied: "Your organisation did not let you in. Ask whoever runs contato for access.", "Sua organização não autorizou a entrada. Peça acesso a quem opera o contato.";
    unverified: "What came back from your organisation's sign-in does not hold. Sign in again; if that does not help, tell whoever runs contato.", "O que voltou do login da sua organização não é válido. Entre de novo; se não resolver, avise quem opera o contato.";
    stale: "This sign-in took too long, or began in another window. Sign in again.", "Este login demorou demais ou começou em outra janela. Entre de novo.";
}

#[derive(Template)]
#[template(path = "pages/sign_in/page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    /// Why somebody is here.
    notice: Option<&'static str>,
    /// Whether something went wrong.
    wrong: bool,
    back: &'a str,
    name: &'a str,
    with_password: bool,
    at_issuer: Option<String>,
}

/// Why nobody has signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notice {
    /// The session is over.
    Ended,
    /// Name and password do not fit.
    Wrong,
    /// One try too many; the next may come after so many seconds.
    TooMany(u64),
    /// The issuer does not answer.
    Unreachable,
    /// The issuer says no.
    Denied,
    /// What the issuer gave does not hold.
    Unverified,
    /// The way to the issuer and back does not fit together.
    Stale,
}

impl Notice {
    fn status(self) -> StatusCode {
        match self {
            Self::Ended => StatusCode::OK,
            Self::Wrong | Self::Denied | Self::Unverified | Self::Stale => StatusCode::FORBIDDEN,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::Unreachable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn text(self, t: &'static Texts) -> &'static str {
        match self {
            Self::Ended => t.ended,
            Self::Wrong => t.wrong,
            Self::TooMany(_) => t.too_many,
            Self::Unreachable => t.unreachable,
            Self::Denied => t.denied,
            Self::Unverified => t.unverified,
            Self::Stale => t.stale,
        }
    }
}

pub(super) fn routes(config: &mut ServiceConfig) {
    config
        .service(
            resource(SIGN_IN, "GET, HEAD, POST")
                .get(show)
                .head(show)
                .post(password::sign_in),
        )
        .service(
            resource(SIGN_OUT, "GET, HEAD, POST")
                .get(out::show)
                .head(out::show)
                .post(out::sign_out),
        );
    super::page(config, SIGN_IN_AT_ISSUER, at_issuer::begin);
    super::page(config, SIGN_IN_CALLBACK, at_issuer::come_back);
}

async fn show(visit: Visit, request: HttpRequest, console: Data<Console>) -> HttpResponse {
    visit.answer(shown(&visit, &request, &console))
}

fn shown(visit: &Visit, request: &HttpRequest, console: &Console) -> Result<HttpResponse, Trouble> {
    let query = Parameters::of(request);
    let back = place_after(query.get("back"));
    let Some(ways) = ways_in(visit, console)? else {
        return Ok(visit.go_to(back));
    };
    let notice = query.get("ended").map(|_| Notice::Ended);
    sign_in_page(visit, ways, notice, back, "")
}

/// How to sign in, for whoever has not; `None` where that leads nowhere.
fn ways_in<'a>(visit: &Visit, console: &'a Console) -> Result<Option<&'a Ways>, Trouble> {
    visit.at_a_name_of_ours()?;
    if visit.comes_from_elsewhere() {
        // The form has to be bound to the reader's cookie.
        return Err(Trouble::ComeAgain(visit.here.clone()));
    }
    Ok(console.ways.as_ref().filter(|_| !visit.can_sign_out()))
}

fn sign_in_page(
    visit: &Visit,
    ways: &Ways,
    notice: Option<Notice>,
    back: &str,
    name: &str,
) -> Result<HttpResponse, Trouble> {
    let t = Texts::of(visit.language);
    let status = notice.map_or(StatusCode::OK, Notice::status);
    let issuer = ways.issuer.as_ref();
    let mut response = visit.page_with(
        status,
        &Page {
            frame: Frame::new(visit),
            t,
            notice: notice.map(|notice| notice.text(t)),
            wrong: status != StatusCode::OK,
            back,
            name,
            with_password: ways.operators.is_some(),
            at_issuer: issuer.map(|_| path_with(SIGN_IN_AT_ISSUER, &[("back", back)])),
        },
    )?;
    if let Some(Notice::TooMany(seconds)) = notice {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    Ok(response)
}

/// Counts and notes what came of it. Not who: whoever tries names, or passwords in their place, is not to find them in a log.
fn note(desk: &Desk, outcome: SignIn, way: &'static str, reason: &'static str) {
    desk.metrics.signed_in(outcome);
    tracing::info!(
        sign_in.outcome = outcome.as_str(),
        sign_in.way = way,
        sign_in.reason = reason,
        "somebody tried to sign in to the console"
    );
}

/// Lets somebody in.
async fn welcome(
    visit: &Visit,
    console: &Console,
    caller: &Caller,
    back: &str,
) -> Result<HttpResponse, Trouble> {
    let cookie = console.sessions.open(visit.cookie(), caller).await?;
    let mut response = visit.go_to(place_after(Some(back)));
    visit::set(&mut response, visit::cookie_of(visit::COOKIE, cookie));
    Ok(response)
}

/// Where to go once somebody has signed in: never elsewhere, nor to where one signs in or out.
fn place_after(back: Option<&str>) -> &str {
    let place = place_of_ours(back.unwrap_or_default());
    let is_for_this = [SIGN_IN, SIGN_OUT].iter().any(|path| place.starts_with(path));
    if is_for_this || place.len() > BACK_MAX_BYTES {
        "/"
    } else {
        place
    }
}
