//! The rows that are announced and published together.

use std::time::Duration;

use sha2::{Digest, Sha256};
use shared::{
    domain::Operation,
    http::problem::Fault,
    store::imports::{ImportFormat, ImportRefusal, Progress},
    traces::Sending,
    wire::{MAX_ENVELOPES, MAX_MESSAGE_BYTES},
};

use super::Row;
use crate::coalescer::Together;

/// How many messages a window makes, about.
const MESSAGES: usize = 8;
/// The most rows of a window, refused ones included.
const MAX_ROWS: usize = MESSAGES * MAX_ENVELOPES;
/// The most bytes of a window's commands, but for the last.
const MAX_BYTES: usize = MESSAGES * MAX_MESSAGE_BYTES;
/// How long a window waits for more rows, so that also a slow file is seen to go on.
pub(super) const WAIT_MAX: Duration = Duration::from_secs(5);

/// How far a file was read.
#[derive(Clone)]
pub(super) struct Tally {
    at: Progress,
    hash: Sha256,
}

impl Tally {
    pub(super) fn start(format: ImportFormat) -> Self {
        let hash = Sha256::new_with_prefix(format.as_str());
        Self {
            at: Progress::start(hash.clone().finalize().into()),
            hash,
        }
    }

    /// Counts a row.
    pub(super) fn take(&mut self, row: &Row) {
        self.hash.update((row.canonical.len() as u64).to_be_bytes());
        self.hash.update(&row.canonical);
        self.at.rows += 1;
        match &row.contact {
            Ok(_) => self.at.accepted += 1,
            Err(faults) => {
                self.at.refused += 1;
                self.at.faults += u32::try_from(faults.len()).unwrap_or_default();
            }
        }
    }

    pub(super) fn rows(&self) -> u32 {
        self.at.rows
    }

    /// How many faults were found.
    pub(super) fn faults(&self) -> u32 {
        self.at.faults
    }

    /// Where it is.
    pub(super) fn progress(&self) -> Progress {
        Progress {
            digest: self.hash.clone().finalize().into(),
            ..self.at.clone()
        }
    }
}

/// Rows that go together.
#[derive(Default)]
pub(super) struct Window {
    rows: usize,
    bytes: usize,
    pub(super) commands: Vec<Together>,
    pub(super) refusals: Vec<ImportRefusal>,
    /// The span of what is published; begun with the first command.
    pub(super) sending: Option<Sending>,
}

impl Window {
    pub(super) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    pub(super) fn is_full(&self) -> bool {
        self.rows >= MAX_ROWS || self.bytes >= MAX_BYTES
    }

    pub(super) fn accept(&mut self, id: String, body: Vec<u8>) {
        self.rows += 1;
        self.bytes += body.len();
        self.commands.push((Operation::Create, id, body));
    }

    /// Notes the faults of a row; `number` is that of the first.
    pub(super) fn refuse(&mut self, number: u32, line: u64, faults: Vec<Fault>) {
        self.rows += 1;
        for (number, fault) in (number..).zip(faults) {
            self.refusals.push(ImportRefusal {
                number,
                line,
                pointer: fault.pointer,
                code: fault.code.into_owned(),
                detail: fault.detail.into_owned(),
            });
        }
    }

    /// The commands, as many together as a message takes.
    pub(super) fn messages(commands: Vec<Together>) -> Vec<Vec<Together>> {
        let mut messages: Vec<Vec<Together>> = Vec::new();
        let mut bytes = 0;
        for command in commands {
            // With a comma; the brackets are one more.
            let length = command.2.len() + 1;
            match messages.last_mut() {
                Some(last) if last.len() < MAX_ENVELOPES && bytes + length < MAX_MESSAGE_BYTES => {
                    bytes += length;
                    last.push(command);
                }
                _ => {
                    bytes = length;
                    messages.push(vec![command]);
                }
            }
        }
        messages
    }
}
