//! One contact, and the history of its commands.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path},
};
use askama::Template;
use shared::{
    domain::{AreaCode, CommandId, ContactId, Life, Phone, State},
    http::{access::Scope, page::DEFAULT_LIMIT, query},
    store::{
        commands::{CommandFilter, CommandPosition, CommandRecord},
        contacts::Contact,
        dead_letters::DeadLetterFilter,
    },
    wire::CommandStatus,
};

use super::Texts;
use crate::{
    console::{
        Trouble, Visit,
        layout::Frame,
        pages::{CURSOR, command_path, contact_path, dead_of::DeadOf, path_with},
        tags,
        times::{Time, utc},
    },
    routes::{Desk, paging},
};

#[derive(Template)]
#[template(path = "pages/contacts/page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    id: ContactId,
    /// The name, or what it is without one.
    title: String,
    stands: Stands,
    history: Vec<Line>,
    older: Option<String>,
    newest: Option<String>,
    dead: Option<DeadOf>,
}

/// How a contact stands.
enum Stands {
    Born(Box<Shown>),
    Deleted(Option<Time>),
    Unborn,
    /// It has no row; its id was issued.
    Waiting,
    /// It has no row, and its id is none of ours.
    Unknown,
}

/// What a contact tells of itself.
struct Shown {
    name: Option<String>,
    phone: Option<String>,
    area: Option<String>,
    email: Option<String>,
    version: String,
    created: Option<Time>,
    updated: Option<Time>,
}

/// A command of the history.
struct Line {
    path: String,
    id: String,
    operation: &'static str,
    tag: &'static str,
    status: &'static str,
    rejection: Option<&'static str>,
    accepted: Time,
    finished: Time,
    attempts: u32,
}

pub(super) async fn show(
    visit: Visit,
    desk: Data<Desk>,
    request: HttpRequest,
    id: Path<String>,
) -> HttpResponse {
    visit.answer(shown(&visit, &desk, &request, &id).await)
}

async fn shown(visit: &Visit, desk: &Desk, request: &HttpRequest, id: &str) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::ContactsRead])?;
    let id: ContactId = id.parse().map_err(|_| Trouble::Missing)?;
    let cursor = query::read(request, &[CURSOR])?.take(CURSOR);
    let scope = format!("history of {id}");
    let after = paging::after(desk, &cursor, &scope)?;

    let store = desk.actions.store.clone();
    let read = async move {
        let theirs = CommandFilter {
            contact_id: Some(id),
            status: None,
        };
        let after = after.map(|(accepted_at, id)| CommandPosition {
            accepted_at,
            id: CommandId::from_uuid(id),
        });
        let contact = store.contact(id).await?;
        Ok::<_, Trouble>((
            contact,
            store.commands_page(&theirs, after, DEFAULT_LIMIT + 1).await?,
        ))
    };
    let (contact, mut records) = desk.runtime.run(read).await?;
    let next = paging::cut(desk, &mut records, DEFAULT_LIMIT, &scope, |last| {
        Some((last.accepted_at, last.id.as_uuid()))
    });
    let theirs = DeadLetterFilter {
        contact_id: Some(id),
        ..DeadLetterFilter::default()
    };
    let (here, named) = (contact_path(id), id.to_string());
    let dead = DeadOf::read(visit, desk, theirs, ("contactId", &named)).await?;
    let t = Texts::of(visit.language);
    let stands = Stands::of(contact.as_ref(), desk.ids.proves(id));
    let status = match &stands {
        Stands::Unknown => StatusCode::NOT_FOUND,
        Stands::Born(_) | Stands::Deleted(_) | Stands::Unborn | Stands::Waiting => StatusCode::OK,
    };
    let page = Page {
        frame: Frame::new(visit),
        t,
        id,
        title: stands.title(t),
        stands,
        history: records.iter().map(|record| Line::of(visit, record)).collect(),
        older: next.map(|next| path_with(&here, &[(CURSOR, &next)])),
        newest: after.is_some().then_some(here),
        dead,
    };
    visit.page_with(status, &page)
}

impl Stands {
    fn of(contact: Option<&Contact>, issued: bool) -> Self {
        let Some(contact) = contact else {
            return match issued {
                true => Self::Waiting,
                false => Self::Unknown,
            };
        };
        match contact.state.life {
            Life::Born(_) => Self::Born(Box::new(contact.into())),
            Life::Deleted => Self::Deleted(contact.deleted_at.map(utc)),
            Life::Unborn => Self::Unborn,
        }
    }

    fn title(&self, t: &'static Texts) -> String {
        let title = match self {
            Self::Born(shown) => shown.name.as_deref().unwrap_or(t.contact),
            Self::Deleted(_) | Self::Unborn | Self::Waiting => t.contact,
            Self::Unknown => t.unknown,
        };
        title.to_owned()
    }
}

impl From<&Contact> for Shown {
    fn from(contact: &Contact) -> Self {
        let state = &contact.state;
        let phone = state.phone.value.as_ref();
        let area = |code: AreaCode| format!("{code} ({})", State::as_str(code.state()));
        Self {
            name: state.name.value.as_ref().map(|name| name.as_str().to_owned()),
            phone: phone.map(Phone::as_dialled),
            area: phone.and_then(Phone::area_code).map(area),
            email: state.email.value.as_ref().map(|email| email.as_str().to_owned()),
            version: state.etag().to_string(),
            created: contact.created_at.map(utc),
            updated: contact.updated_at.map(utc),
        }
    }
}

impl Line {
    fn of(visit: &Visit, record: &CommandRecord) -> Self {
        let language = visit.language;
        Self {
            path: command_path(record.id),
            id: record.id.to_string(),
            operation: language.operation(record.operation),
            tag: tags::of_command(record.status),
            status: language.command_status(record.status),
            rejection: match record.status {
                CommandStatus::Rejected(rejection) => Some(language.rejection(rejection)),
                CommandStatus::Pending
                | CommandStatus::Applied
                | CommandStatus::Superseded
                | CommandStatus::DeadLettered => None,
            },
            accepted: utc(record.accepted_at),
            finished: utc(record.finished_at),
            attempts: record.attempts,
        }
    }
}
