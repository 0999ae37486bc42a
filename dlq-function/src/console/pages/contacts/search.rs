//! Search: the form, and a page of what it finds.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use askama::Template;
use shared::{
    domain::{AreaCode, ContactId, Phone, State},
    http::{
        access::Scope,
        contact::{ContactPage, ContactQuery},
        json::{Field, Members},
        problem::Fault,
    },
    store::contacts::Contact,
};

use super::Texts;
use crate::{
    console::{
        Form, Trouble, Visit,
        layout::Frame,
        pages::{CURSOR, contact_path},
        times::{Time, utc},
    },
    routes::Desk,
};

/// The fields, by the names that the API has for them.
const NAMES: [&str; 6] = ["q", "areaCode", "state", "phone", "email", "sort"];

#[derive(Template)]
#[template(path = "pages/contacts/search.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    typed: Typed,
    faults: Vec<(String, String)>,
    found: Option<Found>,
}

/// What was typed, for the form to stand as it was sent.
#[derive(Default)]
struct Typed(Vec<(&'static str, String)>);

struct Found {
    lines: Vec<Line>,
    next: Option<String>,
    previous: Option<String>,
}

struct Line {
    path: String,
    name: String,
    phone: Option<String>,
    state: Option<&'static str>,
    email: Option<String>,
    updated: Option<Time>,
}

pub(super) async fn ask(visit: Visit) -> HttpResponse {
    visit.answer(asked(&visit))
}

fn asked(visit: &Visit) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::ContactsRead])?;
    visit.page(&Page::of(visit, Typed::default()))
}

pub(super) async fn search(
    visit: Visit,
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(searched(&visit, &desk, &request, payload).await)
}

async fn searched(
    visit: &Visit,
    desk: &Desk,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::ContactsRead])?;
    let form = Form::read(visit, request, payload).await?;
    let typed = Typed::of(&form);
    if let Ok(id) = typed.value("q").parse::<ContactId>() {
        return Ok(visit.go_to(&contact_path(id)));
    }
    let query = match ContactQuery::from_body(typed.members(form.text(CURSOR))) {
        Ok(query) => query,
        Err(problem) => {
            let told = |fault: &Fault| {
                let member = fault.pointer.trim_start_matches('/');
                let sentence = visit.language.rule(member, &fault.code, &fault.detail);
                (member.to_owned(), sentence)
            };
            let page = Page {
                faults: problem.faults().iter().map(told).collect(),
                ..Page::of(visit, typed)
            };
            return visit.page_with(StatusCode::UNPROCESSABLE_ENTITY, &page);
        }
    };
    let (store, ids) = (desk.actions.store.clone(), desk.ids.clone());
    let read = async move { ContactPage::read(&store, &ids, query).await };
    let page = desk.runtime.run(read).await?;
    visit.page(&Page {
        found: Some(Found {
            lines: page.contacts.iter().map(Line::from).collect(),
            next: page.next,
            previous: page.previous,
        }),
        ..Page::of(visit, typed)
    })
}

impl<'a> Page<'a> {
    fn of(visit: &'a Visit, typed: Typed) -> Self {
        Self {
            frame: Frame::new(visit),
            t: Texts::of(visit.language),
            typed,
            faults: Vec::new(),
            found: None,
        }
    }

    /// What is wrong, by the names that the fields have on the page.
    fn told(&self) -> Vec<(&'static str, &str)> {
        let t = self.t;
        let names = [t.q, t.area_code, t.state, t.exact_phone, t.exact_email, t.sort];
        self.faults
            .iter()
            .filter_map(|fault| {
                let (member, sentence) = fault;
                let place = NAMES.iter().position(|name| name == member)?;
                Some((*names.get(place)?, sentence.as_str()))
            })
            .collect()
    }

    fn states(&self) -> impl Iterator<Item = &'static str> {
        State::all().map(|state| state.as_str())
    }

    fn area_codes(&self) -> impl Iterator<Item = String> {
        AreaCode::all().map(|code| code.to_string())
    }

    /// The orders, as the API has them.
    fn sorts(&self) -> [(&'static str, &'static str); 4] {
        let t = self.t;
        [
            ("-createdAt", t.newest_first),
            ("createdAt", t.oldest_first),
            ("-updatedAt", t.changed_first),
            ("name", t.by_name),
        ]
    }

    /// The pages beside this one: what each is called, and its cursor.
    fn neighbours(&self) -> Vec<(&'static str, &str)> {
        let found = self.found.as_ref();
        let previous = found.and_then(|found| found.previous.as_deref());
        let next = found.and_then(|found| found.next.as_deref());
        [(self.t.previous, previous), (self.t.next, next)]
            .into_iter()
            .filter_map(|(name, cursor)| Some((name, cursor?)))
            .collect()
    }
}

impl Typed {
    fn of(form: &Form) -> Self {
        let typed = NAMES
            .into_iter()
            .filter_map(|name| Some((name, form.text(name)?.to_owned())));
        Self(typed.collect())
    }

    fn value(&self, name: &str) -> &str {
        let found = self.0.iter().find(|(known, _)| *known == name);
        found.map_or("", |(_, value)| value.as_str())
    }

    fn fields(&self) -> &[(&'static str, String)] {
        &self.0
    }

    fn members(&self, cursor: Option<&str>) -> Members {
        let typed = self.0.iter().map(|(name, value)| (*name, value.as_str()));
        let all = typed.chain(cursor.map(|cursor| (CURSOR, cursor)));
        Members::from_pairs(all.map(|(name, value)| (name.to_owned(), Field::Text(value.to_owned()))))
    }
}

impl From<&Contact> for Line {
    fn from(contact: &Contact) -> Self {
        let state = &contact.state;
        let name = state.name.value.as_ref().map(|name| name.as_str().to_owned());
        let phone = state.phone.value.as_ref();
        Self {
            path: contact_path(state.id),
            name: name.unwrap_or_else(|| state.id.to_string()),
            phone: phone.map(Phone::as_dialled),
            state: phone.and_then(Phone::state).map(State::as_str),
            email: state.email.value.as_ref().map(|email| email.as_str().to_owned()),
            updated: contact.updated_at.map(utc),
        }
    }
}
