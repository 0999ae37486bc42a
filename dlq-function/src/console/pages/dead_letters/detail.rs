//! `GET /dead-letters/{id}`: all that is known of a dead letter, and what can be done to it.

use actix_web::{
    HttpRequest, HttpResponse,
    web::{Data, Path},
};
use askama::Template;
use shared::{http::access::Scope, store::dead_letters::DeadLetterState, wire::Reason};
use uuid::Uuid;

use super::{
    DEAD_LETTERS,
    events::{self, Event},
    json,
    reveal::Clear,
};
use crate::{
    actions::{ActionError, DISCARDABLE, Many, Prediction, may_be_corrected},
    console::{
        Trouble, Visit,
        layout::{Frame, SOON_SECONDS},
        notice::Notice,
        pages::{command_path, contact_path, id, letter_path, path_with},
        reasons::Explained,
        tags, texts,
        times::{Time, of_view},
    },
    routes::Desk,
    view::{DeadLetterDetail, NewerCommand},
};

texts! {
    title: "Dead letter", "Mensagem morta";
    standing: "How it stands", "Situação";
    state: "State", "Estado";
    since: "since", "desde";
    reason: "Reason", "Motivo";
    detail: "Detail", "Detalhe";
    would: "Sent again now, it", "Reenviada agora, ela";
    awaited: "It was sent again. What becomes of it shows here by itself.", "Ela foi reenviada. O desfecho aparecerá aqui automaticamente.";
    acts: "What can be done", "O que se pode fazer";
    no_acts: "Nothing: it is closed, or your account may only look.", "Nada: ela está encerrada, ou sua conta só pode consultar.";
    replay: "Replay", "Reenviar";
    archive: "Archive", "Arquivar";
    restore: "Restore", "Restaurar";
    discard: "Discard…", "Descartar…";
    edit: "Correct and send…", "Corrigir e enviar…";
    reveal: "Show in the clear", "Mostrar sem máscara";
    reveal_about: "The audit keeps who looked.", "A auditoria registra quem olhou.";
    message: "Message", "Mensagem";
    masked: "Personal data is masked.", "Os dados pessoais estão mascarados.";
    clear: "In the clear. That you looked stands in the audit.", "Sem máscara. A auditoria registrou que você olhou.";
    base64: "It is not text. In base64:", "Não é texto. Em base64:";
    not_json: "It is not JSON, so there is no masked version to show.", "Não é JSON, portanto não há versão mascarada para mostrar.";
    erased: "It was erased: with the data of its contact, or for its age.", "Foi apagada: com os dados do contato, ou por passar do prazo de guarda.";
    locked: "It is encrypted with a key that deadLetters.keys does not have.", "Está cifrada com uma chave que não está em deadLetters.keys.";
    contact: "The contact as it is now", "O contato como está agora";
    contact_id: "Contact", "Contato";
    contact_link: "Open the contact", "Abrir o contato";
    life: "Exists", "Existe";
    born: "yes", "sim";
    unborn: "not yet: its create has not been applied", "ainda não: a criação não foi aplicada";
    deleted: "no: deleted", "não: excluído";
    unknown: "not yet: nothing was written of it", "ainda não: nada dele foi gravado";
    name: "Name", "Nome";
    phone: "Phone", "Telefone";
    email: "E-mail", "E-mail";
    updated: "Changed", "Alterado";
    newer: "Newer commands of this contact", "Comandos mais novos deste contato";
    newer_about: "They ended after this one was written; field by field, they win over it.", "Terminaram depois que este foi escrito e prevalecem sobre ele, campo a campo.";
    command: "Command", "Comando";
    operation: "Operation", "Operação";
    status: "Outcome", "Desfecho";
    finished: "Ended", "Terminou";
    history: "What happened", "O que aconteceu";
    ids: "Ids", "Ids";
    letter: "Dead letter", "Mensagem morta";
    group: "Group", "Grupo";
    group_link: "Those that failed alike", "As que falharam do mesmo jeito";
    trace: "Trace", "Rastreamento (trace)";
    size: "Size", "Tamanho";
    bytes: "bytes", "bytes";
    replaced_by: "The corrected one, sent in its place:", "A versão corrigida, enviada no lugar:";
    replaces: "It was sent in the place of:", "Foi enviada no lugar de:";
    back: "Back to the list", "Voltar à lista";
    applied: "applied", "aplicado";
    superseded: "superseded", "superado";
    rejected: "rejected", "rejeitado";
}

#[derive(Template)]
#[template(path = "pages/dead_letters/detail.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    path: String,
    notice: Option<&'static str>,
    state: &'static str,
    tag: &'static str,
    reason: Option<Explained>,
    operation: Option<&'static str>,
    /// What a replay would come to, unless it is closed or under way.
    would: Option<&'static str>,
    /// Whether a replay is the thing to do: not if it would fail again.
    helps: bool,
    /// Whether the page looks for the outcome by itself.
    awaits: bool,
    may: May,
    clear: Option<Clear>,
    masked: Option<String>,
    contact_path: Option<String>,
    newer: Vec<Newer>,
    events: Vec<Event>,
    group_path: String,
    detail: DeadLetterDetail,
}

/// What the reader may do to it, as it stands.
struct May {
    replay: bool,
    archive: bool,
    restore: bool,
    discard: bool,
    edit: bool,
    reveal: bool,
}

struct Newer {
    id: String,
    path: Option<String>,
    operation: &'static str,
    status: &'static str,
    finished: Option<Time>,
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
    visit.with(&[Scope::DeadLettersRead])?;
    let detail = desk.detail(id(path)?).await?;
    page(visit, detail, Notice::of(request), None)
}

/// Asked by scripts while the outcome is not known: nothing, or, once it is, that the page is to be loaded anew.
pub(super) async fn fate(visit: Visit, desk: Data<Desk>, path: Path<String>) -> HttpResponse {
    visit.answer(known(&visit, &desk, &path).await)
}

async fn known(visit: &Visit, desk: &Desk, path: &str) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    let (store, id) = (desk.actions.store.clone(), id(path)?);
    let read = async move { store.dead_letter(id).await };
    let found = desk.runtime.run(read).await?.ok_or(ActionError::Missing)?;
    if found.state == DeadLetterState::Replayed {
        return Ok(HttpResponse::NoContent().finish());
    }
    Ok(HttpResponse::NoContent()
        .insert_header(("HX-Refresh", "true"))
        .finish())
}

/// The page of a dead letter; with its message in the clear, if that was asked for.
pub(super) fn page(
    visit: &Visit,
    detail: DeadLetterDetail,
    notice: Option<Notice>,
    clear: Option<Clear>,
) -> Result<HttpResponse, Trouble> {
    let language = visit.language;
    let letter = &detail.letter;
    let state = DeadLetterState::from_word(letter.state);
    let awaits = state == Some(DeadLetterState::Replayed) && clear.is_none();
    let is_open = state.is_some_and(|state| may_be_corrected(state).is_ok());
    let contact = detail.contact.as_ref().filter(|_| visit.may(Scope::ContactsRead));
    visit.page(&Page {
        frame: Frame {
            // What was revealed came of a form: it is not sent again by itself.
            refresh: awaits.then_some(SOON_SECONDS),
            ..Frame::new(visit)
        },
        t: Texts::of(language),
        path: letter_path(&letter.id),
        notice: notice.map(|notice| language.notice(notice)),
        state: state.map_or(letter.state, |state| language.state(state)),
        tag: state.map_or("", tags::of_letter),
        reason: Reason::from_code(letter.reason).map(|reason| language.reason(reason)),
        operation: letter.operation.map(|operation| language.operation_of(operation)),
        would: is_open.then(|| language.prediction(detail.replay_would)),
        helps: detail.replay_would != Prediction::WouldFailAgain,
        awaits,
        may: May::new(visit, &detail, state),
        masked: json::shown(detail.masked_body.as_ref()),
        contact_path: contact.map(|contact| contact_path(&contact.id)),
        newer: detail
            .newer
            .iter()
            .map(|newer| Newer::new(visit, newer))
            .collect(),
        events: events::events(visit, &detail),
        group_path: path_with(DEAD_LETTERS, &[("group", &letter.group)]),
        clear,
        detail,
    })
}

impl Page<'_> {
    /// A time of the detail as an element.
    fn time(&self, text: &str) -> Option<Time> {
        of_view(text)
    }

    /// Where a contact is in its life.
    fn life(&self, life: &'static str) -> &'static str {
        match life {
            "born" => self.t.born,
            "unborn" => self.t.unborn,
            "deleted" => self.t.deleted,
            "unknown" => self.t.unknown,
            other => other,
        }
    }

    /// The page of another dead letter.
    fn other(&self, id: &str) -> String {
        letter_path(id)
    }

    /// The page of its command, for who may see it.
    fn command_path(&self) -> Option<String> {
        let command = self.detail.letter.command_id.as_ref();
        let command = command.filter(|_| self.frame.visit.may(Scope::ContactsRead));
        command.map(command_path)
    }
}

impl May {
    fn new(visit: &Visit, detail: &DeadLetterDetail, state: Option<DeadLetterState>) -> Self {
        let acts = visit.may(Scope::DeadLettersReplay);
        let has_message = !detail.letter.erased && !detail.locked;
        let stands = |states: &[DeadLetterState]| state.is_some_and(|state| states.contains(&state));
        Self {
            replay: acts && stands(&DISCARDABLE) && detail.replay_would != Prediction::CannotBeSent,
            archive: acts && stands(Many::Archive.standing()),
            restore: acts && stands(Many::Restore.standing()),
            discard: acts && stands(Many::Discard.standing()),
            edit: acts
                && visit.may(Scope::DeadLettersEdit)
                && has_message
                && state.is_some_and(|state| may_be_corrected(state).is_ok()),
            reveal: visit.may(Scope::DeadLettersReveal) && has_message,
        }
    }

    /// Whether there is anything to do, showing the message left aside.
    fn any(&self) -> bool {
        self.replay || self.archive || self.restore || self.discard || self.edit
    }
}

impl Newer {
    fn new(visit: &Visit, newer: &NewerCommand) -> Self {
        let t = Texts::of(visit.language);
        Self {
            id: newer.id.clone(),
            path: visit.may(Scope::ContactsRead).then(|| command_path(&newer.id)),
            operation: visit.language.operation_of(newer.operation),
            status: match newer.status {
                "applied" => t.applied,
                "superseded" => t.superseded,
                "rejected" => t.rejected,
                other => other,
            },
            finished: of_view(&newer.finished_at),
        }
    }
}

/// The page of a dead letter with a notice, after an act.
pub(super) fn at(visit: &Visit, id: Uuid, notice: Notice) -> HttpResponse {
    visit.go_to(&notice.at(&letter_path(id)))
}
