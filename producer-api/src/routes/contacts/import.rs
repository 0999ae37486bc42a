//! `POST /v1/contacts/import`: create the contacts of a file.

use std::pin::pin;

use actix_web::{
    HttpMessage, HttpRequest, HttpResponse,
    http::{StatusCode, header},
    web::{Data, Payload},
};
use futures_util::StreamExt;
use shared::{
    domain::ImportId,
    http::{
        access::{Caller, Scope},
        body::BODY_TIMEOUT,
        edge::RequestNames,
        forwarded,
        openapi::Description,
        problem::{Code, Problem},
        query,
    },
    store::commands::StatusCounts,
};
use tokio::sync::mpsc;

use crate::{
    answer::{OPERATION_LOCATION, PENDING_RETRY_AFTER_SECONDS},
    api::Api,
    idempotency_key::IdempotencyKey,
    import::{
        MAX_IMPORT_BYTES,
        body::{self, Chunk},
        media::{self, Media},
        resource::{ImportView, import_path},
        session::{self, Named, Order, Stopped},
    },
    openapi::{CONTACTS_TAG, examples, parts, schemas::ImportFile},
    routes::imports::view,
};

const WRITERS: &[Scope] = &[Scope::ContactsWrite];

/// The operation in the description of the API.
pub fn describe() -> Description {
    let about = "A CSV with a header, NDJSON or vCards: each good row becomes a command, each other one is refused with its line. Answered once all of the file is read and its commands are stored. Sent again with the same `Idempotency-Key` it goes on where it broke off; each row has one effect.";
    let import = Description::new("import-contacts", CONTACTS_TAG, "Import contacts", about);
    import
        .scopes(WRITERS)
        .parameters([parts::idempotency_key()])
        .body::<ImportFile>(media::CSV, "The file.", examples::csv())
        .also_taken::<ImportFile>(media::NDJSON, examples::ndjson())
        .also_taken::<ImportFile>(media::VCARD, examples::vcard())
        .json::<ImportView>(
            StatusCode::ACCEPTED,
            "The queue has stored the commands.",
            parts::import_accepted(),
            Some(examples::import()),
        )
        .problems([
            Code::ValidationFailed,
            Code::IdempotencyKeyReused,
            Code::ImportTakenOver,
            Code::ImportInterrupted,
            Code::BrokerUnavailable,
            Code::PublishUnconfirmed,
            Code::StoreUnavailable,
        ])
}

/// Reads the file and accepts the creates of its contacts.
///
/// # Errors
/// As the contract has it.
pub async fn import(api: Data<Api>, request: HttpRequest, payload: Payload) -> Result<HttpResponse, Problem> {
    let caller = Caller::with(&request, WRITERS)?;
    query::none(&request)?;
    let media = Media::read(&request)?;
    let key = IdempotencyKey::read(request.headers())?;
    let permit = api.imports.clone().try_acquire_owned();
    let permit = permit.map_err(|_| Problem::too_many_imports())?;
    let store = api.store.clone();
    let ping = api.runtime.run(async move { store.ping_writer().await });
    ping.await.map_err(|error| Problem::import_store(&error))?;
    let order = Order {
        id: import_id(&api, &caller, key.as_ref()),
        named: key.map_or(Named::No, |_| Named::ByKey),
        principal: caller.principal().to_owned(),
        media,
        traceparent: traceparent(&request),
    };
    let (chunks, body) = body::channel();
    let run = session::run(api.clone().into_inner(), order.clone(), body, permit);
    let mut run = pin!(api.runtime.run(run));
    let done = tokio::select! {
        biased;
        done = &mut run => done,
        fed = feed(payload, chunks) => match fed {
            Ok(()) => run.await,
            // What is wrong with the body, and not that it ended.
            Err(problem) => run.await.map_err(|stopped| Stopped { problem, ..stopped }),
        },
    };
    let record = done.map_err(|stopped| order.explain(stopped.problem, stopped.import))?;
    // It is accepted, whatever SQL says now of the rest.
    let view = view(&api, &record)
        .await
        .unwrap_or_else(|_| ImportView::new(&record, StatusCounts::default(), &[], api.clock.now()));
    Ok(answer(&request, record.id, &view))
}

fn import_id(api: &Api, caller: &Caller, key: Option<&IdempotencyKey>) -> ImportId {
    match key {
        Some(key) => {
            let hash = api.id_key().key_hash(caller.principal(), key.as_str());
            api.id_key().keyed_import_id(hash)
        }
        None => api.ids.issue_import(api.clock.now_ms(), rand::random()),
    }
}

fn traceparent(request: &HttpRequest) -> Option<String> {
    let extensions = request.extensions();
    let names = extensions.get::<RequestNames>()?;
    names.traceparent().map(str::to_owned)
}

/// Hands the body on as it comes, and no faster than it is read.
///
/// # Errors
/// `request-timeout`, `payload-too-large`, or `malformed-request` if it ends too early.
async fn feed(mut payload: Payload, chunks: mpsc::Sender<Chunk>) -> Result<(), Problem> {
    let mut bytes = 0;
    loop {
        let next = tokio::time::timeout(BODY_TIMEOUT, payload.next()).await;
        let chunk = next.map_err(|_| {
            let detail = format!("No more of the body arrived within {BODY_TIMEOUT:?}.");
            Problem::new(Code::RequestTimeout, detail)
        })?;
        let chunk = match chunk {
            None => Chunk::End,
            Some(Ok(data)) => {
                bytes += data.len() as u64;
                if bytes > MAX_IMPORT_BYTES {
                    let detail = format!("A file has at most {MAX_IMPORT_BYTES} bytes.");
                    return Err(Problem::new(Code::PayloadTooLarge, detail));
                }
                Chunk::Data(data)
            }
            Some(Err(_)) => {
                let detail = "The body ended too early or is not encoded as its headers say.";
                return Err(Problem::malformed(detail));
            }
        };
        let ended = matches!(chunk, Chunk::End);
        // Who does not read any more has an answer.
        if chunks.send(chunk).await.is_err() || ended {
            return Ok(());
        }
    }
}

fn answer(request: &HttpRequest, id: ImportId, view: &ImportView) -> HttpResponse {
    let path = import_path(id);
    let mut response = HttpResponse::Accepted();
    response.insert_header((
        OPERATION_LOCATION,
        format!("{}{path}", forwarded::origin(request)),
    ));
    response.insert_header((header::LOCATION, path));
    if view.goes_on() {
        response.insert_header((header::RETRY_AFTER, PENDING_RETRY_AFTER_SECONDS));
    }
    response.json(view)
}
