//! `GET /replays/{id}` and `/progress`: how far a replay has come. The progress is a part of the page that a script gets anew
//! while there is more to come; without scripts the whole page is.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use shared::{
    http::{access::Scope, query},
    store::replays::ReplayState,
};

use super::outcomes::{self, Outcome};
use crate::{
    actions::ActionError,
    console::{
        Trouble, Visit,
        language::Language,
        layout::{Frame, SOON_SECONDS},
        pages::{DEAD_LETTERS, REPLAYS, id, path_with, replay_path},
        plots::Shares,
        selections::{Fact, facts},
        tags, texts,
        times::{Time, of_view},
    },
    replays::ReplayView,
    routes::Desk,
};

texts! {
    title: "Replay", "Reenvio";
    progress: "Progress", "Andamento";
    of: "of", "de";
    have_ended: "have an outcome", "têm desfecho";
    running: "The replay goes on.", "O reenvio está em andamento.";
    stopped: "The replay was stopped: no more is sent. What was sent still ends.", "O reenvio foi parado: nada mais é enviado. O que já foi enviado ainda termina.";
    braked: "The replay braked by itself: too many failed again. Look at what died again and mend the cause; then resume it. What waits is untouched.", "O reenvio freou sozinho: muitas falharam de novo. Veja o que morreu de novo e resolva a causa; depois retome. As que esperam continuam intactas.";
    finished: "The replay has ended.", "O reenvio terminou.";
    empty: "Nothing was in it.", "Não havia nada nele.";
    how_many: "How many", "Quantas";
    outcome: "Outcome", "Desfecho";
    refusals: "Why some were not sent", "Por que algumas não foram enviadas";
    each: "What it did not end, one by one", "As que ele não concluiu, uma a uma";
    file: "Outcomes as a file (CSV)", "Desfechos em arquivo (CSV)";
    look_again: "Look at what died again", "Ver o que morreu de novo";
    unknown: "Of some nothing was heard for ten minutes, as where no worker runs. Replay them again.", "De algumas não houve notícias por dez minutos, como quando nenhum worker está no ar. Reenvie-as.";
    stop: "Stop", "Parar";
    resume: "Resume", "Retomar";
    about: "About this replay", "Sobre este reenvio";
    started: "Started", "Início";
    finished_at: "Ended", "Fim";
    by: "By", "Por";
    total: "Dead letters", "Mensagens mortas";
    rate: "Messages a second, at most", "Mensagens por segundo, no máximo";
    brake: "Brake", "Freio";
    brake_off: "never", "nunca";
    brake_at: "of outcomes are failures", "dos desfechos são falhas";
    brake_over: "when more than", "quando mais de";
    truncated: "More matched than one replay may have: the others are left for another one.", "Havia mais do que cabe em um reenvio: as outras ficam para outro.";
    which: "Which dead letters", "Quais mensagens mortas";
    all: "All replays", "Todos os reenvios";
}

/// How far it has come.
#[derive(Template)]
#[template(path = "pages/replays/progress.html")]
struct Progress<'a> {
    visit: &'a Visit,
    t: &'static Texts,
    path: String,
    /// Whether there is more to come by itself.
    goes_on: bool,
    state: &'static str,
    tag: &'static str,
    sentence: &'static str,
    ended: u64,
    total: u64,
    told: String,
    outcomes: Vec<Outcome>,
    shares: Shares,
    refused: Vec<(&'static str, String)>,
    /// Where those that died again are found.
    again: Option<String>,
    /// Whether there are some to be looked at one by one.
    some_left: bool,
    some_unknown: bool,
    may_stop: bool,
    may_resume: bool,
}

impl<'a> Progress<'a> {
    fn new(visit: &'a Visit, replay: &ReplayView) -> Self {
        let (language, t) = (visit.language, Texts::of(visit.language));
        let counts = &replay.counts;
        let (ended, total) = (outcomes::ended(counts), u64::from(replay.total));
        let become_of = outcomes::become_of(language, counts);
        let since = [("state", "open"), ("since", replay.started_at.as_str())];
        let may = visit.may(Scope::DeadLettersReplay);
        Self {
            visit,
            t,
            path: replay_path(&replay.id),
            // Of one that does not run, what was sent still ends.
            goes_on: replay.goes_on() || counts.sent > 0,
            state: language.replay_state(replay.standing),
            tag: tags::of_replay(replay.standing),
            sentence: sentence(t, replay),
            ended,
            total,
            told: told(language, t, ended, total),
            shares: outcomes::shares(&become_of),
            outcomes: become_of,
            refused: outcomes::refused(language, &replay.refusals),
            again: (counts.dead_again > 0).then(|| path_with(DEAD_LETTERS, &since)),
            some_left: counts.dead_again + counts.refused + counts.unknown > 0,
            some_unknown: counts.unknown > 0,
            may_stop: may && replay.standing == ReplayState::Running,
            may_resume: may && matches!(replay.standing, ReplayState::Stopped | ReplayState::Braked),
        }
    }
}

fn sentence(t: &'static Texts, replay: &ReplayView) -> &'static str {
    match replay.standing {
        ReplayState::Running => t.running,
        ReplayState::Stopped => t.stopped,
        ReplayState::Braked => t.braked,
        ReplayState::Finished if replay.total == 0 => t.empty,
        ReplayState::Finished => t.finished,
    }
}

fn told(language: Language, t: &'static Texts, ended: u64, total: u64) -> String {
    let (ended, total) = (language.number(ended), language.number(total));
    format!("{ended} {} {total} {}", t.of, t.have_ended)
}

#[derive(Template)]
#[template(path = "pages/replays/show.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    all: &'static str,
    progress: Progress<'a>,
    started: Option<Time>,
    finished: Option<Time>,
    by: String,
    total: String,
    rate: String,
    brake: String,
    truncated: bool,
    facts: Vec<Fact>,
}

pub(super) async fn show(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    visit.answer(shown(&visit, &desk, &path, &request).await)
}

async fn shown(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Trouble> {
    let replay = read(visit, desk, path, request).await?;
    let (language, t) = (visit.language, Texts::of(visit.language));
    let progress = Progress::new(visit, &replay);
    visit.page(&Page {
        frame: Frame {
            refresh: progress.goes_on.then_some(SOON_SECONDS),
            ..Frame::new(visit)
        },
        t,
        all: REPLAYS,
        progress,
        started: of_view(&replay.started_at),
        finished: replay.finished_at.as_deref().and_then(of_view),
        by: language.principal(&replay.started_by),
        total: language.number(replay.total.into()),
        rate: language.number(replay.rate.into()),
        brake: match replay.brake {
            0 => t.brake_off.to_owned(),
            brake => format!("{} {brake} % {}", t.brake_over, t.brake_at),
        },
        truncated: replay.truncated,
        facts: facts(language, &replay.selection),
    })
}

pub(super) async fn progress(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    visit.answer(part(&visit, &desk, &path, &request).await)
}

async fn part(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Trouble> {
    let replay = read(visit, desk, path, request).await?;
    visit.page(&Progress::new(visit, &replay))
}

async fn read(visit: &Visit, desk: &Desk, path: &str, request: &HttpRequest) -> Result<ReplayView, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    query::none(request)?;
    let (id, actions) = (id(path)?, desk.actions.clone());
    let read = async move { actions.replay_progress(id).await };
    let found = desk.runtime.run(read).await?;
    Ok(found.ok_or(ActionError::NoReplay)?)
}
