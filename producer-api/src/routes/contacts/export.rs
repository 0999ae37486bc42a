//! `GET /v1/contacts/export`: all contacts that the filters let through, as they are at one moment, in pieces.
//!
//! The contacts are read while they are sent, and no faster: a page is read when the client has taken the one before the last.
//!
//! **Invariant:** an answer ends as an answer does only after the last contact. Whatever goes wrong before breaks the
//! connection, so that a client never takes a part for the whole.

use std::time::Duration;

use actix_web::{
    HttpRequest, HttpResponse,
    http::{
        Method, StatusCode,
        header::{self, HeaderValue},
    },
    web::{Bytes, Data},
};
use futures_util::{Stream, stream};
use shared::{
    http::{
        access::{Caller, Scope},
        contact::{ContactQuery, FILTERS},
        openapi::Description,
        problem::{Code, Problem, RETRY_AFTER_SECONDS},
        query,
    },
    store::{StoreError, export::MAX_EXPORTS},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc},
    time::{Instant, timeout_at},
};

use crate::{
    api::Api,
    export_form::{ExportForm, NDJSON, TEXT_CSV},
    openapi::{CONTACTS_TAG, parts},
    vcard::TEXT_VCARD,
};

/// How long a client may let a piece wait. The database keeps what the export still shows for so long.
pub const PIECE_MAX: Duration = Duration::from_secs(30);
/// How long an export may take in all.
pub const EXPORT_MAX: Duration = Duration::from_secs(60 * 60);

const SCOPES: &[Scope] = &[Scope::ContactsRead];
/// Pieces that wait for the client; each is a page of contacts.
const WAITING_PIECES: usize = 1;

/// What the task that reads tells the answer.
enum Piece {
    /// Some of the body; never empty, which would end it.
    Bytes(Bytes),
    /// That all is said.
    End,
}

type Said = Result<Piece, StoreError>;

/// Why an answer has no end; where it is known, the log says it.
#[derive(Debug, thiserror::Error)]
#[error("the export was ended before its end")]
struct Broken;

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "All contacts that the filters let through, as they are at one moment, in one answer. CSV has a header row; with `Accept-Language: pt-BR` it has Portuguese names and semicolons, as spreadsheets of Brazil open it. JSON lines also tell of deletes (`updatedSince`). An answer that breaks off is not complete; ask again. At most two exports run at once in each process.";
    let ok = StatusCode::OK;
    Description::new("export-contacts", CONTACTS_TAG, "Export contacts", about)
        .scopes(SCOPES)
        .parameters(parts::export())
        .content(
            ok,
            "The contacts.",
            TEXT_CSV,
            parts::csv(),
            [parts::content_disposition()],
        )
        .also(ok, NDJSON, parts::json_lines())
        .also(ok, TEXT_VCARD, parts::vcards())
        .problems([Code::Overloaded, Code::StoreUnavailable])
}

/// Answers all contacts that the filters let through.
///
/// # Errors
/// As the contract has it.
pub async fn export(api: Data<Api>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    Caller::with(&request, SCOPES)?;
    let query = ContactQuery::from_parameters(query::read(&request, &FILTERS)?)?;
    let form = ExportForm::wanted(&request);
    let mut response = HttpResponse::Ok();
    let file = format!(
        "attachment; filename=\"contacts-{}.{}\"",
        api.clock.now().format("%F"),
        form.extension()
    );
    response
        .content_type(form.media_type())
        .insert_header((header::CONTENT_DISPOSITION, file))
        .insert_header((header::VARY, "Accept, Accept-Language"));
    if request.method() == Method::HEAD {
        return Ok(response.streaming(stream::empty::<Result<Bytes, Broken>>()));
    }
    let permit = api.exports.clone().try_acquire_owned().map_err(|_| too_many())?;
    let (sender, mut pieces) = mpsc::channel(WAITING_PIECES);
    api.runtime.spawn(send(api.clone(), query, form, sender, permit));
    // A failure before the first piece can still be told.
    match pieces.recv().await {
        Some(Ok(first)) => Ok(response.streaming(body(first, pieces))),
        Some(Err(error)) => Err(Problem::store(&error)),
        None => Err(Problem::new(
            Code::InternalError,
            "The export ended in a defect of the service.",
        )),
    }
}

fn too_many() -> Problem {
    let detail = format!("{MAX_EXPORTS} exports run already, as many as the service takes. Try again later.");
    Problem::new(Code::Overloaded, detail)
        .with_header(header::RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))
}

/// Reads the contacts and says them, as long as they are taken.
async fn send(
    api: Data<Api>,
    query: ContactQuery,
    form: ExportForm,
    sender: mpsc::Sender<Said>,
    _permit: OwnedSemaphorePermit,
) {
    let deadline = Instant::now() + EXPORT_MAX;
    let read = timeout_at(deadline, read(&api, query, form, &sender)).await;
    let last = match read {
        Ok(Ok(true)) => Ok(Piece::End),
        Ok(Err(error)) => Err(error),
        // Nobody is told: the answer breaks off where its pieces do.
        Ok(Ok(false)) | Err(_) => {
            tracing::info!("an export was ended: its client did not take it in time, or has gone");
            return;
        }
    };
    say(&sender, last).await;
}

/// Whether all was taken.
async fn read(
    api: &Api,
    query: ContactQuery,
    form: ExportForm,
    sender: &mpsc::Sender<Said>,
) -> Result<bool, StoreError> {
    let mut export = api
        .store
        .export(query.filter, query.sort, query.direction)
        .await?;
    let mut bytes = form.head();
    loop {
        let page = export.next_page().await?;
        for contact in &page {
            api.stamps.saw_contact(contact);
        }
        bytes.extend(form.contacts(&page));
        // With tombstones alone there may be nothing to say.
        let piece = Bytes::from(std::mem::take(&mut bytes));
        if !piece.is_empty() && !say(sender, Ok(Piece::Bytes(piece))).await {
            return Ok(false);
        }
        if page.is_empty() {
            export.end().await;
            return Ok(true);
        }
    }
}

/// Whether it was taken in time.
async fn say(sender: &mpsc::Sender<Said>, said: Said) -> bool {
    sender.send_timeout(said, PIECE_MAX).await.is_ok()
}

/// The body: the pieces as they come. Without a last word it ends in an error, on which the server breaks the connection.
fn body(first: Piece, pieces: mpsc::Receiver<Said>) -> impl Stream<Item = Result<Bytes, Broken>> {
    stream::unfold(Some((Some(first), pieces)), async |state| {
        let (first, mut pieces) = state?;
        let said = match first {
            Some(first) => Some(Ok(first)),
            None => pieces.recv().await,
        };
        match said {
            Some(Ok(Piece::Bytes(bytes))) => Some((Ok(bytes), Some((None, pieces)))),
            Some(Ok(Piece::End)) => None,
            Some(Err(error)) => {
                tracing::warn!(
                    error.kind = error.kind(),
                    error.code = error.code(),
                    "SQL ended an export"
                );
                Some((Err(Broken), None))
            }
            None => Some((Err(Broken), None)),
        }
    })
}
