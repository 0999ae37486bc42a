//! `GET /v1/commands/{id}`: what became of a command.

use actix_web::{
    HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Path},
};
use shared::{
    clock::time_of_ms,
    domain::{CommandId, Unrecorded},
    http::{
        access::Caller,
        openapi::Description,
        problem::{Code, Problem},
        query,
    },
    store::commands::CommandRecord,
    wire::rfc3339,
};

use super::FOLLOWERS;
use crate::{
    answer::{PENDING_RETRY_AFTER_SECONDS, builder},
    api::Api,
    openapi::{COMMANDS_TAG, examples, parts},
    prefer::Honoured,
    received::prefer,
    resources::CommandView,
    waiters::{Interest, Waited},
};

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "Any id that was answered here is known, also before its command is applied: `pending`. `Prefer: wait=N` answers as soon as it has ended.";
    Description::new("get-command", COMMANDS_TAG, "Follow a command", about)
        .scopes(&FOLLOWERS)
        .parameters([parts::id("command"), parts::prefer()])
        .json::<CommandView>(
            StatusCode::OK,
            "The command.",
            [parts::preference_applied(), parts::retry_after_while_pending()],
            Some(examples::command()),
        )
        .problems([
            Code::CommandNotFound,
            Code::CommandExpired,
            Code::StoreUnavailable,
        ])
}

/// Answers a command; with `Prefer: wait`, as soon as it has left the queue.
///
/// # Errors
/// As the contract has it.
pub async fn get(api: Data<Api>, request: HttpRequest, id: Path<String>) -> Result<HttpResponse, Problem> {
    Caller::with(&request, &FOLLOWERS)?;
    query::none(&request)?;
    let id: CommandId = id.parse().map_err(|_| Problem::command_not_found())?;
    let prefer = prefer(&request);
    let honoured = Honoured::default().waited(prefer);
    if let Some(record) = recorded(&api, id).await? {
        return Ok(ended(&record, honoured));
    }
    must_be_issued(&api, id)?;
    let Some(at_most) = prefer.wait() else {
        return Ok(pending(id, honoured));
    };
    match api.waiters.wait(id, Interest::Record, at_most).await {
        Waited::Full => Ok(pending(id, Honoured::default())),
        Waited::NotYet => Ok(pending(id, honoured)),
        Waited::Ended(found) => Ok(ended(&found.record, honoured)),
    }
}

async fn recorded(api: &Data<Api>, id: CommandId) -> Result<Option<CommandRecord>, Problem> {
    let store = api.store.clone();
    match api.runtime.run(async move { store.command(id).await }).await {
        Ok(record) => {
            if let Some(record) = &record {
                api.stamps.saw_command(record);
            }
            Ok(record)
        }
        Err(error) if api.id_key().proves(id) => Err(Problem::store(&error)),
        Err(_) => Err(Problem::command_not_found()),
    }
}

/// An id with our tag was issued; one with a time says when.
fn must_be_issued(api: &Api, id: CommandId) -> Result<(), Problem> {
    match api.id_key().unrecorded(id, api.clock.now_ms(), api.retention) {
        Unrecorded::Pending => Ok(()),
        Unrecorded::Unknown => Err(Problem::command_not_found()),
        Unrecorded::Forgotten => {
            let detail = "Outcomes are kept for the retention only; this command is older.";
            Err(Problem::new(Code::CommandExpired, detail))
        }
    }
}

fn ended(record: &CommandRecord, honoured: Honoured) -> HttpResponse {
    builder(StatusCode::OK, honoured).json(CommandView::from(record))
}

fn pending(id: CommandId, honoured: Honoured) -> HttpResponse {
    let issued_at = id.issued_at_ms().map(|ms| rfc3339(time_of_ms(ms)));
    builder(StatusCode::OK, honoured)
        .insert_header((header::RETRY_AFTER, PENDING_RETRY_AFTER_SECONDS))
        .json(CommandView::issued(id, issued_at))
}
