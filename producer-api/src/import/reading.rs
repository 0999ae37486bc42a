//! The thread that cuts a file into rows and checks them. It may block; nothing else here may.

use std::io;

use shared::{
    http::problem::{Code, Problem},
    store::imports::{ImportColumns, ImportFormat},
};
use tokio::sync::mpsc;

use super::{Row, body::Body, csv::CsvRows, media::Media, ndjson::NdjsonRows, vcard::VCardRows};

/// How many rows are handed on together.
const ROWS_TOGETHER: usize = 64;
/// How many bytes of rows are, about.
const BYTES_TOGETHER: usize = 64 * 1024;
/// How many such may wait.
const WAITING_MAX: usize = 4;

/// What is known of a file before its rows.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// Which header became which field.
    pub columns: ImportColumns,
    /// How many columns became none.
    pub ignored_columns: u32,
}

/// A piece of a file that was read.
pub enum Piece {
    /// What is known before its rows; always the first.
    Header(Header),
    /// Rows, in order.
    Rows(Vec<Row>),
    /// Its end, or why there is none; always the last.
    End(Result<(), ReadError>),
}

/// Why a file was not read to its end.
#[derive(Debug)]
pub enum ReadError {
    /// It broke off.
    BrokeOff,
    /// It is no such file.
    Problem(Problem),
}

impl From<io::Error> for ReadError {
    fn from(_: io::Error) -> Self {
        Self::BrokeOff
    }
}

impl ReadError {
    /// What to tell.
    pub fn into_problem(self) -> Problem {
        match self {
            Self::BrokeOff => Problem::malformed("The body ended too early."),
            Self::Problem(problem) => problem,
        }
    }
}

/// Reads a body on a thread of its own.
pub fn read(media: Media, body: Body) -> mpsc::Receiver<Piece> {
    let (pieces, receiver) = mpsc::channel(WAITING_MAX);
    tokio::task::spawn_blocking(move || {
        let ended = Rows::open(media, body).and_then(|rows| hand_on(rows, &pieces));
        // Whoever does not listen any more does not want to know.
        let _ = pieces.blocking_send(Piece::End(ended));
    });
    receiver
}

fn hand_on(mut rows: Rows, pieces: &mpsc::Sender<Piece>) -> Result<(), ReadError> {
    let gone = |_| ReadError::BrokeOff;
    pieces.blocking_send(Piece::Header(rows.header())).map_err(gone)?;
    let (mut together, mut bytes) = (Vec::new(), 0);
    loop {
        let row = rows.next()?;
        let ended = row.is_none();
        bytes += row.as_ref().map_or(0, |row| row.canonical.len());
        together.extend(row);
        if ended || together.len() >= ROWS_TOGETHER || bytes >= BYTES_TOGETHER {
            bytes = 0;
            pieces
                .blocking_send(Piece::Rows(std::mem::take(&mut together)))
                .map_err(gone)?;
        }
        if ended {
            return Ok(());
        }
    }
}

/// The rows of a file.
enum Rows {
    Csv(Box<CsvRows<Body>>),
    Ndjson(NdjsonRows<Body>),
    VCard(VCardRows<Body>),
}

impl Rows {
    fn open(media: Media, body: Body) -> Result<Self, ReadError> {
        Ok(match media.format {
            ImportFormat::Csv => Self::Csv(Box::new(CsvRows::open(body, media.charset)?)),
            ImportFormat::Ndjson => Self::Ndjson(NdjsonRows::new(body)),
            ImportFormat::VCard => Self::VCard(VCardRows::new(body, media.charset)),
        })
    }

    fn header(&self) -> Header {
        match self {
            Self::Csv(rows) => Header {
                columns: rows.columns().used().clone(),
                ignored_columns: rows.columns().ignored().try_into().unwrap_or(u32::MAX),
            },
            Self::Ndjson(_) | Self::VCard(_) => Header::default(),
        }
    }

    fn next(&mut self) -> Result<Option<Row>, ReadError> {
        Ok(match self {
            Self::Csv(rows) => rows.next()?,
            Self::Ndjson(rows) => rows.next()?,
            Self::VCard(rows) => rows.next()?,
        })
    }
}

/// A panic in the thread drops its end of the channel without a word.
pub fn defect() -> Problem {
    Problem::new(
        Code::InternalError,
        "The file was not read, by a defect of the service.",
    )
}
