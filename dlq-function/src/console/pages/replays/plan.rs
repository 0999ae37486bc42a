//! `GET /replays/new`, `POST /replays/new` and `POST /replays`: what a replay of many would come to, and its beginning.
//!
//! **Invariant:** what begins is what was looked at: the form carries what was frozen and how many that was, and nothing begins
//! if they are another number by then, or another one was typed.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Payload},
};
use askama::Template;
use shared::http::{access::Scope, problem::Problem};

use super::{
    REPLAYS,
    choice::Choice,
    entered::{Entered, Faults, is_to_be_typed},
    outcomes::{self, Outcome},
};
use crate::{
    actions::{ActionError, FROZEN_MAX, Prediction, Preview},
    console::{
        Form, Trouble, Visit, filters::Filters, language::Language, layout::Frame, pages::replay_path,
        plots::Shares, selections::Fact, texts,
    },
    replays::{BRAKE_MAX, RATE_MAX},
    routes::Desk,
};

texts! {
    title: "Dry run of a replay", "Simulação de um reenvio";
    nothing_done: "Nothing has been sent yet.", "Nada foi enviado ainda.";
    which: "Which dead letters", "Quais mensagens mortas";
    frozen: "They are frozen now: what arrives later is not among them.", "O conjunto está congelado agora: o que chegar depois não entra nele.";
    matched_one: "dead letter would be sent again", "mensagem morta seria reenviada";
    matched_many: "dead letters would be sent again", "mensagens mortas seriam reenviadas";
    matched_none: "Nothing matches, or all of it waits in a replay that runs.", "Nada corresponde, ou tudo já está à espera em um reenvio em andamento.";
    truncated: "More match than one replay may have. It takes the oldest; the others are left for another one. At most:", "Há mais do que cabe em um reenvio. Ele leva as mais antigas; as outras ficam para outro. No máximo:";
    come_to: "What a replay would come to", "No que um reenvio daria";
    how_many: "How many", "Quantas";
    outcome: "Outcome", "Desfecho";
    most_fail: "Most of them would fail again: the cause is still there. Mend it first, or correct or discard them.", "A maioria falharia de novo: a causa ainda existe. Resolva-a antes, ou corrija ou descarte as mensagens.";
    some_fail: "Some would fail again. They would be new dead letters, and nothing else would happen.", "Algumas falhariam de novo. Seriam novas mensagens mortas, e nada mais aconteceria.";
    cannot: "What cannot be sent is left as it is, and the replay says why.", "O que não pode ser enviado fica como está, e o reenvio diz por quê.";
    harmless: "Sending something again does no harm, however often: newer writes win, and deleted contacts stay deleted.", "Reenviar não estraga nada, nem mais de uma vez: escritas mais novas prevalecem, e contatos excluídos continuam excluídos.";
    start: "Start the replay", "Iniciar o reenvio";
    rate: "Messages a second, at most", "Mensagens por segundo, no máximo";
    rate_means: "It begins with one message and sends more at once as outcomes are good. A whole number up to:", "Começa com uma mensagem e envia cada vez mais ao mesmo tempo enquanto os desfechos forem bons. Número inteiro até:";
    brake: "Brake, in percent of failures", "Freio, em porcentagem de falhas";
    brake_means: "Once five outcomes are known and more of them than this are failures, it stops by itself. 0 for never, up to:", "Conhecidos cinco desfechos, se as falhas passarem desta porcentagem, ele para sozinho. 0 para nunca, no máximo:";
    count: "Type how many", "Digite quantas";
    count_means: "To send more than one, type their number:", "Para reenviar mais de uma, digite o número delas:";
    wrong_bounds: "This is not a whole number within the bounds.", "Isto não é um número inteiro dentro dos limites.";
    wrong_count: "This is not the number. Nothing was sent.", "O número não confere. Nada foi enviado.";
    not_started: "Nothing was started: look at what is marked below.", "Nada foi iniciado: veja o que está marcado abaixo.";
    changed: "Nothing was started: what matches has changed since you looked. This is the dry run of now; before it was", "Nada foi iniciado: as que correspondem mudaram desde que você olhou. Esta é a simulação de agora; antes eram";
    back: "Back to the inbox", "Voltar à caixa de entrada";
}

#[derive(Template)]
#[template(path = "pages/replays/plan.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    at: &'static str,
    notice: Option<String>,
    facts: Vec<Fact>,
    choice: &'a Choice,
    matched: u64,
    number: String,
    noun: &'static str,
    /// The most that a replay may have, if more matched.
    truncated: Option<String>,
    foreseen: Vec<Outcome>,
    shares: Shares,
    advice: Vec<&'static str>,
    entered: &'a Entered,
    faults: Faults,
    is_to_be_typed: bool,
    rate_max: u32,
    rate_most: String,
    brake_max: u32,
}

/// Why the page is shown.
#[derive(Clone, Copy, Debug)]
enum Cause {
    /// It was asked for.
    Asked,
    /// What was typed breaks rules.
    Broken(Faults),
    /// So many had been expected.
    Changed(u64),
}

pub(super) async fn of_filters(visit: Visit, desk: Data<Desk>, request: HttpRequest) -> HttpResponse {
    visit.answer(filtered(&visit, &desk, &request).await)
}

async fn filtered(visit: &Visit, desk: &Desk, request: &HttpRequest) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersReplay])?;
    let filters = Filters::read(request, visit.language, &[])?;
    let choice = Choice::of_filters(&filters, desk.actions.now());
    plan(visit, desk, &choice, &Entered::default(), Cause::Asked).await
}

pub(super) async fn of_ids(
    visit: Visit,
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(chosen(&visit, &desk, &request, payload).await)
}

async fn chosen(
    visit: &Visit,
    desk: &Desk,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersReplay])?;
    let form = Form::read(visit, request, payload).await?;
    let choice = Choice::of_ids(&form, desk.actions.now())?;
    plan(visit, desk, &choice, &Entered::default(), Cause::Asked).await
}

pub(super) async fn start(
    visit: Visit,
    desk: Data<Desk>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(started(&visit, &desk, &request, payload).await)
}

async fn started(
    visit: &Visit,
    desk: &Desk,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(&[Scope::DeadLettersReplay])?;
    let form = Form::read(visit, request, payload).await?;
    let choice = Choice::of_form(&form, visit.language, desk.actions.now())?;
    let expected = form.text("expect").and_then(|text| text.parse().ok());
    let expected = expected.ok_or_else(|| Problem::malformed("The form does not say how many."))?;
    let entered = Entered::of(&form);
    let pace = match entered.pace(expected) {
        Ok(pace) => pace,
        Err(faults) => return plan(visit, desk, &choice, &entered, Cause::Broken(faults)).await,
    };
    let (actions, selection) = (desk.actions.clone(), choice.selection.clone());
    let work = async move { actions.start_replay(&selection, pace, Some(expected), &by).await };
    match desk.runtime.run(work).await {
        Ok(id) => Ok(visit.go_to(&replay_path(id))),
        Err(ActionError::Unexpected { expected, .. }) => {
            plan(visit, desk, &choice, &entered, Cause::Changed(expected)).await
        }
        Err(error) => Err(error.into()),
    }
}

/// The page that says what a replay would come to.
async fn plan(
    visit: &Visit,
    desk: &Desk,
    choice: &Choice,
    entered: &Entered,
    cause: Cause,
) -> Result<HttpResponse, Trouble> {
    let (actions, selection) = (desk.actions.clone(), choice.selection.clone());
    let work = async move { actions.preview(&selection).await };
    let preview = desk.runtime.run(work).await?;
    let (language, t) = (visit.language, Texts::of(visit.language));
    let (status, notice, faults) = match cause {
        Cause::Asked => (StatusCode::OK, None, Faults::default()),
        Cause::Broken(faults) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            Some(t.not_started.to_owned()),
            faults,
        ),
        Cause::Changed(before) => {
            let notice = format!("{} {}.", t.changed, language.number(before));
            (StatusCode::CONFLICT, Some(notice), Faults::default())
        }
    };
    let foreseen = outcomes::foreseen(language, &preview);
    visit.page_with(
        status,
        &Page {
            frame: Frame::new(visit),
            t,
            at: REPLAYS,
            notice,
            facts: choice.facts(language),
            choice,
            matched: preview.matched,
            number: language.number(preview.matched),
            noun: language.counted(preview.matched, t.matched_one, t.matched_many),
            truncated: preview.truncated.then(|| most(language)),
            shares: outcomes::shares(&foreseen),
            foreseen,
            advice: advice(t, &preview),
            entered,
            faults,
            is_to_be_typed: is_to_be_typed(preview.matched),
            rate_max: RATE_MAX,
            rate_most: language.number(RATE_MAX.into()),
            brake_max: BRAKE_MAX,
        },
    )
}

fn most(language: Language) -> String {
    language.number(FROZEN_MAX.try_into().unwrap_or(u64::MAX))
}

/// What to think of before.
fn advice(t: &'static Texts, preview: &Preview) -> Vec<&'static str> {
    let of = |prediction| preview.would.get(&prediction).copied().unwrap_or_default();
    let (fail, cannot) = (of(Prediction::WouldFailAgain), of(Prediction::CannotBeSent));
    let failing = match fail.saturating_mul(2) > preview.matched {
        true => Some(t.most_fail),
        false => (fail > 0).then_some(t.some_fail),
    };
    let cannot = (cannot > 0).then_some(t.cannot);
    failing.into_iter().chain(cannot).collect()
}
