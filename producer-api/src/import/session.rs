//! A request that begins an import or goes on with one.
//!
//! **Invariant:** nothing is published that was not announced, and a file is answered only once all that is good of it is
//! confirmed. What went before is compared, not believed: another file under a used key publishes nothing.

use std::{collections::VecDeque, sync::Arc};

use shared::{
    domain::{Action, Command, ImportId, Operation},
    http::problem::{Code, Problem},
    store::imports::{Held, ImportRecord, ImportStatus, NewImport, Progress},
    wire::Envelope,
};
use tokio::sync::{OwnedSemaphorePermit, mpsc};
use uuid::Uuid;

use super::{
    MAX_IMPORT_ROWS, Row,
    body::Body,
    media::Media,
    reading::{self, Piece, defect},
    window::{Tally, WAIT_MAX, Window},
};
use crate::{api::Api, server::IMPORT};

/// Whether the client named its import.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Named {
    /// By an `Idempotency-Key`.
    ByKey,
    /// Not at all.
    No,
}

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Order {
    /// Which import.
    pub id: ImportId,
    /// Whether it can be named again.
    pub named: Named,
    /// Who asks.
    pub principal: String,
    /// What the file is.
    pub media: Media,
    /// The W3C trace context.
    pub traceparent: Option<String>,
}

/// An import that did not come to the end of its file.
#[derive(Clone, Debug)]
pub struct Stopped {
    /// Why.
    pub problem: Problem,
    /// Which import, if some of it may have been accepted.
    pub import: Option<ImportId>,
}

impl Order {
    /// Says in a problem which import broke off and how it goes on.
    pub fn explain(&self, problem: Problem, import: Option<ImportId>) -> Problem {
        let Some(import) = import else {
            return problem;
        };
        let how = match (problem.code(), self.named) {
            (Code::ImportTakenOver, _) => "Follow it there.",
            (_, Named::ByKey) => {
                "Some rows are accepted. Send the same file again with the same Idempotency-Key: it goes on where it broke off."
            }
            (_, Named::No) => {
                "Some rows are accepted. Without an Idempotency-Key it cannot go on: send what follows the first rows, as many as the import counts, as another file."
            }
        };
        problem.with_import(import, how)
    }
}

/// Reads a file to its end and publishes what is good of it.
///
/// # Errors
/// With the problem, and the import where it can go on.
pub async fn run(
    api: Arc<Api>,
    order: Order,
    body: Body,
    permit: OwnedSemaphorePermit,
) -> Result<ImportRecord, Stopped> {
    let mut pieces = reading::read(order.media, body);
    let nothing = |problem| Stopped {
        problem,
        import: None,
    };
    let header = match pieces.recv().await {
        Some(Piece::Header(header)) => header,
        Some(Piece::End(Err(error))) => return Err(nothing(error.into_problem())),
        Some(Piece::Rows(_) | Piece::End(Ok(()))) | None => return Err(nothing(defect())),
    };
    let tally = Tally::start(order.media.format);
    let new = NewImport {
        id: order.id,
        session: Uuid::now_v7(),
        principal: order.principal.clone(),
        format: order.media.format,
        columns: header.columns,
        ignored_columns: header.ignored_columns,
        start: tally.progress(),
    };
    let opened = api.store.open_import(&new, api.clock.now()).await;
    let record = opened.map_err(|error| nothing(Problem::import_store(&error)))?;
    let mut session = Session {
        id: order.id,
        session: new.session,
        begun: record.announced.rows > 0,
        confirmed: record.confirmed.clone(),
        api,
        order,
        pieces,
        read: VecDeque::new(),
        ended: false,
        tally,
    };
    let finished = match record.status {
        ImportStatus::Complete => session.compare(record).await,
        ImportStatus::Receiving | ImportStatus::Interrupted => session.go_on(record).await,
    };
    drop(permit);
    match finished {
        Ok(record) => Ok(record),
        Err(problem) => Err(session.stop(problem).await),
    }
}

struct Session {
    api: Arc<Api>,
    order: Order,
    id: ImportId,
    session: Uuid,
    /// Whether some of it may have been published.
    begun: bool,
    confirmed: Progress,
    pieces: mpsc::Receiver<Piece>,
    read: VecDeque<Row>,
    ended: bool,
    tally: Tally,
}

impl Session {
    /// The file of an import that is complete already.
    async fn compare(&mut self, record: ImportRecord) -> Result<ImportRecord, Problem> {
        // Whoever has it, nothing is written.
        self.skip_to(&record.confirmed).await?;
        match self.next().await? {
            Some(_) => Err(reused()),
            None => Ok(record),
        }
    }

    async fn go_on(&mut self, record: ImportRecord) -> Result<ImportRecord, Problem> {
        self.skip_to(&record.confirmed).await?;
        if record.announced.rows > record.confirmed.rows {
            let window = self.gather_to(&record.announced).await?;
            self.publish(window).await?;
        }
        while !self.ended || !self.read.is_empty() {
            let window = self.gather().await?;
            self.publish(window).await?;
        }
        let (end, now) = (self.confirmed.clone(), self.api.clock.now());
        let completed = self.api.store.complete_import(self.id, self.session, &end, now);
        held(completed.await)?;
        let stored = self.api.store.import(self.id).await;
        let stored = stored.map_err(|error| Problem::import_store(&error))?;
        stored.ok_or_else(Problem::import_not_found)
    }

    /// Reads the rows that are confirmed already.
    async fn skip_to(&mut self, place: &Progress) -> Result<(), Problem> {
        while self.tally.rows() < place.rows {
            let row = self.next().await?.ok_or_else(reused)?;
            self.tally.take(&row);
        }
        self.must_be(place)
    }

    /// The rows up to a place that were announced, perhaps published, but not confirmed.
    async fn gather_to(&mut self, place: &Progress) -> Result<Window, Problem> {
        let mut window = Window::default();
        while self.tally.rows() < place.rows {
            let row = self.next().await?.ok_or_else(reused)?;
            self.take(&mut window, row);
        }
        self.must_be(place)?;
        Ok(window)
    }

    /// The next rows: as many as go together, or as come in time.
    async fn gather(&mut self) -> Result<Window, Problem> {
        let until = tokio::time::Instant::now() + WAIT_MAX;
        let mut window = Window::default();
        while !window.is_full() {
            let Ok(row) = tokio::time::timeout_at(until, self.next()).await else {
                break;
            };
            let Some(row) = row? else {
                break;
            };
            if self.tally.rows() == MAX_IMPORT_ROWS {
                let detail = format!("A file has at most {MAX_IMPORT_ROWS} rows.");
                return Err(Problem::new(Code::PayloadTooLarge, detail));
            }
            self.take(&mut window, row);
        }
        Ok(window)
    }

    fn must_be(&self, place: &Progress) -> Result<(), Problem> {
        if self.tally.progress() == *place {
            Ok(())
        } else {
            Err(reused())
        }
    }

    fn take(&mut self, window: &mut Window, row: Row) {
        let number = self.tally.rows();
        let faults = self.tally.faults();
        self.tally.take(&row);
        let contact = match row.contact {
            Ok(contact) => contact,
            Err(found) => return window.refuse(faults, row.line, found),
        };
        let ids = self.api.id_key().row_ids(self.id, number);
        let sending = window.sending.get_or_insert_with(|| self.api.sending());
        let traceparent = sending.traceparent();
        let principal = &self.order.principal;
        let envelope = Envelope {
            command: Command {
                id: ids.command,
                contact_id: ids.contact,
                stamp: self.api.stamps.next(),
                if_match: None,
                action: Action::Create(contact),
            },
            principal: principal.clone(),
            key_hash: None,
            request_hash: self
                .api
                .id_key()
                .request_hash(principal, "POST", IMPORT, "", &row.canonical),
            traceparent: traceparent.or_else(|| self.order.traceparent.clone()),
        };
        window.accept(ids.command.to_string(), envelope.encode());
    }

    /// Announces a window and publishes it. One without rows says that the import goes on.
    async fn publish(&mut self, window: Window) -> Result<(), Problem> {
        let (end, now) = (self.tally.progress(), self.api.clock.now());
        let announced = self.api.store.announce_import(
            self.id,
            self.session,
            &self.confirmed,
            &end,
            &window.refusals,
            now,
        );
        held(announced.await)?;
        self.begun |= !window.is_empty();
        let (sending, commands) = (window.sending, window.commands.len());
        let sent = Window::messages(window.commands)
            .into_iter()
            .map(|together| async {
                let count = together.len();
                let outcome = self.api.coalescer.publish_together(together).await;
                self.api.metrics.published(Operation::Create, count, outcome);
                outcome
            });
        let outcomes = futures_util::future::join_all(sent).await;
        let outcome = outcomes.into_iter().collect::<Result<(), _>>();
        if let Some(sending) = sending {
            sending.goes_in(None, commands);
            sending.sent(outcome);
        }
        outcome.map_err(Problem::import_publish)?;
        self.confirmed = end;
        Ok(())
    }

    /// The next row; none at the end of the file.
    async fn next(&mut self) -> Result<Option<Row>, Problem> {
        while self.read.is_empty() && !self.ended {
            let piece = tokio::select! {
                biased;
                () = self.api.stopping.cancelled() => return Err(Problem::import_interrupted()),
                piece = self.pieces.recv() => piece,
            };
            match piece {
                Some(Piece::Rows(rows)) => self.read.extend(rows),
                Some(Piece::End(Ok(()))) => self.ended = true,
                Some(Piece::End(Err(error))) => return Err(error.into_problem()),
                Some(Piece::Header(_)) | None => return Err(defect()),
            }
        }
        Ok(self.read.pop_front())
    }

    /// Leaves the import to whoever goes on with it.
    async fn stop(self, problem: Problem) -> Stopped {
        let now = self.api.clock.now();
        let interrupted = self
            .api
            .store
            .interrupt_import(self.id, self.session, &self.confirmed, now);
        if let Err(error) = interrupted.await {
            tracing::warn!(
                error.kind = error.kind(),
                error.code = error.code(),
                import.id = %self.id,
                "an import broke off, and that could not be noted"
            );
        }
        let reused = problem.code() == Code::IdempotencyKeyReused;
        Stopped {
            problem,
            import: (self.begun && !reused).then_some(self.id),
        }
    }
}

fn held(outcome: Result<Held, shared::store::StoreError>) -> Result<(), Problem> {
    match outcome {
        Ok(Held::Yes) => Ok(()),
        Ok(Held::No) => Err(Problem::import_taken_over()),
        Err(error) => Err(Problem::import_store(&error)),
    }
}

fn reused() -> Problem {
    let detail = "The Idempotency-Key stands for another file; nothing of this one was accepted.";
    Problem::new(Code::IdempotencyKeyReused, detail)
}
