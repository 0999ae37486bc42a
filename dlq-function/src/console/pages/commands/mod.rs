//! `/commands`: what became of a command. While it is on its way, the page follows it.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, ServiceConfig},
};
use askama::Template;
use shared::{
    clock::time_of_ms,
    domain::{CommandId, Unrecorded},
    http::access::Scope,
    store::{commands::CommandRecord, dead_letters::DeadLetterFilter},
    wire::CommandStatus,
};

use super::{COMMANDS, FOLLOWERS, command_path, contact_path, dead_of::DeadOf};
use crate::{
    actions::Followed,
    console::{
        Trouble, Visit,
        address::Parameters,
        layout::{Frame, SOON_SECONDS},
        tags, texts,
        times::{Time, utc},
    },
    routes::Desk,
};

mod meaning;

const COMMAND: &str = "/commands/{id}";
/// What a script asks for while the command is on its way.
const OUTCOME: &str = "/commands/{id}/outcome";

texts! {
    title: "Follow a command", "Acompanhar um comando";
    command: "Command", "Comando";
    about: "Every write is answered with the id of its command. Paste it here to see what became of it.", "Toda escrita é respondida com o id do seu comando. Cole-o aqui para ver o que houve com ele.";
    id: "Command id", "Id do comando";
    follow: "Follow", "Acompanhar";
    no_id: "This is no command id: it must look like 00000000-0000-0000-0000-000000000000.", "Isto não é um id de comando: deve ter a forma 00000000-0000-0000-0000-000000000000.";
    operation: "Operation", "Operação";
    contact: "Contact", "Contato";
    accepted: "Accepted", "Aceito";
    finished: "Ended", "Terminou";
    attempts: "Attempts", "Tentativas";
    follows: "This page follows it by itself.", "Esta página o acompanha automaticamente.";
    unknown: "Unknown command", "Comando desconhecido";
    unknown_advice: "contato never issued this id. Was it cut off when it was copied, or is it the id of a contact?", "Este id nunca foi emitido aqui. Ele foi cortado ao copiar, ou é o id de um contato?";
    forgotten: "No longer kept", "Não é mais guardado";
    forgotten_advice: "The command was issued, but longer ago than outcomes are kept. The page of its contact shows how things stand.", "O comando foi emitido, mas é mais antigo que o prazo de guarda dos desfechos. A página do contato mostra a situação atual.";
    another: "Follow another command", "Acompanhar outro comando";
}

#[derive(Template)]
#[template(path = "pages/commands/form.html")]
struct AskPage<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    typed: String,
    wrong: bool,
}

#[derive(Template)]
#[template(path = "pages/commands/page.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    id: CommandId,
    outcome: Outcome,
    dead: Option<DeadOf>,
}

#[derive(Template)]
#[template(path = "pages/commands/gone.html")]
struct GonePage<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    id: CommandId,
    title: &'static str,
    advice: &'static str,
}

/// What became of it: the part of the page that changes.
#[derive(Template)]
#[template(path = "pages/commands/outcome.html")]
struct Outcome {
    t: &'static Texts,
    /// Where to look again, while it is on its way.
    again: Option<String>,
    status: &'static str,
    word: &'static str,
    tag: &'static str,
    meaning: &'static str,
    rejection: Option<(&'static str, &'static str)>,
    operation: Option<&'static str>,
    contact: Option<(String, Option<String>)>,
    accepted: Option<Time>,
    finished: Option<Time>,
    attempts: Option<u32>,
}

/// Its template escapes.
impl askama::filters::HtmlSafe for Outcome {}

pub(super) fn routes(config: &mut ServiceConfig) {
    super::page(config, COMMANDS, ask);
    super::page(config, COMMAND, show);
    super::page(config, OUTCOME, look);
}

async fn ask(visit: Visit, request: HttpRequest) -> HttpResponse {
    visit.answer(asked(&visit, &request))
}

fn asked(visit: &Visit, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with_any(&FOLLOWERS)?;
    let parameters = Parameters::of(request);
    let typed = parameters.get("id").unwrap_or_default().to_owned();
    if let Ok(id) = typed.parse::<CommandId>() {
        return Ok(visit.go_to(&command_path(id)));
    }
    let wrong = !typed.is_empty();
    let page = AskPage {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        typed,
        wrong,
    };
    let status = match wrong {
        true => StatusCode::BAD_REQUEST,
        false => StatusCode::OK,
    };
    visit.page_with(status, &page)
}

async fn show(visit: Visit, desk: Data<Desk>, id: Path<String>) -> HttpResponse {
    visit.answer(shown(&visit, &desk, &id).await)
}

async fn shown(visit: &Visit, desk: &Desk, id: &str) -> Result<HttpResponse, Trouble> {
    visit.with_any(&FOLLOWERS)?;
    let id = id.parse().map_err(|_| Trouble::Missing)?;
    let t = Texts::of(visit.language);
    let outcome = match followed(desk, id).await? {
        Followed::Recorded(record) => Outcome::ended(visit, &record),
        Followed::Unrecorded(Unrecorded::Pending) => Outcome::pending(visit, id),
        Followed::Unrecorded(Unrecorded::Unknown) => {
            return gone(visit, id, StatusCode::NOT_FOUND, t.unknown, t.unknown_advice);
        }
        Followed::Unrecorded(Unrecorded::Forgotten) => {
            return gone(visit, id, StatusCode::GONE, t.forgotten, t.forgotten_advice);
        }
    };
    let its = DeadLetterFilter {
        command_id: Some(id),
        ..DeadLetterFilter::default()
    };
    let named = id.to_string();
    let dead = DeadOf::read(visit, desk, its, ("commandId", &named)).await?;
    let refresh = outcome.again.is_some().then_some(SOON_SECONDS);
    visit.page(&Page {
        frame: Frame {
            refresh,
            ..Frame::new(visit)
        },
        t,
        id,
        outcome,
        dead: dead.filter(DeadOf::has_some),
    })
}

async fn look(visit: Visit, desk: Data<Desk>, id: Path<String>) -> HttpResponse {
    visit.answer(looked(&visit, &desk, &id).await)
}

/// Nothing while nothing has changed: then htmx leaves the page as it is, and nothing is read out again.
async fn looked(visit: &Visit, desk: &Desk, id: &str) -> Result<HttpResponse, Trouble> {
    visit.with_any(&FOLLOWERS)?;
    let id = id.parse().map_err(|_| Trouble::Missing)?;
    match followed(desk, id).await? {
        Followed::Recorded(record) => visit.page(&Outcome::ended(visit, &record)),
        Followed::Unrecorded(Unrecorded::Pending) => Ok(HttpResponse::NoContent().finish()),
        Followed::Unrecorded(Unrecorded::Unknown | Unrecorded::Forgotten) => Err(Trouble::Missing),
    }
}

async fn followed(desk: &Desk, id: CommandId) -> Result<Followed, Trouble> {
    let actions = desk.actions.clone();
    Ok(desk.runtime.run(async move { actions.follow(id).await }).await?)
}

fn gone(
    visit: &Visit,
    id: CommandId,
    status: StatusCode,
    title: &'static str,
    advice: &'static str,
) -> Result<HttpResponse, Trouble> {
    let page = GonePage {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        id,
        title,
        advice,
    };
    visit.page_with(status, &page)
}

impl Outcome {
    fn of(visit: &Visit, status: CommandStatus) -> Self {
        let language = visit.language;
        Self {
            t: Texts::of(language),
            again: None,
            status: language.command_status(status),
            word: status.as_str(),
            tag: tags::of_command(status),
            meaning: language.command_meaning(status),
            rejection: match status {
                CommandStatus::Rejected(rejection) => {
                    Some((rejection.as_str(), language.rejection(rejection)))
                }
                CommandStatus::Pending
                | CommandStatus::Applied
                | CommandStatus::Superseded
                | CommandStatus::DeadLettered => None,
            },
            operation: None,
            contact: None,
            accepted: None,
            finished: None,
            attempts: None,
        }
    }

    fn pending(visit: &Visit, id: CommandId) -> Self {
        Self {
            again: Some(format!("{}/outcome", command_path(id))),
            accepted: id.issued_at_ms().map(|ms| utc(time_of_ms(ms))),
            ..Self::of(visit, CommandStatus::Pending)
        }
    }

    fn ended(visit: &Visit, record: &CommandRecord) -> Self {
        let path = contact_path(record.contact_id);
        Self {
            operation: Some(visit.language.operation(record.operation)),
            contact: Some((
                record.contact_id.to_string(),
                visit.may(Scope::ContactsRead).then_some(path),
            )),
            accepted: Some(utc(record.accepted_at)),
            finished: Some(utc(record.finished_at)),
            attempts: Some(record.attempts),
            ..Self::of(visit, record.status)
        }
    }
}
