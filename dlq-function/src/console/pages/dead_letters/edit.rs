//! `GET` and `POST /dead-letters/{id}/edit`: a correction is typed, checked and shown as a difference, and then sent as it was
//! checked.

use actix_web::{
    HttpRequest, HttpResponse,
    http::StatusCode,
    web::{Data, Path, Payload, ServiceConfig},
};
use askama::Template;
use serde_json::Value;
use shared::http::{access::Scope, problem::Problem};
use uuid::Uuid;

use super::{
    detail::at,
    json, reveal,
    typed::{CLEAR, FIELDS, MESSAGE, Typed, Wrong},
};
use crate::{
    actions::{ActionError, By, Correction, EditPreview},
    console::{
        Form, Trouble, Visit,
        language::Language,
        layout::Frame,
        notice::Notice,
        pages::{id, letter_path, resource},
        texts,
    },
    routes::Desk,
    view::DeadLetterDetail,
};

/// The page shows the dead letter, too.
const SCOPES: &[Scope] = &[
    Scope::DeadLettersRead,
    Scope::DeadLettersEdit,
    Scope::DeadLettersReplay,
];
const REVEALING: &[Scope] = &[
    Scope::DeadLettersRead,
    Scope::DeadLettersEdit,
    Scope::DeadLettersReplay,
    Scope::DeadLettersReveal,
];

texts! {
    title: "Correct and send", "Corrigir e enviar";
    about: "The corrected one is sent in its place, under the same command and with its place in time. The original is kept and never sent.", "A versão corrigida é enviada no lugar, com o mesmo comando e o mesmo lugar no tempo. A original fica guardada e nunca é enviada.";
    letter: "Dead letter", "Mensagem morta";
    fields: "Fields of the contact", "Campos do contato";
    fields_about: "What is left blank stays as it is.", "O que ficar em branco permanece como está.";
    name: "Name", "Nome";
    phone: "Phone", "Telefone";
    email: "E-mail", "E-mail";
    now: "now", "agora";
    empty_it: "Empty this field", "Esvaziar este campo";
    torn: "It is filled in and marked to be emptied: choose one.", "Está preenchido e também marcado para esvaziar: escolha um dos dois.";
    message: "Or the whole message", "Ou a mensagem inteira";
    message_about: "An envelope as JSON, where the fields cannot be read. Leave it blank to correct fields.", "Um envelope em JSON, para quando os campos não podem ser lidos. Deixe em branco para corrigir os campos.";
    reveal: "Fill in the message in the clear", "Preencher com a mensagem sem máscara";
    reveal_about: "The audit keeps who looked.", "A auditoria registra quem olhou.";
    no_text: "It is not text, so it cannot be filled in.", "Não é texto, portanto não pode ser preenchida aqui.";
    stands: "The message, masked", "A mensagem, mascarada";
    check: "Check", "Conferir";
    wrong: "It breaks rules. Nothing was sent.", "Não segue as regras. Nada foi enviado.";
    changes: "What changes", "O que muda";
    field: "Field", "Campo";
    before: "Before", "Antes";
    after: "After", "Depois";
    empty: "empty", "vazio";
    absent: "not there", "ausente";
    would: "Sent, it", "Enviada, ela";
    send: "Send the corrected one", "Enviar a versão corrigida";
    back: "Back to the dead letter", "Voltar à mensagem morta";
}

#[derive(Template)]
#[template(path = "pages/dead_letters/edit.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    path: String,
    stands: Option<String>,
    fields: Vec<FieldShown<'a>>,
    typed: &'a Typed,
    /// What is wrong with the message, or with all of it.
    wrong_message: Vec<String>,
    wrong: Vec<String>,
    is_wrong: bool,
    no_text: bool,
    may_reveal: bool,
    /// What was checked: the differences, and what sending it would come to.
    checked: Option<(Vec<Difference>, &'static str)>,
}

impl Page<'_> {
    /// Whether it is the message that has to be corrected, or is being corrected.
    fn opens_message(&self) -> bool {
        self.typed.message.is_some()
            || !self.wrong_message.is_empty()
            || self.no_text
            || self.fields.iter().all(|field| field.now.is_none())
    }
}

struct FieldShown<'a> {
    name: &'static str,
    title: &'static str,
    now: Option<String>,
    value: &'a str,
    may_be_empty: bool,
    cleared: bool,
    wrong: Vec<String>,
}

struct Difference {
    field: String,
    before: String,
    after: String,
}

/// What came of what was typed.
enum Came {
    Nothing,
    NoText,
    Wrong(Vec<Wrong>),
    Checked(EditPreview),
}

pub(super) fn routes(config: &mut ServiceConfig) {
    let place = resource("/dead-letters/{id}/edit", "GET, HEAD, POST");
    config.service(place.get(show).head(show).post(edit));
}

async fn show(visit: Visit, desk: Data<Desk>, path: Path<String>) -> HttpResponse {
    visit.answer(shown(&visit, &desk, &path).await)
}

async fn shown(visit: &Visit, desk: &Desk, path: &str) -> Result<HttpResponse, Trouble> {
    visit.with(SCOPES)?;
    page(visit, desk, id(path)?, &Typed::default(), Came::Nothing).await
}

async fn edit(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
    payload: Payload,
) -> HttpResponse {
    visit.answer(edited(&visit, &desk, &path, &request, payload).await)
}

async fn edited(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Trouble> {
    let by = visit.with(SCOPES)?;
    let form = Form::read(visit, request, payload).await?;
    let id = id(path)?;
    let typed = Typed::read(&form);
    match form.text("step") {
        Some("reveal") => revealed(visit, desk, id, typed).await,
        Some("check") => checked(visit, desk, id, &typed).await,
        Some("send") => sent(visit, desk, id, &typed, by).await,
        Some(_) | None => Err(Problem::malformed("The form does not say what to do.").into()),
    }
}

/// Fills in the message in the clear, which the audit has.
async fn revealed(visit: &Visit, desk: &Desk, id: Uuid, typed: Typed) -> Result<HttpResponse, Trouble> {
    let by = visit.with(REVEALING)?;
    let clear = reveal::clear(desk, id, by).await?;
    if clear.is_base64 {
        return page(visit, desk, id, &typed, Came::NoText).await;
    }
    let filled_in = Typed {
        message: Some(clear.text),
        ..Typed::default()
    };
    page(visit, desk, id, &filled_in, Came::Nothing).await
}

async fn checked(visit: &Visit, desk: &Desk, id: Uuid, typed: &Typed) -> Result<HttpResponse, Trouble> {
    let came = match typed.correction() {
        Ok(correction) => preview(desk, id, correction).await?,
        Err(wrong) => Came::Wrong(wrong),
    };
    page(visit, desk, id, typed, came).await
}

async fn preview(desk: &Desk, id: Uuid, correction: Correction) -> Result<Came, ActionError> {
    let actions = desk.actions.clone();
    let preview = async move { actions.preview_edit(id, &correction).await };
    match desk.runtime.run(preview).await {
        Ok(preview) => Ok(Came::Checked(preview)),
        Err(ActionError::Broken(rules)) => Ok(Came::Wrong(rules.into_iter().map(Wrong::from).collect())),
        Err(error) => Err(error),
    }
}

async fn sent(visit: &Visit, desk: &Desk, id: Uuid, typed: &Typed, by: By) -> Result<HttpResponse, Trouble> {
    let wrong = match typed.correction() {
        Ok(correction) => match desk.edit(id, correction, by).await {
            Ok(edited) => return Ok(at(visit, edited.id, Notice::Corrected)),
            Err(ActionError::Broken(rules)) => rules.into_iter().map(Wrong::from).collect(),
            Err(error) => return Err(error.into()),
        },
        Err(wrong) => wrong,
    };
    page(visit, desk, id, typed, Came::Wrong(wrong)).await
}

async fn page(
    visit: &Visit,
    desk: &Desk,
    id: Uuid,
    typed: &Typed,
    came: Came,
) -> Result<HttpResponse, Trouble> {
    let t = Texts::of(visit.language);
    let detail = desk.detail(id).await?;
    let wrong: &[Wrong] = match &came {
        Came::Wrong(wrong) => wrong,
        Came::Nothing | Came::NoText | Came::Checked(_) => &[],
    };
    let status = if wrong.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::UNPROCESSABLE_ENTITY
    };
    let page = Page {
        frame: Frame::new(visit),
        t,
        path: letter_path(id),
        fields: t.fields(visit.language, typed, &detail, wrong),
        stands: json::shown(detail.masked_body.as_ref()),
        typed,
        wrong_message: t.told(visit.language, wrong, |field| field == MESSAGE),
        wrong: t.told(visit.language, wrong, |field| {
            field != MESSAGE && FIELDS.iter().all(|(name, _)| *name != field)
        }),
        is_wrong: !wrong.is_empty(),
        no_text: matches!(came, Came::NoText),
        may_reveal: visit.may(Scope::DeadLettersReveal) && !detail.letter.erased && !detail.locked,
        checked: match &came {
            Came::Checked(preview) => Some((
                t.differences(preview),
                visit.language.prediction(preview.replay_would),
            )),
            Came::Nothing | Came::NoText | Came::Wrong(_) => None,
        },
    };
    visit.page_with(status, &page)
}

impl Texts {
    fn fields<'a>(
        &self,
        language: Language,
        typed: &'a Typed,
        detail: &DeadLetterDetail,
        wrong: &[Wrong],
    ) -> Vec<FieldShown<'a>> {
        let fields = typed.fields().zip(FIELDS);
        let shown = fields.map(|((name, value, cleared), (_, may_be_empty))| FieldShown {
            name,
            title: self.title_of(name),
            now: stands(detail, name),
            value,
            may_be_empty,
            cleared,
            wrong: self.told(language, wrong, |field| field == name),
        });
        shown.collect()
    }

    /// The rules that fields break.
    fn told(&self, language: Language, wrong: &[Wrong], of: impl Fn(&str) -> bool) -> Vec<String> {
        let told = wrong.iter().filter(|wrong| of(&wrong.field));
        told.map(|wrong| match &wrong.rule {
            Some((code, english)) => language.rule(&wrong.field, code, english),
            None => self.torn.to_owned(),
        })
        .collect()
    }

    /// What a field is called; one that is not the contact's has its name.
    fn title_of<'a>(&self, field: &'a str) -> &'a str {
        match field {
            "name" => self.name,
            "phone" => self.phone,
            "email" => self.email,
            other => other,
        }
    }

    fn differences(&self, preview: &EditPreview) -> Vec<Difference> {
        let shown = |value: &Option<Option<String>>| match value {
            Some(Some(value)) => value.clone(),
            Some(None) => self.empty.to_owned(),
            None => self.absent.to_owned(),
        };
        let differences = preview.changes.iter().map(|change| Difference {
            field: self.title_of(&change.field).to_owned(),
            before: shown(&change.before),
            after: shown(&change.after),
        });
        differences.collect()
    }
}

/// How a field stands in the message, masked.
fn stands(detail: &DeadLetterDetail, field: &str) -> Option<String> {
    let body = detail.masked_body.as_ref()?;
    let fields = body.get("contact").or_else(|| body.get("changes"))?;
    fields.get(field).and_then(Value::as_str).map(str::to_owned)
}
