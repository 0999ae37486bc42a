//! `GET /replays/{id}/items.csv`: what became of each dead letter of a replay, as CSV (RFC 4180). Ids, times and closed words
//! alone: no personal data, and nothing that a spreadsheet takes for a formula.

use actix_web::{
    HttpRequest, HttpResponse,
    http::header::CONTENT_DISPOSITION,
    web::{Bytes, Data, Path},
};
use csv::{Terminator, WriterBuilder};
use shared::{
    http::{access::Scope, query},
    runtime::ProcessRuntime,
    store::{
        StoreError,
        replays::{ItemState, ReplayedItem},
    },
};
use uuid::Uuid;

use crate::{
    actions::Actions,
    console::{Trouble, Visit, pages::id},
    replays::ItemView,
    routes::{
        Desk,
        pieces::{Pieces, body},
    },
};

/// Rows that are read at once.
const PAGE: u64 = 1_000;

/// The rows that are still to be said.
struct Rows {
    actions: Actions,
    runtime: ProcessRuntime,
    replay: Uuid,
    after: u32,
    ended: bool,
}

pub(super) async fn download(
    visit: Visit,
    desk: Data<Desk>,
    path: Path<String>,
    request: HttpRequest,
) -> HttpResponse {
    visit.answer(file(&visit, &desk, &path, &request).await)
}

async fn file(
    visit: &Visit,
    desk: &Desk,
    path: &str,
    request: &HttpRequest,
) -> Result<HttpResponse, Trouble> {
    visit.with(&[Scope::DeadLettersRead])?;
    query::none(request)?;
    let (replay, actions) = (id(path)?, desk.actions.clone());
    let check = async move { actions.is_replay(replay).await };
    desk.runtime.run(check).await?;
    let mut rows = Rows {
        actions: desk.actions.clone(),
        runtime: desk.runtime.clone(),
        replay,
        after: 0,
        ended: false,
    };
    let first = rows.next().await?;
    let name = format!("attachment; filename=\"replay-{replay}.csv\"");
    Ok(HttpResponse::Ok()
        .content_type("text/csv; charset=utf-8")
        .insert_header((CONTENT_DISPOSITION, name))
        .streaming(body(first, rows)))
}

impl Pieces for Rows {
    const WHAT: &'static str = "replay";

    async fn next(&mut self) -> Result<Bytes, StoreError> {
        if self.ended {
            return Ok(Bytes::new());
        }
        let (actions, replay, after) = (self.actions.clone(), self.replay, self.after);
        let read = async move { actions.replayed_items(replay, &ItemState::ALL, after, PAGE).await };
        let items = self.runtime.run(read).await?;
        self.ended = (items.len() as u64) < PAGE;
        self.after = items.last().map_or(after, |last| last.position);
        Ok(rows(&items, after == 0).into())
    }
}

fn rows(items: &[ReplayedItem], with_names: bool) -> Vec<u8> {
    let mut writer = WriterBuilder::new()
        .terminator(Terminator::CRLF)
        .has_headers(false)
        .from_writer(Vec::new());
    let mut write = || {
        if with_names {
            writer.write_record(ItemView::NAMES)?;
        }
        items
            .iter()
            .try_for_each(|item| writer.serialize(ItemView::from(item)))
    };
    write().expect("writing texts to memory does not fail");
    writer.into_inner().expect("writing to memory does not fail")
}
