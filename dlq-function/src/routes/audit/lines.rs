//! The audit as JSON lines, all of it that the filters let through: read a page after the other, as the client takes them.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::{Accept, Header},
    web::Bytes,
};
use shared::{
    http::problem::Problem,
    runtime::ProcessRuntime,
    store::{
        StoreError,
        audit::{AuditFilter, AuditPosition, Entry},
    },
};

use crate::{
    actions::Actions,
    audit_view::AuditView,
    routes::{
        Desk,
        pieces::{Pieces, body},
    },
};

/// The media type.
pub(super) const NDJSON: &str = "application/x-ndjson";
/// Entries that are read at once.
const PAGE: u64 = 1_000;

/// The entries that are still to be said.
struct Lines {
    actions: Actions,
    runtime: ProcessRuntime,
    filter: AuditFilter,
    after: Option<AuditPosition>,
    ended: bool,
}

/// Whether a request asks for JSON lines rather than for a page.
pub(super) fn wanted(request: &HttpRequest) -> bool {
    let Ok(accept) = Accept::parse(request) else {
        return false;
    };
    let ranked = accept.ranked();
    let mut offered = ranked.iter().map(|range| range.essence_str());
    offered.find(|range| [NDJSON, "application/json", "application/*", "*/*"].contains(range)) == Some(NDJSON)
}

/// Answers all that a filter lets through.
///
/// # Errors
/// `store-unavailable`, if that is so before anything is said.
pub(crate) async fn answer(desk: &Desk, filter: AuditFilter) -> Result<HttpResponse, Problem> {
    let mut lines = Lines {
        actions: desk.actions.clone(),
        runtime: desk.runtime.clone(),
        filter,
        after: None,
        ended: false,
    };
    let first = lines.next().await.map_err(|error| Problem::store(&error))?;
    Ok(HttpResponse::Ok()
        .content_type(NDJSON)
        .insert_header(("content-disposition", "attachment; filename=\"audit.ndjson\""))
        .insert_header(("vary", "Accept"))
        .streaming(body(first, lines)))
}

impl Pieces for Lines {
    const WHAT: &'static str = "audit";

    async fn next(&mut self) -> Result<Bytes, StoreError> {
        if self.ended {
            return Ok(Bytes::new());
        }
        let (actions, filter, after) = (self.actions.clone(), self.filter.clone(), self.after);
        let read = async move { actions.audit_page(&filter, after, PAGE).await };
        let entries = self.runtime.run(read).await?;
        self.ended = (entries.len() as u64) < PAGE;
        self.after = entries.last().map(|last| AuditPosition {
            at: last.at,
            id: last.id,
        });
        Ok(lines(&entries).into())
    }
}

fn lines(entries: &[Entry]) -> Vec<u8> {
    let mut lines = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut lines, &AuditView::from(entry))
            .expect("writing texts to memory does not fail");
        lines.push(b'\n');
    }
    lines
}
