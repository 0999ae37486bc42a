//! The same without OpenTelemetry: nothing is recorded, and what a caller sent goes on as it came.

use std::{future::Future, ops::Range, time::SystemTime};

use actix_web::http::{Method, StatusCode};

use super::{Destination, Item, Names};
use crate::{broker::PublishError, wire::Reason};

/// What would begin spans.
#[derive(Clone, Debug, Default)]
pub struct Traces;

/// What would end with a drop; there is none.
#[derive(Debug)]
pub enum Never {}

impl Traces {
    /// Refuses settings that ask for what is not there.
    ///
    /// # Errors
    /// If there is a collector.
    pub fn start(endpoint: Option<&str>, _ratio: f64, _service: &str) -> anyhow::Result<Self> {
        anyhow::ensure!(
            endpoint.is_none(),
            "traces.endpoint is set, but this program was built without the feature otlp"
        );
        Ok(Self)
    }

    /// Nothing to export.
    pub async fn stop(&self) {}

    /// A request has come.
    pub fn serving(
        &self,
        _method: &Method,
        _route: impl FnOnce() -> Option<String>,
        _parent: Option<&str>,
    ) -> Serving {
        Serving
    }

    /// A message is about to be sent.
    pub fn sending(&self, _to: Destination) -> Sending {
        Sending
    }

    /// A dead letter is about to be stored.
    pub fn storing(
        &self,
        _from: Destination,
        _traceparent: Option<&str>,
        _message_id: &str,
        _reason: Reason,
    ) -> Storing {
        Storing
    }

    /// Begins a batch.
    pub fn processing<'a>(&self, _from: Destination, _items: impl Iterator<Item = Item<'a>>) -> Processing {
        Processing
    }
}

/// Work as it is.
pub fn carried<F: Future>(work: F) -> F {
    work
}

/// Nothing is entered.
pub fn entered(_traceparent: Option<&str>) -> Option<Never> {
    None
}

/// There is no current span.
pub(crate) fn current_names() -> Option<Names> {
    None
}

/// A request in hand.
#[derive(Debug)]
pub struct Serving;

impl Serving {
    /// Work on the request.
    pub fn around<F: Future>(&self, work: F) -> F {
        work
    }

    /// There is none.
    pub fn trace_id(&self) -> Option<String> {
        None
    }

    /// It was answered.
    pub fn answered(self, _status: StatusCode) {}
}

/// A message on its way.
#[derive(Debug, Default)]
pub struct Sending;

impl Sending {
    /// Nothing but what the caller sent.
    pub fn traceparent(&self) -> Option<String> {
        None
    }

    /// In which message it goes.
    pub fn goes_in(&self, _message_id: Option<&str>, _commands: usize) {}

    /// It is not the first of its kind.
    pub fn repeats(&self, _traceparent: Option<&str>) {}

    /// What became of it.
    pub fn sent(self, _outcome: Result<(), PublishError>) {}
}

/// A dead letter that is being stored.
#[derive(Debug)]
pub struct Storing;

impl Storing {
    /// The work.
    pub fn around<F: Future>(&self, work: F) -> F {
        work
    }

    /// Nothing is entered.
    pub fn enter(&self) -> Option<Never> {
        None
    }

    /// It could not be stored.
    pub fn failed(&self, _error: &'static str) {}
}

/// A batch in hand.
#[derive(Debug, Default)]
pub struct Processing;

impl Processing {
    /// A transaction has ended.
    pub fn transaction(
        &self,
        _system: &'static str,
        _commands: Range<usize>,
        _since: SystemTime,
        _error: Option<&'static str>,
    ) {
    }

    /// What became of a command.
    pub fn ended(&self, _command: usize, _result: &'static str, _error: Option<&'static str>) {}

    /// Nothing is entered.
    pub fn enter(&self, _command: usize) -> Option<Never> {
        None
    }
}

/// An operation on SQL.
pub(super) struct Statement(Never);

impl Statement {
    pub(super) fn begin(_system: &'static str, _operation: &'static str) -> Option<Self> {
        None
    }

    pub(super) fn end(self, _error: Option<&'static str>) {
        match self.0 {}
    }
}
