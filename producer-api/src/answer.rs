//! The answer to an accepted write: 202 at once, or, with `Prefer: wait`, what became of the command.

use actix_web::{
    HttpResponse, HttpResponseBuilder,
    http::{
        StatusCode,
        header::{self, HeaderName, HeaderValue},
    },
    web::Data,
};
use shared::{
    domain::{Action, Life, Operation},
    http::{
        access::{Caller, Scope},
        contact::ContactView,
        problem::Problem,
    },
    store::contacts::Contact,
    wire::CommandStatus,
};

use crate::{
    accept::{Accepted, Target, accept},
    api::Api,
    prefer::{Honoured, Prefer, Return},
    received::Received,
    representation::Representation,
    resources::{CommandView, command_path, contact_path},
    waiters::{Ended, Interest, Waited},
};

const PREFERENCE_APPLIED: HeaderName = HeaderName::from_static("preference-applied");
/// Where what was accepted is followed, as a whole URL.
pub const OPERATION_LOCATION: HeaderName = HeaderName::from_static("operation-location");
/// What a pending command asks its client to wait, in seconds.
pub const PENDING_RETRY_AFTER_SECONDS: u64 = 1;

/// Accepts a write and answers it.
///
/// # Errors
/// As [`accept`]; and the command's rejection, or `contact-deleted`, if that was waited for.
pub async fn accept_and_answer(
    api: &Data<Api>,
    caller: &Caller,
    received: &Received,
    action: Action,
    target: Target,
) -> Result<HttpResponse, Problem> {
    let accepted = accept(api, caller, received, action, target).await?;
    answer(
        api,
        accepted,
        received.prefer,
        told(caller, received.prefer),
        &received.origin,
    )
    .await
}

/// How much of a contact an answer tells: nothing to callers who may not read contacts.
fn told(caller: &Caller, prefer: Prefer) -> Return {
    match prefer.answer {
        None | Some(Return::Representation) if caller.may(Scope::ContactsRead) => Return::Representation,
        _ => Return::Minimal,
    }
}

/// Answers an accepted write.
///
/// # Errors
/// The command's rejection, or `contact-deleted`, if that was waited for.
async fn answer(
    api: &Data<Api>,
    accepted: Accepted,
    prefer: Prefer,
    told: Return,
    origin: &str,
) -> Result<HttpResponse, Problem> {
    let Some(at_most) = prefer.wait() else {
        let honoured = Honoured::default().waited(prefer);
        return Ok(stored(
            &(&accepted).into(),
            &accepted,
            origin,
            Pending::Yes,
            honoured,
            prefer,
        ));
    };
    let waited = api
        .waiters
        .wait(accepted.id, Interest::RecordAndContact, at_most)
        .await;
    let honoured = Honoured::default().waited(prefer);
    match waited {
        Waited::Full => {
            let none = Honoured::default();
            Ok(stored(
                &(&accepted).into(),
                &accepted,
                origin,
                Pending::Yes,
                none,
                prefer,
            ))
        }
        Waited::NotYet => Ok(stored(
            &(&accepted).into(),
            &accepted,
            origin,
            Pending::Yes,
            honoured,
            prefer,
        )),
        Waited::Ended(ended) => finished(*ended, accepted, origin, honoured, prefer, told)
            .map_err(|problem| with_preferences(problem, honoured)),
    }
}

/// Whether a 202 asks to come again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pending {
    Yes,
    No,
}

fn finished(
    ended: Ended,
    accepted: Accepted,
    origin: &str,
    honoured: Honoured,
    prefer: Prefer,
    told: Return,
) -> Result<HttpResponse, Problem> {
    let Ended { record, contact } = ended;
    let as_recorded = || {
        let view = CommandView::from(&record);
        Ok(stored(&view, &accepted, origin, Pending::No, honoured, prefer))
    };
    match record.status {
        CommandStatus::Rejected(rejection) => return Err(Problem::rejection(rejection, record.id)),
        CommandStatus::DeadLettered | CommandStatus::Pending => return as_recorded(),
        CommandStatus::Applied | CommandStatus::Superseded => {}
    }
    if accepted.operation == Operation::Delete {
        let minimal = prefer.answer.filter(|answer| *answer == Return::Minimal);
        return Ok(builder(StatusCode::NO_CONTENT, honoured.returned(minimal)).finish());
    }
    match contact {
        Some(contact) if matches!(contact.state.life, Life::Born(_)) => Ok(with_contact(
            &contact,
            accepted,
            honoured.returned(prefer.answer.filter(|answer| *answer == told)),
            told,
        )),
        Some(contact) if contact.state.life == Life::Deleted => {
            Err(Problem::contact_deleted().with_command(record.id))
        }
        // Unborn: nobody sees it yet.
        Some(_) | None => as_recorded(),
    }
}

fn with_contact(contact: &Contact, accepted: Accepted, honoured: Honoured, told: Return) -> HttpResponse {
    let minimal = told == Return::Minimal;
    let status = match (accepted.operation, minimal) {
        (Operation::Create, _) => StatusCode::CREATED,
        (Operation::Update | Operation::Delete, true) => StatusCode::NO_CONTENT,
        (Operation::Update | Operation::Delete, false) => StatusCode::OK,
    };
    let mut response = builder(status, honoured);
    response.insert_header((header::ETAG, Representation::Json.etag(contact.state.etag())));
    if accepted.operation == Operation::Create {
        response.insert_header((header::LOCATION, contact_path(contact.state.id)));
    }
    if minimal {
        response.finish()
    } else {
        response.json(ContactView::from(contact))
    }
}

/// 202.
fn stored(
    view: &CommandView,
    accepted: &Accepted,
    origin: &str,
    pending: Pending,
    honoured: Honoured,
    prefer: Prefer,
) -> HttpResponse {
    let path = command_path(accepted.id);
    let mut response = builder(StatusCode::ACCEPTED, honoured.answered_async(prefer));
    response.insert_header((OPERATION_LOCATION, format!("{origin}{path}")));
    response.insert_header((header::LOCATION, path));
    if pending == Pending::Yes {
        response.insert_header((header::RETRY_AFTER, PENDING_RETRY_AFTER_SECONDS));
    }
    response.json(view)
}

/// An answer that depends on preferences.
pub fn builder(status: StatusCode, honoured: Honoured) -> HttpResponseBuilder {
    let mut response = HttpResponse::build(status);
    response.insert_header((header::VARY, "Prefer"));
    if let Some(applied) = honoured.header() {
        response.insert_header((PREFERENCE_APPLIED, applied));
    }
    response
}

fn with_preferences(problem: Problem, honoured: Honoured) -> Problem {
    let problem = problem.with_header(header::VARY, HeaderValue::from_static("Prefer"));
    match honoured
        .header()
        .and_then(|applied| HeaderValue::try_from(applied).ok())
    {
        Some(applied) => problem.with_header(PREFERENCE_APPLIED, applied),
        None => problem,
    }
}
