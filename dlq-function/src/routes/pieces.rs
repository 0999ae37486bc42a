//! Answers that are as long as it takes: read a piece after the other, as the client takes them.
//!
//! **Invariant:** an answer ends as an answer does only after its last piece; what goes wrong before breaks the connection.

use actix_web::web::Bytes;
use futures_util::{Stream, stream};
use shared::store::StoreError;

/// Why an answer has no end; the log says it.
#[derive(Debug, thiserror::Error)]
#[error("it could not be read to its end")]
pub(crate) struct Broken;

/// What is still to be said.
pub(crate) trait Pieces {
    /// What it is, for the log.
    const WHAT: &'static str;

    /// The next piece; empty at the end.
    async fn next(&mut self) -> Result<Bytes, StoreError>;
}

/// The body of an answer: a first piece, and those that follow.
pub(crate) fn body<P: Pieces>(first: Bytes, pieces: P) -> impl Stream<Item = Result<Bytes, Broken>> {
    stream::unfold(Some((Some(first), pieces)), async |state| {
        let (first, mut pieces) = state?;
        let piece = match first {
            Some(first) => Ok(first),
            None => pieces.next().await,
        };
        match piece {
            // An empty piece would end the body, and is only read at its end.
            Ok(piece) if piece.is_empty() => None,
            Ok(piece) => Some((Ok(piece), Some((None, pieces)))),
            Err(error) => {
                tracing::warn!(
                    what = P::WHAT,
                    error.kind = error.kind(),
                    error.code = error.code(),
                    "SQL ended an answer"
                );
                Some((Err(Broken), None))
            }
        }
    })
}
