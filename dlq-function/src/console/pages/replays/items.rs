//! `GET /replays/{id}/items`: the dead letters of a replay that are to be looked at.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use shared::{
    http::{access::Scope, json::Field, page::DEFAULT_LIMIT, query},
    store::replays::{ItemState, ReplayedItem},
};

use crate::{
    console::{
        Trouble, Visit,
        language::Language,
        layout::Frame,
        pages::{CURSOR, id, letter_path, path_with, replay_path},
        texts,
    },
    routes::{Desk, replays::items},
};

/// What is noted of those that are to be looked at, or may have to be: what was sent may have failed again by now.
const NOTED: [ItemState; 4] = [
    ItemState::DeadAgain,
    ItemState::Refused,
    ItemState::Unknown,
    ItemState::Sent,
];

texts! {
    title: "What a replay did not end", "O que um reenvio não concluiu";
    about: "Dead letters of the replay that died again, were not sent, or have no outcome yet, in the order in which they are sent.", "Mensagens mortas do reenvio que morreram de novo, não foram enviadas ou ainda não têm desfecho, na ordem de envio.";
    nothing: "None of them died again, was left unsent or has no outcome.", "Nenhuma morreu de novo, deixou de ser enviada ou está sem desfecho.";
    position: "No.", "Nº";
    dead_letter: "Dead letter", "Mensagem morta";
    command: "Command", "Comando";
    outcome: "Outcome", "Desfecho";
    why: "Why", "Por quê";
    died_as: "It is now", "Agora é";
    dead_again: "died again", "morreu de novo";
    refused: "not sent", "não enviada";
    unknown: "nothing was heard of it", "sem notícias";
    sent: "sent, outcome not known yet", "enviada, ainda sem desfecho";
    csv: "All of its dead letters, as a file (CSV)", "Todas as mensagens mortas dele, em arquivo (CSV)";
    back: "Back to the replay", "Voltar ao reenvio";
    first_page: "First page", "Primeira página";
    next_page: "Next page", "Próxima página";
    pages: "Pages", "Páginas";
}

struct Row {
    position: String,
    dead_letter: String,
    path: String,
    command: String,
    tag: &'static str,
    state: &'static str,
    why: &'static str,
    /// What it has become, and where that is found.
    failure: Option<(String, String)>,
}

impl Row {
    /// `None` for one with a good end.
    fn new(language: Language, item: &ReplayedItem) -> Option<Self> {
        let t = Texts::of(language);
        let (tag, state) = match item.state {
            ItemState::DeadAgain => ("bad", t.dead_again),
            ItemState::Refused => ("warn", t.refused),
            ItemState::Unknown => ("warn", t.unknown),
            ItemState::Sent => ("", t.sent),
            ItemState::Waiting | ItemState::Applied | ItemState::Superseded | ItemState::Rejected => {
                return None;
            }
        };
        let dead_letter = item.dead_letter.to_string();
        let failure = item.failure.map(|id| id.to_string());
        Some(Self {
            position: language.number(item.position.into()),
            path: letter_path(&dead_letter),
            dead_letter,
            command: item.command.map_or_else(|| "–".to_owned(), |id| id.to_string()),
            tag,
            state,
            why: item.refusal.map_or("–", |refusal| language.refusal(refusal)),
            failure: failure.map(|id| (letter_path(&id), id)),
        })
    }
}

#[derive(Template)]
#[template(path = "pages/replays/items.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    replay: String,
    rows: Vec<Row>,
    first: Option<String>,
    next: Option<String>,
}

pub(super) async fn show(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    visit.answer(list(&visit, &desk, &path, &request).await)
}

async fn list(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    let cursor = query::read(request, &[CURSOR])?.take(CURSOR);
    let id = id(path)?;
    let after = items::after(desk, id, &cursor)?;
    let actions = desk.actions.clone();
    let read = async move {
        actions.is_replay(id).await?;
        let found = actions
            .replayed_items(id, &NOTED, after, DEFAULT_LIMIT + 1)
            .await?;
        Ok::<_, Trouble>(found)
    };
    let mut found = desk.runtime.run(read).await?;
    let next = items::cut(desk, id, &mut found, DEFAULT_LIMIT);
    let replay = replay_path(id);
    let here = format!("{replay}/items");
    visit.page(&Page {
        frame: Frame::new(visit),
        t: Texts::of(visit.language),
        rows: found
            .iter()
            .filter_map(|item| Row::new(visit.language, item))
            .collect(),
        next: next.map(|next| path_with(&here, &[(CURSOR, &next)])),
        first: (cursor != Field::Absent).then_some(here),
        replay,
    })
}
