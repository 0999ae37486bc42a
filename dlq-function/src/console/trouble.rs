//! Why there is no such page, or nothing was done: told on a page, in the reader's language.

use actix_web::{HttpResponse, http::StatusCode};
use askama::Template;
use shared::{
    http::{
        access::Scope,
        problem::{Code, Problem},
    },
    store::StoreError,
};
use uuid::Uuid;

use super::{Visit, language::Language, layout::Frame, refusals, texts};
use crate::actions::ActionError;

/// Why there is no such page, or nothing was done.
#[derive(Debug)]
pub(crate) enum Trouble {
    /// Nobody has signed in.
    SignIn,
    /// A link on another site led here: the browser is asked to come again by itself, with its cookie, to a path of ours.
    ComeAgain(String),
    /// It cannot be told now who has signed in.
    Unsure,
    /// Who asks lacks one of these.
    Forbidden(&'static [Scope]),
    /// A form that may not be ours, or is too old.
    Forged,
    /// The address has a name that is not of this machine.
    ForeignName,
    /// Nothing is there.
    Missing,
    /// An action was refused.
    Action(ActionError),
    /// SQL does not answer.
    Store(StoreError),
    /// The request breaks a rule.
    Problem(Problem),
    /// A template failed.
    Render(askama::Error),
}

impl From<ActionError> for Trouble {
    fn from(error: ActionError) -> Self {
        match error {
            ActionError::Missing | ActionError::NoReplay => Self::Missing,
            ActionError::Store(error) => Self::Store(error),
            error => Self::Action(error),
        }
    }
}

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

texts! {
    missing: "Nothing is here", "Não há nada aqui";
    missing_advice: "There is no such page, or what it showed is no longer kept.", "Esta página não existe, ou o que ela mostrava não é mais guardado.";
    forbidden: "You may not do this", "Você não tem permissão para isto";
    forbidden_advice: "Your account lacks a scope that this needs:", "Sua conta não tem um escopo necessário:";
    forged: "The form was not taken", "O formulário não foi aceito";
    forged_advice: "It is too old, or another site sent it. Nothing was done. Go back, reload the page, and send it again.", "Ele é antigo demais, ou veio de outro site. Nada foi feito. Volte, recarregue a página e envie de novo.";
    foreign: "Another name", "Outro nome";
    foreign_advice: "Where nobody signs in, the console answers to localhost and to addresses only. Use one of these.", "Onde ninguém precisa entrar, o console só atende por localhost ou por um endereço IP. Use um deles.";
    action: "Nothing was done", "Nada foi feito";
    store: "The database does not answer", "O banco de dados não responde";
    store_advice: "Nothing is lost: commands and dead letters wait. Try again in a moment.", "Nada se perde: comandos e mensagens mortas esperam. Tente de novo em instantes.";
    broker: "The broker did not take it", "A fila não aceitou";
    request: "The request breaks a rule", "O pedido não segue as regras";
    defect: "A defect of the console", "Um defeito do console";
    defect_advice: "Please report it, with the time: the log says more.", "Por favor, informe o ocorrido e a hora: o log diz mais.";
    instead: "See that dead letter", "Ver essa mensagem morta";
    back: "Back to the overview", "Voltar à visão geral";
    come_again: "Continue", "Continuar";
}

#[derive(Template)]
#[template(path = "trouble.html")]
struct Page<'a> {
    frame: Frame<'a>,
    t: &'static Texts,
    title: &'static str,
    advice: String,
    /// The code of the API, for whoever looks it up; the scopes that are missing.
    words: Vec<&'static str>,
    /// The dead letter to look at instead.
    instead: Option<Uuid>,
}

#[derive(Template)]
#[template(path = "come_again.html")]
struct ComeAgain<'a> {
    visit: &'a Visit,
    place: &'a str,
    t: &'static Texts,
}

/// What a page says: status, title, advice, words.
type Told = (StatusCode, &'static str, String, Vec<&'static str>);

impl Trouble {
    /// The page that says it.
    pub(crate) fn answer(self, visit: &Visit) -> HttpResponse {
        let t = Texts::of(visit.language);
        let page = match self {
            // A part cannot become the page to sign in: htmx loads the whole page anew, which leads there.
            Self::SignIn if visit.is_for_a_part() => {
                // With a media type: what has none is taken for the framework's, and explained to a program.
                let mut response = HttpResponse::Unauthorized();
                return response
                    .content_type("text/html; charset=utf-8")
                    .insert_header(("HX-Refresh", "true"))
                    .finish();
            }
            Self::SignIn => return sign_in(visit),
            Self::ComeAgain(place) => visit.page(&ComeAgain {
                visit,
                place: &place,
                t,
            }),
            told => {
                let instead = if let Self::Action(error) = &told {
                    refusals::instead(error)
                } else {
                    None
                };
                let (status, title, advice, words) = told.told(visit.language);
                visit.page_with(
                    status,
                    &Page {
                        frame: Frame::new(visit),
                        t,
                        title,
                        advice,
                        words,
                        instead,
                    },
                )
            }
        };
        page.unwrap_or_else(|_| HttpResponse::InternalServerError().finish())
    }

    fn told(self, language: Language) -> Told {
        let t = Texts::of(language);
        let plain = |status, title, advice: &str| (status, title, advice.to_owned(), Vec::new());
        match self {
            Self::Missing | Self::SignIn | Self::ComeAgain(_) => {
                plain(StatusCode::NOT_FOUND, t.missing, t.missing_advice)
            }
            Self::Forbidden(scopes) => (
                StatusCode::FORBIDDEN,
                t.forbidden,
                t.forbidden_advice.to_owned(),
                scopes.iter().map(|scope| scope.as_str()).collect(),
            ),
            Self::Forged => plain(StatusCode::FORBIDDEN, t.forged, t.forged_advice),
            Self::ForeignName => plain(StatusCode::MISDIRECTED_REQUEST, t.foreign, t.foreign_advice),
            Self::Action(error) => {
                let sentence = language.why_not(&error);
                if let ActionError::Broker(why) | ActionError::Unsent(_, why) = error {
                    let declaration = Problem::not_sent(why).code().declaration();
                    (declaration.status, t.broker, sentence, vec![declaration.word])
                } else {
                    (StatusCode::CONFLICT, t.action, sentence, Vec::new())
                }
            }
            Self::Unsure => no_store(t),
            Self::Store(error) => {
                tracing::warn!(error = %error, "a page could not be read from SQL");
                no_store(t)
            }
            Self::Problem(problem) => {
                let faults = problem
                    .faults()
                    .iter()
                    .map(|fault| format!(" {}: {}.", fault.pointer.trim_start_matches('/'), fault.detail));
                (
                    problem.code().declaration().status,
                    t.request,
                    problem.detail().to_owned() + &faults.collect::<String>(),
                    vec![problem.code().declaration().word],
                )
            }
            Self::Render(error) => {
                tracing::error!(error = %error, "a page could not be made");
                plain(StatusCode::INTERNAL_SERVER_ERROR, t.defect, t.defect_advice)
            }
        }
    }
}

fn no_store(t: &'static Texts) -> Told {
    (
        StatusCode::SERVICE_UNAVAILABLE,
        t.store,
        t.store_advice.to_owned(),
        vec![Code::StoreUnavailable.declaration().word],
    )
}

/// Sends somebody to sign in, and says whether they had before.
fn sign_in(visit: &Visit) -> HttpResponse {
    let mut pairs = vec![("back", visit.to_come_back_to())];
    if visit.has_ended() {
        pairs.push(("ended", "yes"));
    }
    visit.go_to(&super::pages::path_with(super::pages::SIGN_IN, &pairs))
}
