//! A request for a page: who asks, in which language and theme, and with which cookie; and the answer to it.
//!
//! The cookie `__Host-contato` has 32 bytes that nobody can guess. It is the name of a session once somebody has signed in, and before that
//! it only binds forms to a reader.

use std::{convert::Infallible, future::Ready};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse,
    cookie::{Cookie, SameSite, time::Duration},
    dev::Payload,
    http::{
        StatusCode, Uri,
        header::{self, HeaderMap},
    },
    web::Data,
};
use askama::Template;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use shared::http::access::{Caller, Scope, Visitor, is_of_this_machine};

use super::{Console, Trouble, form, language::Language};
use crate::actions::By;

/// The cookie of a reader.
pub(crate) const COOKIE: &str = "__Host-contato";
const LANGUAGE_COOKIE: &str = "__Host-contato-language";
const THEME_COOKIE: &str = "__Host-contato-theme";
/// How long a choice of language or theme is kept.
const CHOICE_KEPT: Duration = Duration::days(365);

/// Nothing from elsewhere, nothing inline (Content Security Policy level 3).
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// How a page looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Theme {
    /// As the system says.
    #[default]
    System,
    Light,
    Dark,
}

impl Theme {
    pub(crate) const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::Light => "light",
            Self::Dark => "dark",
        }
    }

    pub(crate) fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|theme| theme.as_str() == word)
    }
}

/// A request for a page.
pub(crate) struct Visit {
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    /// The path and the query, to come back to.
    pub(crate) here: String,
    path: String,
    /// Whether what was asked for can be come back to.
    is_read: bool,
    /// Where to go on once somebody has signed in.
    back: String,
    visitor: Visitor,
    /// The reader's cookie, and whether it is a new one.
    cookie: (String, bool),
    token: String,
    signs_in: bool,
    foreign_name: bool,
    from_elsewhere: bool,
    part: bool,
}

/// Who somebody is may be personal data, and the cookie is a secret.
impl std::fmt::Debug for Visit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Visit({})", self.path)
    }
}

impl FromRequest for Visit {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let console = request
            .app_data::<Data<Console>>()
            .expect("the console's routes have it");
        std::future::ready(Ok(Self::new(console, request)))
    }
}

impl Visit {
    fn new(console: &Console, request: &HttpRequest) -> Self {
        let chosen = |name| request.cookie(name);
        let language = chosen(LANGUAGE_COOKIE).and_then(|cookie| Language::from_tag(cookie.value()));
        let theme = chosen(THEME_COOKIE).and_then(|cookie| Theme::from_word(cookie.value()));
        let cookie = match cookie(request.headers()) {
            Some(cookie) => (cookie, false),
            None => (new_cookie(), true),
        };
        let uri = request.uri();
        let here = uri.path_and_query().map_or("/", |here| here.as_str()).to_owned();
        let back = if request.method().is_safe() {
            here.clone()
        } else {
            page_before(request).unwrap_or_else(|| "/".to_owned())
        };
        Self {
            language: language.unwrap_or_else(|| Language::accepted(request)),
            theme: theme.unwrap_or_default(),
            here,
            path: request.path().to_owned(),
            is_read: request.method().is_safe(),
            back,
            visitor: Visitor::of(request),
            token: form::token(&console.ids, &cookie.0),
            cookie,
            signs_in: console.ways.is_some(),
            foreign_name: console.this_machine_only && !is_of_this_machine(request.headers()),
            from_elsewhere: request
                .headers()
                .get("sec-fetch-site")
                .is_some_and(|site| site == "cross-site" || site == "same-site"),
            part: asks_for_a_part(request.headers()),
        }
    }

    /// Whether a script asks for a part of a page, to put it in the place of an older one.
    pub(crate) fn is_for_a_part(&self) -> bool {
        self.part
    }

    /// The token that forms of this reader carry.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The cookie that the reader came with.
    pub(crate) fn cookie(&self) -> Option<&str> {
        let (cookie, is_new) = &self.cookie;
        (!is_new).then_some(cookie)
    }

    /// Who has signed in.
    fn caller(&self) -> Option<&Caller> {
        match &self.visitor {
            Visitor::Known(caller) => Some(caller),
            Visitor::Nobody | Visitor::Ended | Visitor::Unsure => None,
        }
    }

    /// Whether somebody has signed in, and can sign out.
    pub(crate) fn can_sign_out(&self) -> bool {
        self.signs_in && self.caller().is_some()
    }

    /// Whether somebody had signed in, and has to do so again.
    pub(crate) fn has_ended(&self) -> bool {
        matches!(self.visitor, Visitor::Ended)
    }

    /// Where to go once somebody has signed in.
    pub(crate) fn to_come_back_to(&self) -> &str {
        &self.back
    }

    /// Whether another site led here, and the cookie that the reader may have did not come along (SameSite=Strict). One on
    /// ours comes with it.
    pub(crate) fn comes_from_elsewhere(&self) -> bool {
        self.from_elsewhere && self.cookie.1
    }

    /// The name of who asks; empty where nobody has to say who they are.
    pub(crate) fn who(&self) -> &str {
        self.caller().map_or("", Caller::principal)
    }

    /// Whether who asks has the scope: what somebody may not do is not offered.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.caller().is_some_and(|caller| caller.may(scope))
    }

    /// Whether this page is at a path or below it.
    pub(crate) fn is_at(&self, path: &str) -> bool {
        match self.path.strip_prefix(path) {
            Some(rest) => rest.is_empty() || rest.starts_with('/'),
            None => false,
        }
    }

    /// Who asks, and has all of the scopes.
    ///
    /// # Errors
    /// If nobody has signed in, or they lack one; where nobody signs in, if the name in the address is not of this machine.
    pub(crate) fn with(&self, scopes: &'static [Scope]) -> Result<By, Trouble> {
        self.at_a_name_of_ours()?;
        let caller = match &self.visitor {
            Visitor::Known(caller) => caller,
            Visitor::Unsure => return Err(Trouble::Unsure),
            Visitor::Nobody | Visitor::Ended if self.is_read && self.comes_from_elsewhere() => {
                return Err(Trouble::ComeAgain(self.here.clone()));
            }
            Visitor::Nobody | Visitor::Ended => return Err(Trouble::SignIn),
        };
        if scopes.iter().all(|scope| caller.may(*scope)) {
            Ok(By(caller.principal().to_owned()))
        } else {
            Err(Trouble::Forbidden(scopes))
        }
    }

    /// Who asks, and has one of the scopes.
    ///
    /// # Errors
    /// As [`with`](Self::with), if they have none.
    pub(crate) fn with_any(&self, scopes: &'static [Scope]) -> Result<By, Trouble> {
        let by = self.with(&[])?;
        if scopes.iter().any(|scope| self.may(*scope)) {
            Ok(by)
        } else {
            Err(Trouble::Forbidden(scopes))
        }
    }

    /// Refuses a request to a name of somebody else's that leads here (DNS rebinding), where nothing else protects.
    pub(crate) fn at_a_name_of_ours(&self) -> Result<(), Trouble> {
        if self.foreign_name {
            return Err(Trouble::ForeignName);
        }
        Ok(())
    }

    /// A page.
    pub(crate) fn page(&self, page: &impl Template) -> Result<HttpResponse, Trouble> {
        self.page_with(StatusCode::OK, page)
    }

    /// A page with a status.
    pub(crate) fn page_with(
        &self,
        status: StatusCode,
        page: &impl Template,
    ) -> Result<HttpResponse, Trouble> {
        let text = page.render().map_err(Trouble::Render)?;
        Ok(HttpResponse::build(status)
            .content_type("text/html; charset=utf-8")
            .insert_header((header::CONTENT_LANGUAGE, self.language.tag()))
            .body(text))
    }

    /// Sends the browser on to another page, which it gets (RFC 9110, section 15.4.4).
    pub(crate) fn go_to(&self, place: &str) -> HttpResponse {
        HttpResponse::SeeOther()
            .insert_header((header::LOCATION, place))
            .finish()
    }

    /// The answer: a page, or one that says why not.
    pub(crate) fn answer(&self, made: Result<HttpResponse, Trouble>) -> HttpResponse {
        let mut response = made.unwrap_or_else(|trouble| trouble.answer(self));
        let headers = response.headers_mut();
        let fixed = [
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::REFERRER_POLICY, "same-origin"),
            (header::CACHE_CONTROL, "no-store"),
            (header::CROSS_ORIGIN_OPENER_POLICY, "same-origin"),
            (header::CROSS_ORIGIN_RESOURCE_POLICY, "same-origin"),
        ];
        for (name, value) in fixed {
            headers.insert(name, header::HeaderValue::from_static(value));
        }
        headers.insert(
            header::VARY,
            header::HeaderValue::from_static("Accept-Language, Cookie, Sec-Fetch-Site"),
        );
        let has_new_cookie = response.cookies().any(|cookie| cookie.name() == COOKIE);
        // A reader who has a cookie that did not come along keeps it.
        if self.cookie.1 && !has_new_cookie && !self.from_elsewhere {
            set(&mut response, cookie_of(COOKIE, self.cookie.0.clone()));
        }
        response
    }
}

/// The page of ours that a form was sent from (`Referer`, RFC 9110, section 10.1.3; our policy lets browsers tell all of it).
fn page_before(request: &HttpRequest) -> Option<String> {
    let headers = request.headers();
    let before: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let ours = headers.get(header::HOST)?.to_str().ok()?;
    let place = before.path_and_query()?.as_str();
    (before.authority()?.as_str() == ours).then(|| place.to_owned())
}

/// Whether htmx, not a person, asks: it does so by itself for as long as a page is open.
pub(crate) fn asks_for_a_part(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request")
}

/// The cookie of a reader, if it is one of ours by its form. Of two with the same name none is.
pub(crate) fn cookie(headers: &HeaderMap) -> Option<String> {
    let lines = headers
        .get_all(header::COOKIE)
        .filter_map(|line| line.to_str().ok());
    let mut found = lines.flat_map(|line| line.split(';')).filter_map(|pair| {
        let (name, value) = pair.trim().split_once('=')?;
        (name == COOKIE).then_some(value)
    });
    match (found.next(), found.next()) {
        (Some(value), None) => bytes(value).map(|_| value.to_owned()),
        (_, _) => None,
    }
}

/// What is in a cookie of a reader.
pub(crate) fn bytes(cookie: &str) -> Option<[u8; 32]> {
    BASE64.decode(cookie).ok()?.try_into().ok()
}

/// A cookie of a new reader.
pub(crate) fn new_cookie() -> String {
    BASE64.encode(rand::random::<[u8; 32]>())
}

/// A cookie for the time that the browser runs. `__Host-` and what goes with it: sent to this origin only, over TLS or on this
/// machine, out of reach of scripts and of requests that other sites cause (RFC 6265bis, section 4.1.3).
pub(crate) fn cookie_of(name: &'static str, value: String) -> Cookie<'static> {
    Cookie::build(name, value)
        .path("/")
        .secure(true)
        .http_only(true)
        .same_site(SameSite::Strict)
        .finish()
}

/// The cookie that keeps a choice of language.
pub(crate) fn language_cookie(language: Language) -> Cookie<'static> {
    kept(cookie_of(LANGUAGE_COOKIE, language.tag().to_owned()))
}

/// The cookie that keeps a choice of theme.
pub(crate) fn theme_cookie(theme: Theme) -> Cookie<'static> {
    kept(cookie_of(THEME_COOKIE, theme.as_str().to_owned()))
}

/// A cookie that keeps something for a while.
pub(crate) fn cookie_for(name: &'static str, value: String, seconds: u32) -> Cookie<'static> {
    let mut cookie = cookie_of(name, value);
    cookie.set_max_age(Duration::seconds(seconds.into()));
    cookie
}

fn kept(mut cookie: Cookie<'static>) -> Cookie<'static> {
    cookie.set_max_age(CHOICE_KEPT);
    cookie
}

/// Adds a cookie to an answer.
pub(crate) fn set(response: &mut HttpResponse, cookie: Cookie<'static>) {
    // What cookies of ours are made of fits into a header.
    let added = response.add_cookie(&cookie);
    debug_assert!(added.is_ok(), "a cookie");
}
